"""Who is with a callee, and which recorders may be."""

import os
from pathlib import Path

import pytest

from callgate.core.call import On, State
from callgate.node.recorders import RECORDING_APPLICATIONS, _spy_records
from callgate.node.strays import destroy
from callgate.pbx.agi import Played
from callgate.pilot import Pilot
from tests.node.fakes import WHOLE, Desk, FakeSession, message, pressed, until

SPAWNED = {
    "agent": ("1.1", "PJSIP/brussels-1", "brussels"),
    "callee": ("1.2", "PJSIP/carrier-1.2", ""),
    "colleague": ("1.3", "PJSIP/ghent-3", "brussels"),
    "another centre": ("1.4", "PJSIP/lille-4", "lille"),
    "an outside line": ("1.5", "PJSIP/carrier-5", ""),
    "an open end": ("1.6", "Local/1@x-1;1", ""),
}


async def talking(desk: Desk, state: State = State.RECORDING) -> Pilot:
    """A callee in a bridge with the agent who called them."""
    await desk.ring((await desk.gate())[4])
    pilot = desk.fleet.get("c1")
    assert pilot is not None
    await until(lambda: pilot.state is State.RINGING)
    pilot.callee, pilot.callee_channel, pilot.state = "1.2", "PJSIP/carrier-1.2", state
    for who in ("agent", "callee"):
        await enters(desk, who)
    return pilot


async def enters(desk: Desk, who: str, bridge: str = "b", creator: str = "") -> None:
    uniqueid, channel, centre = SPAWNED[who]
    await desk.watch.on_event(
        message(
            "BridgeEnter",
            uniqueid=uniqueid,
            channel=channel,
            chanvariable=(f"CALLGATE_CENTRE={centre}",),
            bridgeuniqueid=bridge,
            bridgecreator=creator,
        )
    )


async def leaves(desk: Desk, who: str, bridge: str = "b") -> None:
    uniqueid, channel, _ = SPAWNED[who]
    await desk.watch.on_event(message("BridgeLeave", uniqueid=uniqueid, channel=channel, bridgeuniqueid=bridge))


async def test_a_callee_in_no_bridge_wanders_once_callgate_has_let_them_go(desk: Desk) -> None:
    await desk.ring((await desk.gate())[4])
    (pilot,) = desk.fleet.under_way()
    heard: list[tuple[State, bool]] = []

    class Listening(FakeSession):
        async def stream_file(self, path: str, escape: str = "", offset: int = 0, *, lasts_s: float = 15.0) -> Played:
            heard.append((pilot.state, desk.company.wanders(pilot)))
            return await super().stream_file(path, escape, offset, lasts_s=lasts_s)

    session = Listening("answer", pilot.id, uniqueid="1.2", channel="PJSIP/carrier-1.2")
    session.plays.extend([WHOLE, pressed("1", 900)])
    await desk.ask(session)
    await until(lambda: "connected" in desk.done)
    assert heard[-1] == (State.RECORDING, False)
    assert desk.company.wanders(pilot)
    await enters(desk, "callee")
    assert not desk.company.wanders(pilot)


@pytest.mark.parametrize(
    ("who", "state"),
    [
        ("colleague", State.RECORDING),
        ("another centre", State.ACCOMPANIED),
        ("an outside line", State.ACCOMPANIED),
        ("an open end", State.ACCOMPANIED),
    ],
)
async def test_the_recording_rests_while_somebody_who_has_not_consented_is_there(
    desk: Desk, who: str, state: State
) -> None:
    pilot = await talking(desk)
    await enters(desk, who)
    await until(lambda: pilot.state is state)
    await leaves(desk, who)
    await until(lambda: pilot.state is State.RECORDING)
    kinds = [] if state is State.RECORDING else ["recording-paused", "recording-resumed"]
    await until(lambda: [kind for kind in desk.done if kind.startswith("recording-")] == kinds)
    mutes = [channel for action, channel in desk.link.acts if action == "MixMonitorMute"]
    assert mutes == ["PJSIP/carrier-1.2"] * len(kinds)


async def test_the_recording_rests_until_the_last_stranger_has_left(desk: Desk) -> None:
    pilot = await talking(desk)
    for who in ("another centre", "an outside line"):
        await enters(desk, who)
    await leaves(desk, "another centre")
    await until(lambda: pilot.state is State.ACCOMPANIED)
    await desk.hang_up("1.5")
    await until(lambda: pilot.state is State.RECORDING)


async def test_a_callee_who_goes_to_a_strangers_bridge_is_not_alone_there(desk: Desk) -> None:
    pilot = await talking(desk)
    await enters(desk, "another centre", "conference")
    await leaves(desk, "callee")
    await enters(desk, "callee", "conference")
    await until(lambda: pilot.state is State.ACCOMPANIED)


async def test_who_stays_paused_when_the_stranger_left_is_who_was_paused_by_the_agent(desk: Desk) -> None:
    pilot = await talking(desk)
    assert await pilot.ask(On.PAUSED, "agent-key")
    await enters(desk, "another centre")
    await until(lambda: pilot.state is State.PAUSED_ACCOMPANIED)
    assert not await pilot.ask(On.RESUMED, "agent-key")
    await leaves(desk, "another centre")
    await until(lambda: pilot.state is State.RECORDING)


# Recorders that are not callgate's.


async def test_a_recorder_that_a_channel_brings_along_is_stopped_where_a_callee_is_heard(desk: Desk) -> None:
    await talking(desk, State.TALKING)
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.3", channel="PJSIP/ghent-3"))
    assert desk.alarms() == []
    await enters(desk, "colleague")
    await until(lambda: ("StopMixMonitor", "PJSIP/ghent-3") in desk.link.acts)
    assert desk.alarms()[0] == "recording-without-consent"


