"""What somebody on the line said by another way: done to their call as their key would do it, once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from callgate.boundary import Said
from callgate.core.call import On, State
from callgate.core.events import Kind
from callgate.node.meanwhile import TRIES, Meanwhile
from callgate.pilot import Pilot
from tests.node.fakes import WHOLE, Desk, FakeSession, message, pressed, until
from tests.node.test_recovery import AGENT, CALLEE, OPEN

WITHDRAWN = Said("c1", Kind.WITHDRAWAL)
OBJECTED = Said("c1", Kind.OBJECTION)
KEY = ("PlayDTMF", "PJSIP/carrier-1.2")
HANG_UP = ("Hangup", "PJSIP/carrier-1.2")


@pytest.fixture
async def meanwhile(desk: Desk) -> AsyncIterator[Meanwhile]:
    yield Meanwhile(desk.office, desk.fleet, desk.exchange, desk.pause)


async def call(desk: Desk, key: str = "1") -> Pilot:
    """A call whose callee pressed this key at the question."""
    await desk.ring((await desk.gate())[4])
    session = FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1.2")
    session.plays.extend([WHOLE, pressed(key, 900)])
    await desk.ask(session)
    await until(lambda: "connected" in desk.done)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    desk.done.clear()
    return pilot


async def told(desk: Desk, meanwhile: Meanwhile, said: Said) -> None:
    """It is in the ledger from now on, and the node asks three times."""
    desk.office.meanwhile.append(said)
    for _ in range(3):
        await meanwhile.look()
        await desk.quiet()


def live(desk: Desk, what: str) -> int:
    return sum(happening.what == what for happening in desk.live.after(0))


async def test_a_withdrawal_stops_and_destroys_the_recording_at_once_and_once(desk: Desk, meanwhile: Meanwhile) -> None:
    pilot = await call(desk)
    file = desk.recordings.path_for("c1")
    file.write_bytes(b"sound")
    await told(desk, meanwhile, WITHDRAWN)
    await until(lambda: "recording-destroyed" in desk.done)
    assert pilot.state is State.TALKING
    assert not file.exists()
    assert desk.link.acts.count(("StopMixMonitor", "PJSIP/carrier-1.2")) == 1
    assert desk.link.acts.count(KEY) == 1
    assert desk.done == ["withdraw", "recording-destroyed"]
    assert live(desk, "withdrawal") == 1


async def test_the_key_that_lets_it_be_said_to_the_callee_says_nothing_twice(desk: Desk, meanwhile: Meanwhile) -> None:
    await call(desk)
    await told(desk, meanwhile, WITHDRAWN)
    session = await desk.ask(FakeSession("withdraw", "c1", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    assert session.variables == {"CALLGATE_DONE": "done:1.2"}
    assert live(desk, "withdrawal") == 1


async def test_what_the_callees_own_key_said_is_not_done_again(desk: Desk, meanwhile: Meanwhile) -> None:
    pilot = await call(desk)
    await pilot.ask(On.WITHDREW, "callee-key")
    acts = list(desk.link.acts)
    await told(desk, meanwhile, WITHDRAWN)
    assert desk.link.acts == acts
    assert live(desk, "withdrawal") == 1


async def test_a_withdrawal_waits_for_a_recording_that_is_about_to_begin(desk: Desk, meanwhile: Meanwhile) -> None:
    await desk.ring((await desk.gate())[4])
    desk.office.meanwhile.append(WITHDRAWN)
    await meanwhile.look()
    pilot = await call_on(desk)
    assert pilot.state is State.RECORDING
    await meanwhile.look()
    await until(lambda: pilot.state is State.TALKING)


async def call_on(desk: Desk) -> Pilot:
    session = FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1.2")
    session.plays.extend([WHOLE, pressed("1", 900)])
    await desk.ask(session)
    await until(lambda: "connected" in desk.done)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    return pilot


async def test_an_objection_ends_the_call_by_the_callees_key_and_is_committed_no_second_time(
    desk: Desk, meanwhile: Meanwhile
) -> None:
    pilot = await call(desk)

    async def the_dialplan_asks() -> None:
        session = await desk.ask(FakeSession("object", "c1", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
        assert session.variables == {"CALLGATE_DONE": "done:1.2"}

    desk.office.meanwhile.append(OBJECTED)
    await meanwhile.look()
    await until(lambda: KEY in desk.link.acts)
    await the_dialplan_asks()
    await desk.quiet()
    assert pilot.state is State.LEAVING
    assert "object" not in desk.done
    assert HANG_UP not in desk.link.acts
    assert live(desk, "objection") == 1


async def test_where_no_key_is_taken_the_callee_is_hung_up(desk: Desk, meanwhile: Meanwhile) -> None:
    await call(desk, "2")
    await told(desk, meanwhile, OBJECTED)
    assert [act for act in desk.link.acts if act in (KEY, HANG_UP)] == [KEY] * TRIES + [HANG_UP]


async def test_an_objection_to_one_campaign_is_not_said_with_a_key_that_means_more(
    desk: Desk, meanwhile: Meanwhile
) -> None:
    await call(desk, "2")
    await told(desk, meanwhile, Said("c1", Kind.OBJECTION, whole=False))
    assert [act for act in desk.link.acts if act in (KEY, HANG_UP)] == [HANG_UP]


async def test_a_callee_who_still_rings_is_looked_up_when_they_answer_and_no_key_is_queued(
    desk: Desk, meanwhile: Meanwhile
) -> None:
    await desk.ring((await desk.gate())[4])
    await told(desk, meanwhile, OBJECTED)
    assert KEY not in desk.link.acts
    assert HANG_UP in desk.link.acts


async def test_what_the_agent_entered_for_the_call_leaves_them_to_say_goodbye(desk: Desk, meanwhile: Meanwhile) -> None:
    pilot = await call(desk)
    await told(desk, meanwhile, Said("c1", Kind.OBJECTION, in_the_call=True))
    assert pilot.state is State.RECORDING
    assert KEY not in desk.link.acts
    assert live(desk, "objection") == 1


async def test_calls_under_way_are_asked_for_from_the_mark_of_the_time_before_and_nothing_where_there_is_none(
    desk: Desk, meanwhile: Meanwhile
) -> None:
    await call(desk, "2")
    for _ in range(2):
        await meanwhile.look()
    for uniqueid in ("1.2", "1.1"):
        await desk.watch.on_event(message("Hangup", uniqueid=uniqueid))
    await until(lambda: "close" in desk.done)
    await meanwhile.look()
    assert desk.office.asked == [(["c1"], None), (["c1"], 1)]
    await desk.gate()
    await meanwhile.look()
    assert desk.office.asked[2:] == [(["c1"], None)]


async def test_whoever_takes_over_does_not_say_again_what_was_done(desk: Desk, meanwhile: Meanwhile) -> None:
    desk.office.open = [replace(OPEN, withdrawn=True)]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    await desk.quiet()
    acts = list(desk.link.acts)
    await told(desk, meanwhile, WITHDRAWN)
    assert desk.link.acts == acts
