"""Whatever happens to the database, nothing acknowledged is lost, nothing waits for ever, and it heals by itself."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from callgate.core.events import Event, Kind
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, Outcome
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.postgres import COPIED_FROM
from lab.postgres import PostgresServer
from tests.stores.conftest import NOW, open_at, open_ledger, verdict

WITHIN = 0.5
"""Seconds that an append may take here."""
BIG = 100_000

server_mark = pytest.mark.server


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server that may be ill-treated."""
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture
def url(own: PostgresServer) -> str:
    return own.new_database()


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    opened = await open_at(url, append_within=WITHIN)
    yield opened
    await opened.close()


async def append_until_taken(ledger: Ledger, call: str) -> None:
    """As the office does: each attempt is an append of its own."""
    async with asyncio.timeout(20):
        while True:
            try:
                await ledger.append([verdict(call)])
            except LedgerUnavailable:
                await asyncio.sleep(0)
            else:
                return


async def calls(ledger: Ledger) -> list[str | None]:
    async with asyncio.timeout(20):
        while True:
            try:
                return [entry.event.call for entry in await ledger.read()]
            except LedgerUnavailable:
                await asyncio.sleep(0)


@server_mark
async def test_a_server_that_hangs_is_given_up_in_time_and_it_returns_by_itself(
    own: PostgresServer, ledger: Ledger
) -> None:
    await ledger.append([verdict("before")])
    await ledger.read()
    own.freeze()
    try:
        async with asyncio.timeout(WITHIN * 8):
            appends = [ledger.append([verdict(f"lost {n}")]) for n in range(10)]
            ended = await asyncio.gather(*appends, ledger.read(), return_exceptions=True)
        assert all(isinstance(error, LedgerUnavailable) for error in ended)
    finally:
        own.thaw()
    await append_until_taken(ledger, "after")
    found = await calls(ledger)
    assert (found[0], found[-1]) == ("before", "after")
    assert (await ledger.audit()).problems == ()


@server_mark
@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_server_that_was_restarted_or_crashed_has_all_that_was_acknowledged(
    own: PostgresServer, ledger: Ledger, how: str
) -> None:
    acknowledged: list[str] = []
    under_way = asyncio.Event()

    async def append_some(worker: int) -> None:
        for n in range(200):
            name = f"{worker}-{n}"
            try:
                await ledger.append([verdict(name)])
            except LedgerUnavailable:
                return
            acknowledged.append(name)
            if len(acknowledged) == 100:
                under_way.set()

    working = asyncio.gather(*(append_some(worker) for worker in range(20)))
    async with asyncio.timeout(20):
        await under_way.wait()
    await asyncio.to_thread(own.stop, how)
    await working
    with pytest.raises(LedgerUnavailable):
        await ledger.append([verdict("while it is down")])
    await asyncio.to_thread(own.start)
    await append_until_taken(ledger, "after")
    assert {*acknowledged, "after"} <= set(await calls(ledger))
    assert (await ledger.audit()).problems == ()


@server_mark
async def test_a_restart_while_nobody_wrote_costs_no_append(own: PostgresServer, ledger: Ledger) -> None:
    await ledger.append([verdict("before")])
    await ledger.read()
    await asyncio.to_thread(own.restart)
    await ledger.append([verdict("after")])
    assert [entry.event.call for entry in await ledger.read()] == ["before", "after"]


@server_mark
async def test_a_name_that_another_took_meanwhile_is_not_written_under(
    own: PostgresServer, ledger: Ledger, url: str
) -> None:
    await ledger.append([verdict("before")])
    other = await taken_over(url, own)
    with pytest.raises(LedgerUnavailable, match="another process writes") as raised:
        await ledger.append([verdict("lost")])
    assert raised.value.outcome is Outcome.NOT_WRITTEN
    await other.append([verdict("theirs")])
    await other.close()
    await append_until_taken(ledger, "after")
    assert await calls(ledger) == ["before", "theirs", "after"]
    assert (await ledger.audit()).problems == ()


async def taken_over(url: str, own: PostgresServer) -> Ledger:
    """End the session that writes, and open the ledger under its name before it comes back."""
    with psycopg.connect(url, autocommit=True) as direct:
        direct.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name LIKE 'callgate%' AND pid <> pg_backend_pid()"
        )
    return await open_at(url)


@server_mark
async def test_a_standby_takes_no_events_and_is_refused(own: PostgresServer, url: str) -> None:
    await (await open_at(url)).close()
    (own.home / "data" / "standby.signal").touch()
    await asyncio.to_thread(own.restart)
    with pytest.raises(LedgerRefused, match="is a standby"):
        await open_at(url)


@server_mark
async def test_a_server_that_may_forget_is_refused(own: PostgresServer, url: str) -> None:
    with (own.home / "data" / "postgresql.conf").open("a") as file:
        file.write("fsync = off\n")
    await asyncio.to_thread(own.restart)
    with pytest.raises(LedgerRefused, match="fsync off"):
        await open_at(url)


@server_mark
async def test_a_session_that_need_not_be_durable_is_made_so(own: PostgresServer, url: str) -> None:
    with (own.home / "data" / "postgresql.conf").open("a") as file:
        file.write("synchronous_commit = off\n")
    await asyncio.to_thread(own.restart)
    ledger = await open_at(url)
    assert ledger._backend._session().execute("SHOW synchronous_commit").fetchone() == ("on",)  # type: ignore[attr-defined]
    await ledger.close()


@server_mark
@pytest.mark.parametrize("rows", [2, COPIED_FROM], ids=["inserted", "copied"])
async def test_errors_of_the_server_never_repeat_what_was_to_be_written(ledger: Ledger, url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as direct:
        direct.execute("CREATE UNIQUE INDEX broken ON events (call)")
    with pytest.raises(LedgerUnavailable, match="unique constraint") as raised:
        await ledger.append([verdict("a secret")] * rows)
    assert raised.value.outcome is Outcome.NOT_WRITTEN
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__
    await ledger.append([verdict("another")])


@server_mark
async def test_a_lock_that_another_holds_fails_in_time_and_nothing_is_written(ledger: Ledger, url: str) -> None:
    with psycopg.connect(url) as direct:
        direct.execute("SELECT * FROM ledger FOR UPDATE")
        ended = await asyncio.gather(*(ledger.append([verdict()]) for _ in range(3)), return_exceptions=True)
    assert {error.outcome for error in ended if isinstance(error, LedgerUnavailable)} == {Outcome.NOT_WRITTEN}
    await append_until_taken(ledger, "after")
    assert await calls(ledger) == ["after"]


async def test_a_disk_that_is_full_acknowledges_nothing_and_all_that_was_is_there(tmp_path: Path) -> None:
    """The kernel refuses writes past a limit, as it does on a full disk."""
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict("before")])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = Event(Kind.ALARM, NOW, "big", payload={"text": "x" * BIG})
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BIG * 3, before[1]))
        with pytest.raises(LedgerUnavailable):
            for _ in range(100):
                await ledger.append([big, verdict("beside")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await ledger.append([verdict("after")])
    found = await calls(ledger)
    assert (found[0], found[-1]) == ("before", "after")
    assert found.count("big") == found.count("beside")
    assert (await ledger.audit()).problems == ()
    await ledger.close()
    again = await open_ledger(tmp_path)
    assert await calls(again) == found
    await again.close()
