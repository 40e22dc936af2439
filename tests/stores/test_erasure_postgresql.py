"""What a PostgreSQL server's files yield of an erased person: nothing, once its write-ahead log was recycled."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from callgate.core.events import DataClass, Event, Kind
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.postgres import PostgresBackend
from lab.postgres import PostgresServer
from tests.stores.conftest import NOW, open_at, verdict

pytestmark = pytest.mark.server

PEOPLE = [f"+3247{n:07}" for n in range(1500)]
ERASED = PEOPLE[::50]
SEGMENTS = 5
"""So many segments of the log are begun until those that there were have been written over."""


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server whose log nobody else writes to."""
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
async def ledger(own: PostgresServer) -> AsyncIterator[Ledger]:
    opened = await open_at(own.new_database())
    yield opened
    await opened.close()


def keys(own: PostgresServer) -> dict[bytes, tuple[bytes, bytes]]:
    """Subject → its wrapped key and its token, of all that have one."""
    with psycopg.connect(host=str(own.home), user="callgate", dbname=database(own), autocommit=True) as direct:
        found = direct.execute("SELECT subject, wrapped, token FROM subjects WHERE wrapped IS NOT NULL").fetchall()
    return {subject: (wrapped, token) for subject, wrapped, token in found}


def database(own: PostgresServer) -> str:
    with psycopg.connect(host=str(own.home), user="callgate", dbname="postgres", autocommit=True) as direct:
        return str(direct.execute("SELECT max(datname) FROM pg_database WHERE datname LIKE 'ledger%'").fetchall()[0][0])


def files(own: PostgresServer) -> dict[str, bytes]:
    """Every file of the server, once what it has in memory is on disk."""
    with psycopg.connect(host=str(own.home), user="callgate", dbname="postgres", autocommit=True) as direct:
        direct.execute("CHECKPOINT")
    data = own.home / "data"
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def found_in(own: PostgresServer, needles: list[bytes]) -> set[str]:
    """The folders of the files that hold any of the needles."""
    return {str(Path(name).parts[0]) for name, held in files(own).items() if any(needle in held for needle in needles)}


async def erase_some(ledger: Ledger, own: PostgresServer, journal: Journal) -> list[bytes]:
    """Enter everybody and erase some; what must not be found any more: their keys and tokens."""
    for at in range(0, len(PEOPLE), 100):
        await ledger.append([Event(Kind.VERDICT, NOW, f"x{n}", n, "futura") for n in PEOPLE[at : at + 100]])
    before = keys(own)
    for number in ERASED:
        await ledger.erase(number, "futura", tuple(DataClass), NOW, by="officer", journal=journal)
    gone = before.keys() - keys(own).keys()
    assert len(gone) == len(ERASED)
    return [needle for subject in gone for needle in before[subject]]


async def test_the_tables_and_indexes_hold_no_trace_and_the_log_none_once_it_was_recycled(
    ledger: Ledger, own: PostgresServer, journal: Journal
) -> None:
    needles = await erase_some(ledger, own, journal)
    assert await ledger.forget(thorough=True)
    assert found_in(own, needles) <= {"pg_wal"}
    for n in range(SEGMENTS):
        with psycopg.connect(host=str(own.home), user="callgate", dbname="postgres", autocommit=True) as direct:
            direct.execute("SELECT pg_switch_wal()")
        await ledger.append([verdict(f"after {n}")])
        files(own)
    assert found_in(own, needles) == set()
    # The search would have found them: others' keys lie there plainly.
    assert "base" in found_in(own, [next(iter(keys(own).values()))[0]])


async def test_the_search_for_traces_finds_them_where_nothing_is_vacuumed(
    ledger: Ledger, own: PostgresServer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresBackend, "forget", lambda _, thorough: True)
    needles = await erase_some(ledger, own, journal)
    assert found_in(own, needles) == {"base", "pg_wal"}
