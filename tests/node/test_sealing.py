"""Whatever stands in the way, and wherever the power goes, a recording that was agreed to is sealed in the end."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from callgate.core.call import On
from callgate.core.events import Json, Kind
from callgate.core.sealedfile import Header
from callgate.pbx import sealing
from callgate.pbx.recordings import Recordings, Sealed
from callgate.pbx.sealing import Sealer
from tests.node.cut import POINTS
from tests.node.fakes import DECISION, NOW, RECORDING_KEY, Desk, FakeOffice, Flight, until
from tests.node.sounds import AGENT, CALLEE, channels, record, unsealed

REPOSITORY = Path(__file__).parents[2]


class Noting(FakeOffice):
    """Notes with what a recording was entered."""

    def __init__(self, *refuses: str) -> None:
        super().__init__([], set(refuses))
        self.entered: list[dict[str, Json]] = []

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        await super().record(kind, call, facts)
        self.entered.append(facts)


@pytest.fixture
def kept(tmp_path: Path) -> Recordings:
    (tmp_path / "spool").mkdir(mode=0o700)
    return Recordings(tmp_path / "spool", tmp_path / "sealed")


@pytest.fixture
async def alarms() -> AsyncIterator[list[str]]:
    yield []


async def seal(office: FakeOffice, kept: Recordings, alarms: list[str]) -> Sealed | None:
    def alarm(what: str) -> None:
        alarms.append(what)

    return await Sealer(office, kept, lambda: NOW).seal(DECISION, "alice", alarm)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "AGAIN_S", (0.0,))


async def test_what_is_entered_says_how_long_which_hashes_and_who_may_listen(
    kept: Recordings, alarms: list[str]
) -> None:
    record(kept)
    office = Noting()
    sealed = await seal(office, kept, alarms)
    assert sealed is not None
    assert office.entered == [
        {
            "seconds": 0.5,
            "sha256": sealed.sha256,
            "sealed_sha256": sealed.sealed_sha256,
            "format": "callgate-recording-1",
            "whole": True,
            "centre": "brussels",
            "campaign": "spring",
            "agent": "alice",
        }
    ]
    assert not kept.spool.taken("c1")
    assert alarms == []


@pytest.mark.parametrize("away", ["recording key", "recording-sealed"])
async def test_an_office_that_cannot_commit_is_an_alarm_and_the_plain_files_stay_until_it_can(
    kept: Recordings, alarms: list[str], away: str
) -> None:
    record(kept)
    office = Noting(away)
    task = asyncio.create_task(seal(office, kept, alarms))
    await until(lambda: bool(alarms))
    assert kept.spool.taken("c1")
    office.refuses.clear()
    assert await task is not None
    assert office.done == ["recording-sealed"]
    assert not kept.spool.taken("c1")
    assert alarms == ["recording-not-sealed"]


async def test_a_full_disk_is_one_alarm_and_the_recording_is_sealed_when_there_is_room(
    kept: Recordings, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    record(kept)
    assert await seal(Noting(), kept, alarms) is not None
    assert alarms == ["recording-not-sealed"]


async def test_what_is_committed_is_not_sealed_anew_from_what_is_left_of_the_plain_files(
    kept: Recordings, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, removed = Path.unlink, 0

    def failing(path: Path, missing_ok: bool = False) -> None:
        nonlocal removed
        removed += 1
        if removed == 2:
            raise OSError(errno.EIO, "Input/output error")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", failing)
    record(kept)
    office = Noting()
    assert await seal(office, kept, alarms) is not None
    assert office.done == ["recording-sealed"]
    assert (channels(unsealed(kept.sealed_path("c1"), RECORDING_KEY)) == (CALLEE, AGENT)).all()
    assert not kept.spool.taken("c1")


async def test_a_fault_of_our_own_is_an_alarm_and_gives_no_recording_up(
    kept: Recordings, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tries = kept.seal, 0

    async def faulty(call: str, key: bytes, header: Header) -> Sealed:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ZeroDivisionError
        return await write(call, key, header)

    monkeypatch.setattr(kept, "seal", faulty)
    record(kept)
    assert await seal(Noting(), kept, alarms) is not None
    assert alarms == ["recording-not-sealed"]


async def test_where_neither_ledger_nor_disk_can_take_note_of_it_the_recording_waits(tmp_path: Path) -> None:
    flight = Flight(tmp_path, "recording-sealed", "alarm", "keep")
    record(flight.recordings)
    flight.pilot.restore(connected=True, recording=True, paused=False, callee="", callee_channel="")
    running = asyncio.create_task(flight.pilot.run())
    flight.pilot.signal(On.ENDED)
    await until(lambda: any(told.what == "alarm" for told in flight.live.after(0)))
    assert flight.recordings.spool.taken("c1")
    flight.office.refuses.discard("recording-sealed")
    await until(lambda: flight.pilot.is_settled)
    running.cancel()
    assert flight.done == ["recording-sealed", "close"]


async def test_no_key_seals_twice(kept: Recordings, alarms: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A nonce is a chunk's number, so that two files under one key would give away both."""
    office = Noting("recording-sealed")
    asked, used = 0, []
    ask, write = office.recording_key, kept.seal

    async def asking(call: str) -> object:
        nonlocal asked
        asked += 1
        office.refuses -= {"recording-sealed"} if asked > 2 else set()
        return await ask(call)

    async def writing(call: str, key: bytes, header: Header) -> Sealed:
        used.append(asked)
        return await write(call, key, header)

    monkeypatch.setattr(office, "recording_key", asking)
    monkeypatch.setattr(kept, "seal", writing)
    record(kept)
    await seal(office, kept, alarms)
    assert used == [1, 2, 3]


