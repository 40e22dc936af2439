"""What is answered over FastAGI, and who is believed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from callgate.core.call import On, State
from callgate.core.reasons import Reason
from callgate.node import reception
from callgate.node.fleet import REMEMBERED
from callgate.pbx.agi import Played
from callgate.pbx.spool import Side
from tests.node.fakes import DECISION, WHOLE, Desk, FakeSession, message, pressed, until


def callee(*keys: Played) -> FakeSession:
    """The callee's channel asks what is to become of it; the notice plays to its end, and the keys follow."""
    session = FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1.2")
    session.plays.extend([WHOLE, *keys])
    return session


async def talking(desk: Desk) -> None:
    """A call whose two parties talk, unrecorded: the agent's channel 1.1, the callee's 1.2."""
    await desk.ring((await desk.gate())[4])
    await desk.ask(callee(pressed("2", 900)))
    await until(lambda: "connected" in desk.done)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    assert pilot.state is State.TALKING


# The gate.


async def test_an_allow_is_for_the_channel_that_asked_and_its_token_is_good(desk: Desk) -> None:
    verdict, uniqueid, reason, call, token, digits, *_ = await desk.gate()
    assert (verdict, uniqueid, reason, call, digits) == ("allow", "1.1", "clear", "c1", "33199001234")
    await desk.ring(token)
    assert desk.alarms() == []


async def test_a_block_opens_nothing_and_is_shown_without_the_number(desk: Desk) -> None:
    desk.office.decision = replace(DECISION, allowed=False, reason=Reason.OBJECTION, digits="")
    verdict, _, reason, _, token, digits, *_ = await desk.gate()
    assert (verdict, reason, token, digits) == ("block", "objection", "", "")
    assert len(desk.fleet) == 0
    assert desk.office.owed == []
    (shown,) = [happening.facts for happening in desk.live.after(0) if happening.what == "block"]
    assert shown["number"] == "+33 ••• 34"
    assert "99001234" not in str(shown)


def ami_down(desk: Desk) -> None:
    desk.link.up = False


def not_settled(desk: Desk) -> None:
    desk.recovery.settled = False


@pytest.mark.parametrize(("breaks", "reason"), [(ami_down, "pbx-unseen"), (not_settled, "callgate-starting")])
async def test_a_gate_that_cannot_see_says_no_and_keeps_the_block(
    desk: Desk, breaks: Callable[[Desk], None], reason: str
) -> None:
    breaks(desk)
    answer = await desk.gate()
    assert (answer[0], answer[2]) == ("block", reason)
    assert "decide" not in desk.done
    assert [(operation, facts["key"], facts["reason"]) for operation, facts in desk.office.owed] == [
        ("block", "pbx-1.1", reason)
    ]


@pytest.mark.parametrize("dialled", ["112", "0112"])
async def test_an_emergency_number_passes_whatever_is_broken(desk: Desk, dialled: str) -> None:
    ami_down(desk)
    not_settled(desk)
    answer = await desk.gate(dialled)
    assert (answer[0], answer[2], answer[5]) == ("allow", "emergency", "112")
    assert "decide" not in desk.done


# Who is believed.


@pytest.mark.parametrize(
    ("script", "call", "uniqueid"),
    [
        ("answer", "c2", "1.2"),  # no such call
        ("answer", "c1", "1.1"),  # the agent's channel
        ("answer", "c1", "1.9"),  # another channel that is live
        ("answer", "c1", "7.7"),  # a channel that is not
        ("withdraw", "c1", "1.1"),
        ("withdraw", "c1", "1.9"),
        ("withdraw", "c2", "1.2"),
        ("object", "c1", "1.1"),
        ("object", "c1", "1.9"),
        ("object", "", "1.2"),
        ("heard", "c1", "1.2"),
        ("heard", "c1", "1.9"),
    ],
)
async def test_a_channel_that_may_not_speak_for_a_call_is_not_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, script: str, call: str, uniqueid: str
) -> None:
    monkeypatch.setattr(reception, "SEEN_WITHIN_S", 0)
    await talking(desk)
    await desk.watch.on_event(message("Newchannel", uniqueid="1.9", channel="PJSIP/lille-1"))
    before = list(desk.done)
    session = await desk.ask(FakeSession(script, call, uniqueid=uniqueid))
    assert session.variables == {}
    assert desk.done == before
    assert desk.alarms() == ["agi-not-believed"]


async def test_nobody_is_believed_while_ami_is_down(desk: Desk) -> None:
    await talking(desk)
    ami_down(desk)
    session = await desk.ask(FakeSession("object", "c1", uniqueid="1.2"))
    assert session.variables == {}
    assert "object" not in desk.done


