"""The way back after a start or a gap: what is there, what was kept, what belongs to nobody."""

import asyncio
from dataclasses import replace

import pytest

from callgate.boundary import OpenCall
from callgate.core.call import State
from callgate.node import recovery
from callgate.node.recovery import DELETED_AT_ONCE
from callgate.pbx.ami import ActionRefused, Message, OutcomeUnknown
from tests.node.fakes import DECISION, Desk, FakeSession, as_session, message, until

OPEN = OpenCall(DECISION, "1.1", "alice", connected=True, consented=True, withdrawn=False)
AGENT = message("CoreShowChannel", uniqueid="1.1", channel="PJSIP/brussels-1", chanvariable="CALLGATE_ID=c1")
CALLEE = message("CoreShowChannel", uniqueid="1.2", channel="PJSIP/carrier-1", chanvariable="CALLGATE_ID=c1")


def kept(key: str, value: str) -> Message:
    return message("DBGetTreeResponse", key=f"/callgate/{key}", val=value)


KEPT = [
    kept("objected/c7", "1795780800"),
    kept("withdrawn/c8", "1795780800"),
    kept("blocked/1.5", "1795780800|brussels|0033199001234|callgate-timeout"),
]


# What the dialplan kept.


async def test_what_the_dialplan_kept_is_entered_before_the_gate_opens(desk: Desk) -> None:
    desk.recovery.settled = False
    desk.link.kept = KEPT
    await desk.recovery.settle()
    assert desk.done == ["object", "withdraw", "late pbx-1.5"]
    assert desk.recovery.settled


async def test_a_block_of_the_dialplan_is_told_to_the_live_page_once_and_without_a_number(desk: Desk) -> None:
    desk.link.kept = KEPT
    await desk.recovery.settle()
    await desk.recovery.settle()
    (told,) = [happening.facts for happening in desk.live.after(0) if happening.what == "block"]
    assert (told["call"], told["number"], told["centre"]) == ("pbx-1.5", "•••34", "brussels")
    assert "entered late" in str(told["detail"])


async def test_a_block_that_the_ledger_has_already_is_not_told_again(desk: Desk) -> None:
    desk.office.refuses.add("late again")
    desk.link.kept = KEPT
    await desk.recovery.settle()
    assert [happening for happening in desk.live.after(0) if happening.what == "block"] == []


async def test_the_gate_stays_closed_until_all_of_it_is_entered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "AGAIN_S", 0)
    desk.recovery.settled = False
    desk.link.kept = KEPT
    desk.office.refuses.add("withdraw")
    await desk.recovery.settle()
    assert not desk.recovery.settled
    desk.office.refuses.clear()
    await until(lambda: desk.recovery.settled)
    assert desk.done == ["object", "withdraw", "late pbx-1.5"]


async def test_however_often_it_cannot_be_entered_one_task_tries_again(desk: Desk) -> None:
    desk.link.kept = OutcomeUnknown("lost")
    for _ in range(3):
        await desk.recovery.settle()
    assert len(desk.exchange._jobs) == 1


async def test_where_nothing_was_kept_asterisk_knows_no_such_family(desk: Desk) -> None:
    desk.recovery.settled = False
    desk.link.kept = ActionRefused("DBGetTree", "Database entry not found")
    await desk.recovery.settle()
    assert desk.recovery.settled


async def test_a_withdrawal_kept_by_the_pbx_destroys_the_recording(desk: Desk) -> None:
    file = desk.recordings.path_for("c8")
    file.write_bytes(b"sound")
    desk.link.kept = KEPT
    await desk.recovery.settle()
    assert not file.exists()
    assert desk.done[1:3] == ["withdraw", "recording-destroyed"]


# What is entered need not be kept.


async def test_what_is_entered_is_deleted_some_at_a_time(desk: Desk) -> None:
    desk.link.kept = [kept(f"objected/c{number}", "1795780800") for number in range(7)]
    await desk.recovery.settle()
    sessions = [FakeSession("gate") for _ in range(3)]
    for session in sessions:
        await desk.recovery.forget_kept(as_session(session))
    assert [len(session.deleted) for session in sessions] == [DELETED_AT_ONCE, 2, 0]


async def test_two_sessions_at_once_delete_each_key_once(desk: Desk) -> None:
    desk.link.kept = [kept(f"objected/c{number}", "1795780800") for number in range(7)]
    await desk.recovery.settle()
    one, other = FakeSession("gate"), FakeSession("gate")
    await asyncio.gather(*(desk.recovery.forget_kept(as_session(session)) for session in (one, other)))
    assert sorted(one.deleted + other.deleted) == [f"objected/c{number}" for number in range(7)]


async def test_what_could_not_be_deleted_is_tried_again(desk: Desk) -> None:
    desk.link.kept = KEPT[:1]
    await desk.recovery.settle()
    lost, next_one = FakeSession("gate"), FakeSession("gate")
    lost.breaks = True
    await desk.recovery.forget_kept(as_session(lost))
    await desk.recovery.forget_kept(as_session(next_one))
    assert next_one.deleted == ["objected/c7"]