async def test_a_recording_that_may_not_be_kept_any_more_is_destroyed(kept: Recordings, alarms: list[str]) -> None:
    record(kept)
    office = Noting("erased")
    assert await seal(office, kept, alarms) is None
    assert office.entered == [{"why": "not to be kept", "existed": True}]
    assert not kept.spool.taken("c1")
    assert not await kept.is_sealed("c1")


# Power cuts.


@pytest.mark.parametrize("point", POINTS)
async def test_after_a_power_cut_at_any_point_the_recording_is_sealed_and_nothing_is_left_in_clear(
    tmp_path: Path, point: str, kept: Recordings
) -> None:
    record(kept, seconds=20)
    command = [sys.executable, "-m", "tests.node.cut", str(tmp_path), point]
    died = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, check=False)
    assert died.returncode == 9
    committed = (tmp_path / "committed").read_text().split() if (tmp_path / "committed").exists() else []
    flight = Flight(tmp_path)
    flight.pilot.restore(
        connected=True, recording=True, paused=False, callee="", callee_channel="", sealed=bool(committed)
    )
    running = asyncio.create_task(flight.pilot.run())
    flight.pilot.signal(On.ENDED)
    await until(lambda: "close" in flight.done)
    running.cancel()
    assert flight.done == ([] if committed else ["recording-sealed"]) + ["close"]
    assert [path.name for path in (tmp_path / "sealed").iterdir()] == ["c1.sealed"]
    assert list((tmp_path / "spool").iterdir()) == []
    frames = channels(unsealed(kept.sealed_path("c1"), RECORDING_KEY))
    assert frames.shape == (160_000, 2)
    assert (frames == (CALLEE, AGENT)).all()


async def test_a_sealed_file_that_is_lost_although_the_ledger_knows_it_is_made_anew_from_the_plain_ones(
    tmp_path: Path,
) -> None:
    flight = Flight(tmp_path)
    record(flight.recordings)
    flight.pilot.restore(connected=True, recording=True, paused=False, callee="", callee_channel="", sealed=True)
    running = asyncio.create_task(flight.pilot.run())
    flight.pilot.signal(On.ENDED)
    await until(lambda: "close" in flight.done)
    running.cancel()
    assert flight.done == ["recording-sealed", "close"]
    assert await flight.recordings.is_sealed("c1")


async def test_everything_is_on_disk_before_the_next_step(
    kept: Recordings, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def syncing(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def naming(path: Path, target: Path) -> Path:
        steps.append("name")
        return replace(path, target)

    def removing(path: Path, missing_ok: bool = False) -> None:
        steps.append("remove")
        unlink(path, missing_ok)

    class Committing(FakeOffice):
        async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
            steps.append("commit")

    record(kept)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", syncing)
        patched.setattr(Path, "replace", naming)
        patched.setattr(Path, "unlink", removing)
        await seal(Committing([], set()), kept, alarms)
    assert steps == ["sync file", "name", "sync folder", "commit", "remove", "remove", "sync folder"]


async def test_a_call_is_not_forgotten_before_its_recording_is_sealed(desk: Desk) -> None:
    """Its files would be nobody's, and be destroyed."""
    record(desk.recordings)
    desk.office.refuses.add("recording-sealed")
    pilot = desk.fleet.add(DECISION, "1.1", "alice", permit=None)
    pilot.restore(connected=True, recording=True, paused=False, callee="", callee_channel="")
    pilot.signal(On.ENDED)
    await until(lambda: "recording-not-sealed" in desk.alarms())
    later = desk.now + timedelta(days=1)
    desk.fleet.forget(later)
    await desk.recovery.settle()
    assert desk.recordings.spool.taken("c1")
    desk.office.refuses.clear()
    await until(lambda: pilot.is_settled)
    desk.fleet.forget(later)
    assert desk.fleet.get("c1") is None
