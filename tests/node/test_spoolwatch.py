"""A supervisor is told of a spool that fills up while calls are recorded: once, and again when it filled up again."""

import pytest

from callgate.core.call import On
from callgate.node.spoolwatch import SpoolWatch
from callgate.pbx import recordings
from callgate.pbx.guard import permit_for
from callgate.pilot import Pilot
from tests.node.fakes import DECISION, NOW, Desk, until
from tests.node.sounds import record


def recorded(desk: Desk) -> Pilot:
    """A call that is being recorded."""
    record(desk.recordings)
    pilot = desk.fleet.add(DECISION, "1.1", "alice", permit_for("pbx", "1.1", "33199001234", "spring", NOW))
    pilot.restore(connected=True, recording=True, paused=False, callee="", callee_channel="")
    return pilot


@pytest.fixture
def watch(desk: Desk) -> SpoolWatch:
    return SpoolWatch(desk.recordings, desk.fleet, desk.exchange)


async def test_it_is_told_once_for_as_long_as_it_lasts(
    desk: Desk, watch: SpoolWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(desk)
    for _ in range(2):
        with monkeypatch.context() as full:
            full.setattr(recordings, "FULL", 2**62)
            for _ in range(3):
                await watch.look()
        await watch.look()
    assert desk.alarms() == ["disk-nearly-full", "disk-nearly-full"]


async def test_a_disk_that_nothing_is_recorded_on_is_not_looked_at(
    desk: Desk, watch: SpoolWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a call that would be recorded is told of as it begins."""
    monkeypatch.setattr(recordings, "FULL", 2**62)
    await watch.look()
    assert desk.alarms() == []


async def test_a_recording_that_may_lack_something_is_sealed_and_told_of(
    desk: Desk, watch: SpoolWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = recorded(desk)
    with monkeypatch.context() as full:
        full.setattr(recordings, "FULL", 2**62)
        await watch.look()
    pilot.signal(On.ENDED)
    await until(lambda: pilot.is_settled)
    assert desk.alarms() == ["disk-nearly-full", "recording-incomplete"]
    assert desk.recordings.sealed_path("c1").exists()