# Recordings that belong to no call.


async def test_a_recording_of_no_call_is_destroyed_and_reported_and_one_of_a_call_is_not(desk: Desk) -> None:
    desk.office.open = [OPEN]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    for name in ("c1", "stranger"):
        desk.recordings.path_for(name).write_bytes(b"sound")
    await desk.recovery.settle()
    assert desk.recordings.path_for("c1").exists()
    assert not desk.recordings.path_for("stranger").exists()
    assert desk.alarms() == ["orphan-recording-destroyed"]


async def test_other_files_in_the_spool_are_left_alone_and_told_of_once(desk: Desk) -> None:
    other = desk.recordings.path_for("c1").with_name("somebody.wav")
    other.touch()
    for _ in range(3):
        await desk.recovery.settle()
    assert other.exists()
    assert desk.alarms() == ["spool-has-other-files"]


# Calls that are taken up again.


@pytest.mark.parametrize(
    ("opened", "state", "stopped"),
    [
        (OPEN, State.RECORDING, False),
        (replace(OPEN, paused=True), State.PAUSED, False),
        (replace(OPEN, consented=False), State.TALKING, True),
        (replace(OPEN, withdrawn=True), State.TALKING, True),
        (replace(OPEN, connected=False, consented=False), State.LEAVING, True),
    ],
)
async def test_a_live_call_is_taken_up_and_records_on_only_with_the_ledgers_word(
    desk: Desk, opened: OpenCall, state: State, stopped: bool
) -> None:
    desk.office.open = [opened]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    await desk.quiet()
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    assert (pilot.state, pilot.callee, pilot.callee_channel) == (state, "1.2", "PJSIP/carrier-1")
    await until(lambda: not opened.paused or "recording-paused" in desk.done)
    assert sorted(desk.link.acts) == [
        *([("MixMonitorMute", "PJSIP/carrier-1")] if opened.paused else []),
        ("StopMixMonitor", "PJSIP/brussels-1"),
        *([("StopMixMonitor", "PJSIP/carrier-1")] if stopped else []),
    ]


async def test_a_recording_that_had_just_begun_goes_on_by_the_consent_and_not_without(desk: Desk) -> None:
    desk.recordings.path_for("c1").write_bytes(b"sound")
    for agreed, withdrawn, state in ((False, False, State.TALKING), (True, True, State.TALKING)):
        desk.office.open = [replace(OPEN, consented=False, agreed=agreed, withdrawn=withdrawn)]
        await desk.recovery.on_snapshot([AGENT, CALLEE])
        pilot = desk.fleet.get("c1")
        assert pilot is not None
        assert pilot.state is state
        desk.fleet._flights.pop("c1").task.cancel()
    desk.office.open = [replace(OPEN, consented=False, agreed=True)]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    taken_up = desk.fleet.get("c1")
    assert taken_up is not None
    assert taken_up.state is State.RECORDING
    await desk.recovery.settle()
    assert desk.recordings.path_for("c1").exists()


async def test_a_call_that_is_taken_up_may_dial_nothing_more(desk: Desk) -> None:
    desk.office.open = [OPEN]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    assert desk.fleet.allowed("c1") is None


RINGING = replace(OPEN, connected=False, consented=False, parting=False)


@pytest.mark.parametrize(
    ("opened", "shown", "state"),
    [
        (RINGING, [AGENT, CALLEE], State.RINGING),
        (replace(RINGING, dialled=False), [AGENT], State.ALLOWED),
        (replace(RINGING, agreed=True, parting=True), [AGENT, CALLEE], State.LEAVING),
        (RINGING, [AGENT, message("CoreShowChannel", uniqueid="1.2", channel="PJSIP/carrier-1", bridgeid="b",
                                  chanvariable="CALLGATE_ID=c1")], State.TALKING),
    ],
    ids=["rings", "not dialled yet", "consented, and not connected", "bridged before the ledger knew"],
)  # fmt: skip
async def test_a_call_that_was_not_connected_goes_on_where_its_callee_can_be_told_everything(
    desk: Desk, opened: OpenCall, shown: list[Message], state: State
) -> None:
    desk.office.open = [opened]
    await desk.recovery.on_snapshot(shown)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    assert pilot.state is state