async def test_a_recorder_that_ended_is_forgotten(desk: Desk) -> None:
    await talking(desk, State.TALKING)
    for event in ("MixMonitorStart", "MixMonitorStop"):
        await desk.watch.on_event(message(event, uniqueid="1.3", channel="PJSIP/ghent-3"))
    await enters(desk, "colleague")
    await desk.quiet()
    assert desk.alarms() == []


@pytest.mark.parametrize("application", sorted(RECORDING_APPLICATIONS))
@pytest.mark.parametrize(("uniqueid", "hung_up"), [("1.2", True), ("1.4", False)])
async def test_an_application_that_records_is_hung_up_where_it_has_a_callee(
    desk: Desk, application: str, uniqueid: str, hung_up: bool
) -> None:
    await talking(desk, State.TALKING)
    await leaves(desk, "callee")
    await desk.watch.on_event(message("Newchannel", uniqueid="1.4", channel="PJSIP/lille-4"))
    desk.recorders.applications([message("CoreShowChannel", uniqueid=uniqueid, application=application)])
    await desk.quiet()
    assert (("Hangup", "PJSIP/carrier-1.2") in desk.link.acts) is hung_up


async def test_a_callee_leaves_a_conference_that_records_before_or_after_they_came(desk: Desk) -> None:
    await talking(desk, State.TALKING)
    await desk.watch.on_event(message("ConfbridgeRecord", bridgeuniqueid="room"))
    await desk.quiet()
    assert ("Hangup", "PJSIP/carrier-1.2") not in desk.link.acts
    await enters(desk, "callee", "room")
    await until(lambda: ("Hangup", "PJSIP/carrier-1.2") in desk.link.acts)


async def test_a_callee_leaves_a_bridge_of_aris(desk: Desk) -> None:
    await talking(desk, State.TALKING)
    await enters(desk, "callee", "ari", "Stasis")
    await until(lambda: ("Hangup", "PJSIP/carrier-1.2") in desk.link.acts)


@pytest.mark.parametrize(
    ("shown", "hung_up"),
    [("PJSIP/brussels,q", False), ("PJSIP/brussels,qr(x)", True), ("PJSIP/brussels,g(r)q", False), (None, True)],
)
async def test_a_spy_stays_only_where_it_is_known_not_to_record(desk: Desk, shown: str | None, hung_up: bool) -> None:
    await talking(desk, State.TALKING)
    await desk.watch.on_event(
        message("Newchannel", uniqueid="1.3", channel="PJSIP/ghent-3", chanvariable=("CALLGATE_CENTRE=brussels",))
    )
    desk.link.status = [message("Status", application="ChanSpy", data=shown)] if shown else []
    await desk.watch.on_event(message("ChanSpyStart", spyeruniqueid="1.3", spyeeuniqueid="1.1"))
    await desk.quiet()
    assert (("Hangup", "PJSIP/ghent-3") in desk.link.acts) is hung_up


@pytest.mark.parametrize(("data", "records"), [("x", False), ("x,r", True), ("x,s(r)", False), ("x,b(r)r(f)", True)])
def test_only_an_r_of_chanspys_own_asks_for_a_recording(data: str, records: bool) -> None:
    assert _spy_records(data) is records


# Files.


async def test_what_a_stray_recorder_wrote_is_destroyed(desk: Desk) -> None:
    await talking(desk, State.TALKING)
    file = desk.guarded / "stray.wav"
    file.write_bytes(b"sound")
    desk.link.wrote = str(file)
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    await until(lambda: not file.exists())
    await until(lambda: "recording-destroyed" in desk.done)


async def test_a_file_that_a_stray_recorder_makes_as_it_stops_is_destroyed_too(desk: Desk) -> None:
    await talking(desk)
    file = desk.guarded / "stray.wav"
    desk.link.wrote = str(file)
    desk.on_pause = lambda: file.write_bytes(b"sound")
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    await until(lambda: "recording-destroyed" in desk.done)
    assert not file.exists()


async def test_a_stray_recorder_that_wrote_nothing_left_nothing(desk: Desk) -> None:
    await talking(desk)
    desk.link.wrote = str(desk.guarded / "stray.wav")
    await desk.watch.on_event(message("MixMonitorStart", uniqueid="1.2", channel="PJSIP/carrier-1.2"))
    await desk.quiet()
    assert desk.alarms() == ["recording-without-consent"]


def test_only_a_regular_file_of_this_call_below_a_guarded_folder_is_deleted(tmp_path: Path) -> None:
    root, outside = tmp_path / "monitor", tmp_path / "outside"
    (root / "day").mkdir(parents=True)
    outside.mkdir()
    for file in (root / "a", root / "day" / "b", root / "big", root / "twice", outside / "c"):
        file.write_bytes(b"s" * (200 if file.name == "big" else 10))
    os.link(root / "twice", root / "other-name")
    (root / "link").symlink_to(outside / "c")
    (root / "folder").symlink_to(outside)
    left = [
        outside / "c", root / ".." / "outside" / "c", root / "link", root / "folder" / "c", root / "big",
        root / "twice", root / "day", root, root / "missing", Path("relative"),
    ]  # fmt: skip
    for path in left:
        assert destroy(path, [root], most=100), path
    for path in (root / "a", root / "day" / "b"):
        assert not destroy(path, [root], most=100)
        assert not path.exists()
    assert (outside / "c").exists()
    assert (root / "big").exists()
    assert (root / "twice").exists()
