"""A recording ends with its term, with its person's key and by somebody's word, and the ledger knows of each."""

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from callgate.core.events import DataClass, Event, Kind
from callgate.core.retention import RecordingTerms, Terms
from callgate.recordings import keeping
from callgate.recordings.keeping import destroy_recordings, keep_recordings, retire, sweep
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Committed, vault
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.sealing import Person
from callgate.stores.ledger.upkeep import retain
from tests.node.fakes import until
from tests.recordings.conftest import House
from tests.stores.conftest import ANNA, BRAM

TERMS = RecordingTerms(timedelta(days=30), {"autumn": timedelta(days=7)})


def files(house: House) -> list[str]:
    return sorted(path.name for path in house.archive.folder.iterdir())


async def destroyed(house: House) -> list[tuple[str | None, object, object]]:
    entries = [entry.event for entry in await house.entered(Kind.RECORDING_DESTROYED)]
    return [(event.call, event.payload["why"], event.number) for event in entries]


async def test_what_is_past_its_term_is_destroyed_and_what_is_not_stays(house: House) -> None:
    await house.recorded("c1")
    house.pass_days(20)
    await house.recorded("c2")
    house.pass_days(11)
    assert await retire(house.ledger, house.archive, TERMS, house.now, by="schedule") == ["c1"]
    assert files(house) == ["c2.sealed"]
    assert await destroyed(house) == [("c1", "term", None)]


async def test_a_campaign_may_have_a_shorter_term(house: House) -> None:
    await house.recorded("c1")
    await house.recorded("c2", campaign="autumn")
    house.pass_days(8)
    assert await retire(house.ledger, house.archive, TERMS, house.now, by="schedule") == ["c2"]


async def test_a_rehearsal_destroys_nothing(house: House) -> None:
    await house.recorded()
    house.pass_days(31)
    assert await retire(house.ledger, house.archive, TERMS, house.now, by="command", dry_run=True) == ["c1"]
    assert files(house) == ["c1.sealed"]
    assert await destroyed(house) == []


async def test_after_the_term_no_key_of_the_person_is_kept_alive(house: House) -> None:
    """What tells of the destruction is about nobody, so that the ledger's own retention lets the key go."""
    await house.recorded()
    house.pass_days(31)
    await retire(house.ledger, house.archive, TERMS, house.now, by="schedule")
    limits = Terms(timedelta(365), timedelta(30), timedelta(365)).limits(house.now)
    await retain(house.ledger, limits, house.now, "schedule")
    assert await vault.new_key(house.ledger, Person(ANNA, "acme", DataClass.RECORDING), "c1") is None


async def test_the_files_of_a_destroyed_key_go_and_others_stay(house: House, journal: Journal) -> None:
    await house.recorded("c1")
    await house.recorded("c2", BRAM)
    await house.erase(journal, ANNA)
    assert await sweep(house.ledger, house.archive, house.now) == 1
    assert files(house) == ["c2.sealed"]
    assert await destroyed(house) == [("c1", "erased", None)]
    assert await sweep(house.ledger, house.archive, house.now) == 0


async def test_named_calls_are_destroyed_and_those_without_a_recording_passed_over(house: House) -> None:
    await house.recorded("c1")
    await house.recorded("c2")
    calls = ["c1", "c9"]
    assert await destroy_recordings(house.ledger, house.archive, calls, house.now, why="withdrawn", by="A") == 1
    assert files(house) == ["c2.sealed"]
    assert await destroyed(house) == [("c1", "withdrawn", None)]


async def test_what_cannot_be_entered_is_heard_by_nobody_and_destroyed_by_the_next_sweep(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the disk is full")

    await house.recorded()
    with monkeypatch.context() as patched:
        patched.setattr(house.ledger, "append", away)
        with pytest.raises(LedgerUnavailable):
            await destroy_recordings(house.ledger, house.archive, ["c1"], house.now, why="withdrawn", by="A")
    assert files(house) == ["c1.doomed"]
    assert not house.archive.has("c1")
    assert await sweep(house.ledger, house.archive, house.now) == 1
    assert files(house) == []
    assert await destroyed(house) == [("c1", "unfinished", None)]


async def test_no_power_cut_brings_back_what_is_entered_as_destroyed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename, append = os.fsync, Path.rename, house.ledger.append

    def syncing(descriptor: int) -> None:
        steps.append("sync")
        sync(descriptor)

    def dooming(path: Path, target: Path) -> Path:
        steps.append("doom")
        return rename(path, target)

    async def committing(events: Sequence[Event], *, patient: bool = False) -> Committed:
        steps.append("commit")
        return await append(events, patient=patient)

    await house.recorded()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", syncing)
        patched.setattr(Path, "rename", dooming)
        patched.setattr(house.ledger, "append", committing)
        await destroy_recordings(house.ledger, house.archive, ["c1"], house.now, why="withdrawn", by="A")
    assert steps[:3] == ["doom", "sync", "commit"]
    assert steps[-1] == "sync"


async def test_a_damaged_file_and_anothers_hide_no_other(house: House) -> None:
    await house.recorded("c1")
    await house.recorded("c2")
    (house.archive.folder / "c3.sealed").write_bytes(b"x" * 100)
    (house.archive.folder / "c4.sealed").write_bytes(house.archive.path("c2").read_bytes())
    house.pass_days(31)
    assert await retire(house.ledger, house.archive, TERMS, house.now, by="schedule") == ["c1", "c2"]


async def test_there_may_be_no_folder_yet(house: House) -> None:
    assert await retire(house.ledger, house.archive, TERMS, house.now, by="schedule") == []
    assert await sweep(house.ledger, house.archive, house.now) == 0


async def test_the_daemon_sweeps_at_its_start_after_each_erasure_and_retires(
    house: House, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(keeping, "LOOKS_AN_HOUR", 1_000_000)
    await house.recorded("old")
    house.pass_days(31)
    await house.recorded("c1")
    await house.recorded("c2", BRAM)
    running = asyncio.create_task(keep_recordings(house.ledger, house.archive, lambda: house.now, TERMS))
    await until(lambda: files(house) == ["c1.sealed", "c2.sealed"])
    await house.erase(journal, ANNA)
    await until(lambda: files(house) == ["c2.sealed"])
    running.cancel()


async def test_a_ledger_that_is_away_ends_no_keeping(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_EVERY_S", 0)
    tries = 0
    rows = house.ledger.rows

    async def away_at_first(query: object) -> object:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise LedgerUnavailable("away")
        return await rows(query)  # type: ignore[arg-type]

    await house.recorded()
    house.pass_days(31)
    monkeypatch.setattr(house.ledger, "rows", away_at_first)
    running = asyncio.create_task(keep_recordings(house.ledger, house.archive, lambda: house.now, TERMS))
    await until(lambda: not files(house))
    assert tries > 3
    running.cancel()