async def test_a_channel_that_ami_shows_a_moment_later_is_believed(desk: Desk) -> None:
    token = (await desk.gate())[4]
    session = callee(pressed("2", 900))
    asking = asyncio.create_task(desk.ask(session))
    await asyncio.sleep(0)
    await desk.ring(token)
    await asking
    assert session.variables["CALLGATE_HEARD"] == "connect:1.2"


# What is said then.


async def test_a_callee_who_agrees_is_recorded_and_let_through(desk: Desk) -> None:
    await desk.ring((await desk.gate())[4])
    session = callee(pressed("1", 900))
    await desk.ask(session)
    files = {side: desk.recordings.path_for("c1", side) for side in Side}
    options = f"r({files[Side.CALLEE]})t({files[Side.AGENT]})i(CALLGATE_RECORDER)"
    assert session.executed == [("MixMonitor", "", options)]
    assert session.variables["CALLGATE_HEARD"] == "connect:1.2"


async def test_a_callee_who_objects_is_never_let_through(desk: Desk) -> None:
    await desk.ring((await desk.gate())[4])
    session = callee(pressed("9", 900))
    await desk.ask(session)
    assert "object" in desk.done
    assert "CALLGATE_HEARD" not in session.variables
    assert session.variables["CALLGATE_TELL"] == "agent/callee-objected"


@pytest.mark.parametrize(
    ("script", "uniqueid", "operation", "key"),
    [
        ("withdraw", "1.2", "withdraw", "withdrawn/c1"),
        ("object", "1.2", "object", "objected/c1"),
        ("heard", "1.1", "object", "objected/c1"),
    ],
)
async def test_a_key_is_confirmed_when_it_is_committed_and_only_then(
    desk: Desk, script: str, uniqueid: str, operation: str, key: str
) -> None:
    await talking(desk)
    desk.office.refuses.add(operation)
    session = await desk.ask(FakeSession(script, "c1", uniqueid=uniqueid))
    assert session.variables == {}
    assert session.deleted == []
    assert next(owed for owed, _ in desk.office.owed) == operation


@pytest.mark.parametrize(
    ("script", "uniqueid", "operation", "key"),
    [
        ("withdraw", "1.2", "withdraw", "withdrawn/c1"),
        ("object", "1.2", "object", "objected/c1"),
        ("heard", "1.1", "object", "objected/c1"),
    ],
)
async def test_a_committed_key_is_confirmed_to_its_channel_and_no_longer_kept(
    desk: Desk, script: str, uniqueid: str, operation: str, key: str
) -> None:
    await talking(desk)
    session = await desk.ask(FakeSession(script, "c1", uniqueid=uniqueid))
    assert operation in desk.done
    assert session.variables == {"CALLGATE_DONE": f"done:{uniqueid}"}
    assert session.deleted == [key]


# The agent's key after the call.


async def heard_after(desk: Desk, channel: str = "PJSIP/brussels-5") -> FakeSession:
    await desk.watch.on_event(message("Newchannel", uniqueid="1.5", channel=channel))
    return await desk.ask(FakeSession("heard-last", "", "brussels", uniqueid="1.5", channel=channel))


async def test_after_the_call_the_agent_speaks_for_its_callee(desk: Desk) -> None:
    await talking(desk)
    await desk.hang_up("1.2")
    session = await heard_after(desk)
    assert session.variables == {"CALLGATE_DONE": "done:1.5"}
    assert "object" in desk.done


async def test_another_agent_speaks_for_nobody(desk: Desk) -> None:
    await talking(desk)
    await desk.hang_up("1.2")
    session = await heard_after(desk, "PJSIP/lille-5")
    assert session.variables == {}
    assert "object" not in desk.done


async def test_long_after_the_call_nobody_can_tell_whom_the_agent_means(desk: Desk) -> None:
    await talking(desk)
    await desk.hang_up("1.2")
    await until(lambda: len(desk.fleet) == 0)
    desk.now += REMEMBERED * 2
    session = await heard_after(desk)
    assert session.variables == {}
    assert "object" not in desk.done


async def test_a_call_that_was_never_dialled_has_no_callee_to_speak_for(desk: Desk) -> None:
    await desk.gate()
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.signal(On.ENDED)
    session = await heard_after(desk)
    assert session.variables == {}


@pytest.mark.parametrize("script", ["pause", "resume"])
@pytest.mark.parametrize(("uniqueid", "believed"), [("1.1", True), ("1.2", False)])
async def test_only_the_agents_channel_pauses_and_resumes(
    desk: Desk, script: str, uniqueid: str, believed: bool
) -> None:
    await talking(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.state = State.PAUSED
    session = await desk.ask(FakeSession(script, "c1", uniqueid=uniqueid))
    assert (session.variables.get("CALLGATE_DONE") == f"done:{uniqueid}") is believed
    assert ("agi-not-believed" in desk.alarms()) is not believed