async def test_a_callee_who_answers_the_one_that_took_over_hears_the_notice(desk: Desk) -> None:
    desk.office.open = [RINGING]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    session = asyncio.create_task(desk.ask(FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1")))
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    await until(lambda: pilot.state is State.TALKING)
    assert (await session).heard[:2] == ["/fr/identification", "/fr/question"]
    assert "answered" in desk.done


async def test_a_callee_who_waited_while_the_agent_left_hears_an_apology_and_no_notice(desk: Desk) -> None:
    desk.office.open = [RINGING]
    await desk.recovery.on_snapshot([CALLEE])
    session = await desk.ask(FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1"))
    assert [path.rpartition("/")[2] for path in session.heard] == ["apology"]
    assert "abandoned" in desk.done


async def test_a_callee_whose_call_cannot_go_on_is_dismissed_at_once(desk: Desk) -> None:
    desk.office.open = [replace(RINGING, agreed=True, parting=True)]
    await desk.recovery.on_snapshot([AGENT, CALLEE])
    session = await desk.ask(FakeSession("answer", "c1", uniqueid="1.2", channel="PJSIP/carrier-1"))
    assert session.variables == {"CALLGATE_TELL": "agent/notice-failed"}


async def test_the_token_of_the_one_that_died_lets_the_trunk_ring_and_a_changed_one_does_not(desk: Desk) -> None:
    issued = (await desk.gate())[4]
    desk.fleet._flights.pop("c1").task.cancel()
    desk.office.open = [replace(RINGING, dialled=False)]
    await desk.recovery.on_snapshot([AGENT])
    later = f"{int(issued.partition('-')[0], 16) + 60_000:x}-{issued.partition('-')[2]}"
    await desk.ring(later)
    await until(lambda: "bypass" in desk.alarms())
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    assert pilot.legs == set()
    await desk.ring(issued)
    assert pilot.dialled
    assert desk.alarms() == ["bypass"]


async def test_a_call_whose_channels_are_gone_is_over(desk: Desk) -> None:
    desk.office.open = [replace(OPEN, consented=False)]
    await desk.recovery.on_snapshot([])
    await until(lambda: "close" in desk.done)


async def test_a_call_that_is_flown_already_is_not_taken_up_twice(desk: Desk) -> None:
    await desk.gate()
    flown = desk.fleet.get("c1")
    desk.office.open = [OPEN]
    await desk.recovery.on_snapshot([AGENT])
    assert desk.fleet.get("c1") is flown


async def test_the_callee_of_a_call_that_is_taken_up_is_on_a_trunk_whoever_inherited_its_name(desk: Desk) -> None:
    other = message("CoreShowChannel", uniqueid="1.3", channel="PJSIP/lille-3", chanvariable="CALLGATE_ID=c1")
    desk.office.open = [OPEN]
    await desk.recovery.on_snapshot([other, AGENT, CALLEE])
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    assert pilot.callee == "1.2"


@pytest.mark.parametrize("paused", [False, True])
async def test_a_stranger_whom_nobody_saw_come_is_not_kept_in_the_recording(desk: Desk, paused: bool) -> None:
    desk.office.open = [replace(OPEN, paused=paused)]
    file = desk.recordings.path_for("c1")
    file.write_bytes(b"sound")
    there = {"1.2": "PJSIP/carrier-1", "1.4": "PJSIP/lille-4"}
    await desk.recovery.on_snapshot([
        message("CoreShowChannel", uniqueid=uniqueid, channel=channel, bridgeid="b", chanvariable="CALLGATE_ID=c1")
        for uniqueid, channel in there.items()
    ])  # fmt: skip
    action = "MixMonitorMute" if paused else "StopMixMonitor"
    await until(lambda: (action, "PJSIP/carrier-1") in desk.link.acts)
    await until(lambda: paused or not file.exists())
    assert ("recording-overheard" in desk.alarms()) is not paused


@pytest.mark.parametrize(("technology", "kept"), [("holding_bridge", True), ("simple_bridge", False)])
async def test_two_who_are_parked_do_not_hear_each_other_after_a_restart(
    desk: Desk, technology: str, kept: bool
) -> None:
    """The other is a callee of another centre's, who agreed to nothing here."""
    desk.office.open = [OPEN]
    desk.recordings.path_for("c1").write_bytes(b"sound")
    desk.link.bridges = [message("BridgeListItem", bridgeuniqueid="b", bridgetechnology=technology)]
    parked = {"1.2": ("PJSIP/carrier-1", "c1"), "2.2": ("PJSIP/carrier-2", "c2")}
    await desk.recovery.on_snapshot([
        message("CoreShowChannel", uniqueid=uniqueid, channel=name, bridgeid="b", chanvariable=f"CALLGATE_ID={call}")
        for uniqueid, (name, call) in parked.items()
    ])  # fmt: skip
    await desk.quiet()
    await until(lambda: desk.recordings.path_for("c1").exists() is kept)
    assert ("recording-overheard" in desk.alarms()) is not kept


async def test_after_a_gap_a_callee_in_a_conference_is_hung_up(desk: Desk) -> None:
    desk.office.open = [OPEN]
    conferring = message(
        "CoreShowChannel",
        uniqueid="1.2",
        channel="PJSIP/carrier-1",
        application="ConfBridge",
        chanvariable="CALLGATE_ID=c1",
    )
    await desk.recovery.on_snapshot([AGENT, conferring])
    await until(lambda: ("Hangup", "PJSIP/carrier-1") in desk.link.acts)
