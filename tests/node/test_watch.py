"""What AMI shows, and what follows from it."""

import pytest

from callgate.core.call import State
from callgate.pbx.ami import Message
from tests.node.fakes import Desk, message, until


async def dialled(desk: Desk) -> str:
    """An allowed call whose leg rings; its token."""
    token = (await desk.gate())[4]
    await desk.ring(token)
    await until(lambda: state(desk) is State.RINGING)
    return token


def state(desk: Desk) -> State | None:
    pilot = desk.fleet.get("c1")
    return pilot.state if pilot else None


async def test_a_leg_with_its_verdict_rings(desk: Desk) -> None:
    await dialled(desk)
    await desk.quiet()
    assert desk.link.acts == []
    assert desk.alarms() == []


@pytest.mark.parametrize(
    ("token", "digits"),
    [("", "33199001234"), ("0-forged", "33199001234"), (None, "33199001235"), (None, "1123")],
)
async def test_a_leg_without_a_verdict_for_its_number_is_hung_up(desk: Desk, token: str | None, digits: str) -> None:
    real = (await desk.gate())[4]
    await desk.ring(real if token is None else token, digits)
    await until(lambda: bool(desk.link.acts))
    assert desk.link.acts == [("Hangup", "PJSIP/carrier-1.2")]
    assert desk.alarms() == ["bypass"]
    assert state(desk) is State.ALLOWED


async def test_an_alarm_about_a_bypass_holds_no_number(desk: Desk) -> None:
    await desk.ring("", "33199001234")
    assert "99001234" not in str([happening.facts for happening in desk.live.after(0)])


async def test_a_second_leg_beside_a_live_one_is_hung_up(desk: Desk) -> None:
    token = await dialled(desk)
    await desk.ring(token, leg="1.3")
    await until(lambda: bool(desk.link.acts))
    assert desk.link.acts == [("Hangup", "PJSIP/carrier-1.3")]


async def test_the_next_trunk_may_ring_when_the_first_failed(desk: Desk) -> None:
    token = await dialled(desk)
    await desk.hang_up("1.2")
    await desk.ring(token, leg="1.3")
    await desk.quiet()
    assert desk.link.acts == []
    assert state(desk) is State.RINGING


async def test_an_emergency_call_rings_without_a_verdict_and_is_noted_without_its_caller(desk: Desk) -> None:
    tells = ("CALLGATE_CENTRE=brussels",)
    await desk.watch.on_event(message("Newchannel", uniqueid="1.1", channel="PJSIP/brussels-1", chanvariable=tells))
    await desk.ring("", "112")
    await desk.quiet()
    (told,) = [happening.facts for happening in desk.live.after(0) if happening.what == "emergency"]
    assert told == {"agent": "PJSIP/brussels", "centre": "brussels"}
    assert desk.done == ["dialled"]
    assert desk.link.acts == []
    assert desk.alarms() == []


async def test_a_call_ends_when_agent_and_legs_are_gone(desk: Desk) -> None:
    await dialled(desk)
    await desk.hang_up("1.1")
    await desk.quiet()
    assert state(desk) is State.RINGING
    await desk.hang_up("1.2")
    await until(lambda: state(desk) is State.CLOSED)


async def test_a_call_ends_with_its_callee_whoever_else_is_still_there(desk: Desk) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.callee = "1.2"
    await desk.hang_up("1.2")
    await until(lambda: state(desk) is State.CLOSED)


@pytest.mark.parametrize("event", ["HangupRequest", "SoftHangupRequest", "Hangup"])
async def test_an_agent_who_leaves_is_noticed_once(desk: Desk, event: str) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    await desk.watch.on_event(message(event, uniqueid="1.1"))
    assert pilot.agent_gone
    await desk.watch.on_event(message("Hangup", uniqueid="1.1"))
    assert pilot._queue.qsize() == 1


async def test_a_recording_without_consent_is_stopped(desk: Desk) -> None:
    await dialled(desk)
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    await until(lambda: bool(desk.link.acts))
    assert desk.link.acts == [("StopMixMonitor", "PJSIP/carrier-1.2")]
    await desk.quiet()
    assert desk.alarms() == ["recording-without-consent", "stray-recording-left"]


@pytest.mark.parametrize(
    ("due", "uniqueid", "channel", "left"),
    [
        (True, "1.2", "PJSIP/carrier-1.2", True),
        (True, "1.1", "PJSIP/brussels-1", False),
        (False, "1.2", "PJSIP/carrier-1.2", False),
    ],
)
async def test_only_the_recorder_that_callgate_began_may_record_and_only_on_the_callees_channel(
    desk: Desk, due: bool, uniqueid: str, channel: str, left: bool
) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.recorder_due = due
    await desk.watch.on_event(message("MixMonitorStart", uniqueid=uniqueid, channel=channel))
    assert (desk.alarms()[:1] == []) is left


async def test_a_second_recorder_beside_callgates_own_is_stopped(desk: Desk) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.recorder_due = True
    for _ in range(2):
        await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    assert desk.alarms() == ["recording-without-consent"]


async def test_recordings_of_internal_and_inbound_calls_are_nobodys_business(desk: Desk) -> None:
    await dialled(desk)
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="7.1", channel="PJSIP/lille-7"))
    await desk.quiet()
    assert (desk.link.acts, desk.alarms()) == ([], [])


async def test_a_call_whose_channels_went_without_a_word_ends(desk: Desk) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    desk.channels.reset([])
    desk.watch.reconcile(pilot)
    await until(lambda: state(desk) is State.CLOSED)


async def test_a_channel_whose_dialling_cut_its_event_is_hung_up_and_nobody_else_is(desk: Desk) -> None:
    await dialled(desk)
    cut = Message({"event": ("Newchannel",), "channel": ("PJSIP/lille-7",), "exten": ("1",)})
    forged = Message({"event": ("Hangup",), "channel": ("PJSIP/carrier-1.2",), "uniqueid": ("1.2",)})
    await desk.watch.on_event(cut)
    await desk.watch.on_event(forged)
    await desk.quiet()
    assert desk.link.acts == [("Hangup", "PJSIP/lille-7")]
    assert desk.alarms() == ["event-forged"]
    assert state(desk) is State.RINGING


async def test_behind_a_cut_event_nothing_is_believed_that_could_be_the_telephones_own(desk: Desk) -> None:
    await dialled(desk)
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    pilot.callee = "1.2"
    cut = Message({"event": ("Newchannel",), "channel": ("PJSIP/lille-7",), "exten": ("1",)})
    await desk.watch.on_event(cut)
    await desk.watch.on_event(message("Rename", uniqueid="1.2", channel="PJSIP/carrier-1.2", newname="PJSIP/nobody-1"))
    assert pilot.callee_channel == "PJSIP/carrier-1.2"
    await desk.watch.on_event(message("Newchannel", uniqueid="1.9", channel="PJSIP/lille-9"))
    await desk.watch.on_event(message("Rename", uniqueid="1.2", channel="PJSIP/carrier-1.2", newname="PJSIP/other-1"))
    assert pilot.callee_channel == "PJSIP/other-1"


async def test_a_cut_event_of_a_hang_up_is_believed_for_the_channel_that_it_names(desk: Desk) -> None:
    await dialled(desk)
    await desk.watch.on_event(Message({"event": ("Hangup",), "channel": ("PJSIP/carrier-1.2",)}))
    await desk.watch.on_event(Message({"event": ("Hangup",), "channel": ("PJSIP/brussels-1",)}))
    await desk.hang_up("1.1")
    await until(lambda: state(desk) is State.CLOSED)
    assert desk.alarms() == []
