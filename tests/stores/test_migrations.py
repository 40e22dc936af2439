"""A ledger that an earlier callgate wrote is brought up to the newest schema, and everything in it holds on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from callgate.core.events import Event, Kind
from callgate.stores.ledger import gap
from callgate.stores.schema import metadata
from lab.postgres import PostgresServer
from tests.stores.conftest import ANNA, BRAM, NOW, ledger_url, objection, open_at, verdict

HERE = Path(__file__).parent
HELD = [
    verdict(),
    Event(Kind.CONSENT, NOW, "c1", ANNA, "futura", {"key": "1"}, personal={"said": "oui, ça va"}),
    objection(BRAM),
    Event(Kind.ALARM, NOW, payload={"alarm": "after the checkpoint"}),
]
"""What the frozen ledgers of the first schema hold; a checkpoint covers the first three."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that has the first schema."""
    text = (HERE / f"first_schema.{request.param}.sql").read_text(encoding="utf-8")
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as direct:
            direct.executescript(text)
        return ledger_url(tmp_path)
    postgres: PostgresServer = request.getfixturevalue("postgres")
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as direct:
        direct.execute(text.encode())
    return url


async def test_a_ledger_of_the_first_schema_is_read_verified_and_written_on(first: str) -> None:
    ledger = await open_at(first)
    assert [entry.event for entry in await ledger.read()] == HELD
    report = await ledger.audit()
    assert (report.events, report.checkpoints, report.covered, report.problems) == (4, 1, 3, ())
    assert await gap.unready(ledger) == ()
    [after] = (await ledger.append([verdict("after")])).entries
    assert (after.seq, after.n, await ledger.mark()) == (5, 5, 1)
    assert set(await ledger.open_calls()) == {"c1", "after"}
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_the_first_schema_becomes_the_newest(first: str) -> None:
    await (await open_at(first)).close()
    engine = sa.create_engine(first.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "callgate_schema"})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
