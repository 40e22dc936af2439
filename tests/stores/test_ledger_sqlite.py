"""What holds of a ledger in SQLite only."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from callgate.core.events import Event, Kind
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, Outcome
from callgate.stores.ledger import Ledger, sqlite
from callgate.stores.ledger.sqlite import SqliteBackend, WriterLock
from tests.stores.conftest import ANNA, LEDGER_KEYS, NOW, objection, open_ledger, verdict


def writing_connection(ledger: Ledger) -> sqlite3.Connection:
    assert isinstance(ledger._backend, SqliteBackend)
    return ledger._backend._db


async def test_a_commit_is_durable_and_what_is_freed_is_overwritten(ledger: Ledger) -> None:
    pragmas = {
        name: writing_connection(ledger).execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


async def test_only_the_owner_may_read_the_database_and_its_log(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.append([verdict()])
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("url", "writer", "says"),
    [
        ("mysql://callgate:secret@db/ledger", "office", r"//callgate:\*\*\*@db/ledger; a file is needed"),
        ("sqlite://", "office", "a file is needed"),
        ("sqlite:////nowhere/at/all/ledger.db", "office", "No such file or directory"),
        ("sqlite:///{folder}/ledger.db", "Office 1", "the writer's name is 'Office 1'"),
        ("sqlite:///{folder}/text.db", "office", "file is not a database"),
    ],
)
async def test_a_ledger_that_cannot_be_opened_says_why(tmp_path: Path, url: str, writer: str, says: str) -> None:
    (tmp_path / "text.db").write_text("no database at all, but long enough to look at\n" * 99)
    with pytest.raises(LedgerRefused, match=says):
        await Ledger.open(url.format(folder=tmp_path), writer, lambda: NOW, keys=LEDGER_KEYS, tokens=lambda _: ())


async def test_a_schema_of_the_future_is_refused_and_left_alone(ledger: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
        direct.execute("UPDATE callgate_schema SET version_num = '9999'")
    with pytest.raises(LedgerRefused, match="use the callgate that wrote it"):
        await open_ledger(tmp_path, "cli")
    await ledger.append([verdict()])


async def test_a_locked_database_fails_every_waiter_and_nothing_of_theirs_is_written(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path, append_within=0.5)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
        direct.execute("BEGIN IMMEDIATE")
        outcomes = await asyncio.gather(*(ledger.append([verdict()]) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, LedgerUnavailable) for outcome in outcomes)
        assert {outcome.outcome for outcome in outcomes if isinstance(outcome, LedgerUnavailable)} == {
            Outcome.NOT_WRITTEN
        }
        direct.execute("ROLLBACK")
    assert [entry.seq for entry in (await ledger.append([verdict("after")])).entries] == [1]
    await ledger.close()


async def test_a_full_disk_acknowledges_nothing_and_heals(ledger: Ledger) -> None:
    await ledger.append([verdict()])

    def limit(pages: int) -> None:
        writing_connection(ledger).execute(f"PRAGMA max_page_count = {pages}")

    limit(1)
    big = Event(Kind.ALARM, NOW, payload={"text": "x" * 100_000})
    with pytest.raises(LedgerUnavailable, match="database or disk is full") as raised:
        await ledger.append([verdict("lost"), big])
    assert raised.value.outcome is Outcome.NOT_WRITTEN
    limit(1_000_000)
    await ledger.append([big])
    assert [entry.n for entry in await ledger.read()] == [1, 2]


async def test_the_log_begins_again_although_more_comes_while_it_is_tidied(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = ledger._backend
    assert isinstance(backend, SqliteBackend)
    tidy = backend._tidier._tidy

    def tidy_and_more_comes() -> None:
        tidy()
        with closing(sqlite3.connect(backend.path)) as other, other:
            other.execute("CREATE TABLE more (comes)")

    def salt() -> bytes:
        """What a log has in its head, and another each time that it begins again (SQLite's file format, 4.1)."""
        return backend.path.with_name("ledger.db-wal").read_bytes()[16:24]

    monkeypatch.setattr(sqlite, "COMMITS_PER_TIDYING", 3)
    monkeypatch.setattr(sqlite, "LONG_PAGES", 1)
    monkeypatch.setattr(backend._tidier, "_tidy", tidy_and_more_comes)
    for _ in range(3):
        await ledger.append([verdict()])
    running = backend._tidier._running
    assert running is not None
    await asyncio.wrap_future(running)
    before = salt()
    await ledger.append([verdict()])  # after which the rest is brought over
    assert salt() == before
    await ledger.append([verdict()])
    assert salt() != before


async def test_errors_never_repeat_what_was_to_be_written(ledger: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
        direct.execute("CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END")
    with pytest.raises(LedgerUnavailable, match="broken") as raised:
        await ledger.append([objection()])
    assert raised.value.__cause__ is None
    assert ANNA not in str(raised.value.__context__)


def test_a_writer_that_is_done_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for _ in range(2):
        lock = WriterLock(path, "command-1")
        with pytest.raises(LedgerRefused, match="another process writes"):
            WriterLock(path, "command-1")
        lock.release()
        lock.release()
    assert list(tmp_path.iterdir()) == []
