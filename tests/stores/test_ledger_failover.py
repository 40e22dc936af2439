"""Two PostgreSQL servers: what was acknowledged is there when the standby takes over, or `check` said it may not be."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from callgate.stores.errors import LedgerRefused, LedgerUnavailable, Outcome
from callgate.stores.ledger.standing import check_database
from lab.postgres import PostgresServer
from tests.stores.conftest import ledger_url, open_at, verdict
from tests.stores.test_ledger_faults import append_until_taken, calls

pytestmark = pytest.mark.server

WITHIN = 5.0
"""Seconds that an append may take: two servers wait for each other here."""


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
def standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    server = PostgresServer(of=primary)
    yield server
    server.end()


def url_of_both(primary: PostgresServer, standby: PostgresServer) -> str:
    """A ledger's URL that names both, of which that is taken which takes events."""
    url = primary.new_database()
    return f"{url},{standby.home}&target_session_attrs=read-write"


async def test_every_event_that_was_acknowledged_is_on_the_standby_that_takes_over(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    primary.set("synchronous_standby_names", "*")
    ledger = await open_at(url_of_both(primary, standby), append_within=WITHIN)
    acknowledged: list[str] = []
    under_way = asyncio.Event()

    async def append_some(worker: int) -> None:
        for n in range(1000):
            name = f"{worker}-{n}"
            try:
                await ledger.append([verdict(name)])
            except LedgerUnavailable:
                return
            acknowledged.append(name)
            if len(acknowledged) == 200:
                under_way.set()

    working = asyncio.gather(*(append_some(worker) for worker in range(20)))
    async with asyncio.timeout(20):
        await under_way.wait()
    await asyncio.to_thread(primary.stop, "immediate")
    await working
    with pytest.raises(LedgerUnavailable):
        await ledger.append([verdict("while neither takes events")])
    await asyncio.to_thread(standby.promote)
    # The new primary has no standby yet, and would wait for one.
    await asyncio.to_thread(standby.set, "synchronous_standby_names", "")
    await append_until_taken(ledger, "after")
    assert {*acknowledged, "after"} <= set(await calls(ledger))
    assert (await ledger.audit()).problems == ()
    await ledger.close()
    await asyncio.to_thread(primary.start)  # for the fixture to stop


async def test_an_append_is_not_acknowledged_while_the_standby_does_not_confirm(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    ledger = await open_at(primary.new_database(), append_within=0.5)
    await ledger.append([verdict("before")])
    primary.set("synchronous_standby_names", "*")
    await asyncio.to_thread(standby.stop)
    with pytest.raises(LedgerUnavailable) as raised:
        await ledger.append([verdict("unconfirmed")])
    assert raised.value.outcome is Outcome.UNKNOWN
    await asyncio.to_thread(standby.start)
    await append_until_taken(ledger, "after")
    await ledger.close()


def test_check_refuses_a_standby_a_server_that_may_forget_and_one_that_does_not_wait_for_its_standby(
    primary: PostgresServer, standby: PostgresServer
) -> None:
    url = primary.new_database()
    with pytest.raises(LedgerRefused, match="a standby that it does not wait for"):
        check_database(url)
    primary.set("synchronous_standby_names", "*")
    until(url, "SELECT current_setting('synchronous_standby_names') = '*'")
    check_database(url)
    on_standby = f"postgresql://callgate@/postgres?host={standby.home}"
    with pytest.raises(LedgerRefused, match="is a standby"):
        check_database(on_standby)
    primary.set("fsync", "off")
    until(url, "SELECT current_setting('fsync') = 'off'")
    with pytest.raises(LedgerRefused, match="fsync off"):
        check_database(url)


def until(url: str, question: str) -> None:
    """Until the server has taken up its new configuration."""
    for _ in range(10_000):
        with psycopg.connect(url, autocommit=True) as session:
            if session.execute(question.encode()).fetchall()[0][0]:
                return
    raise AssertionError(question)


def test_check_says_when_the_server_cannot_be_asked_and_asks_nothing_of_a_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    nowhere = tmp_path_factory.mktemp("nowhere")
    with pytest.raises(LedgerUnavailable, match="cannot be asked"):
        check_database(f"postgresql://callgate:a-secret@/ledger?host={nowhere}")
    check_database(ledger_url(nowhere))
