"""What holds of a ledger, whichever database it is in: each of these runs on SQLite and on a real PostgreSQL."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from callgate.core.events import DataClass, Event, Json, Kind
from callgate.stores.errors import LedgerRefused, LedgerUnavailable
from callgate.stores.ledger import Committed, Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.rows import Prepared
from callgate.stores.schema import metadata
from tests.stores.conftest import ANNA, BRAM, NOW, objection, open_at, removal, verdict


@contextmanager
def engine_at(url: str) -> Iterator[sa.Engine]:
    """A way past the ledger."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    opened = await open_at(url)
    yield opened
    await opened.close()


async def test_what_was_appended_is_read_back_after_the_ledger_was_reopened(url: str) -> None:
    ledger = await open_at(url)
    said: dict[str, Json] = {"prompt": "é", "digits": ["1"], "at": 1.5, "x": None}
    event = Event(Kind.CONSENT, NOW, "c1", ANNA, "futura", said, 2, {"spoke": "hésitante"})
    committed = await ledger.append([event])
    await ledger.close()

    again = await open_at(url)
    assert await again.read() == list(committed.entries)
    assert committed.entries[0].event == event
    assert again.identity == ledger.identity
    await again.close()


@pytest.mark.parametrize("count", [1, 7, 8, 100])
async def test_whatever_a_text_holds_is_read_back_as_it_was_however_many_are_written_at_once(
    ledger: Ledger, count: int
) -> None:
    awkward = "a\tb\nc\\d\\N \\. \"é\u2028\U0001f4de', %s ? :x"
    event = Event(Kind.CONSENT, NOW, awkward, ANNA, "futura", {"said": awkward, awkward: None}, 2, {"spoke": awkward})
    await ledger.append([event, Event(Kind.ALARM, NOW)] * count)
    entries = await ledger.read()
    assert [entry.event for entry in entries] == [event, Event(Kind.ALARM, NOW)] * count
    assert (await ledger.audit()).problems == ()


async def test_entries_are_numbered_without_gaps_and_named_by_writer(ledger: Ledger, url: str) -> None:
    other = await open_at(url, "cli")
    await asyncio.gather(*(ledger.append([verdict(f"a{i}"), verdict(f"b{i}")]) for i in range(20)))
    await other.append([verdict("c")])
    await ledger.append([verdict("d")])
    entries = await ledger.read()
    assert [entry.seq for entry in entries] == list(range(1, 43))
    for writer, count in (("office", 41), ("cli", 1)):
        assert [entry.n for entry in entries if entry.writer == writer] == list(range(1, count + 1))
    await other.close()


async def test_the_events_of_one_append_stand_together(ledger: Ledger) -> None:
    appended = await asyncio.gather(*(ledger.append([verdict(str(i)), objection()]) for i in range(30)))
    for committed in appended:
        first, second = committed.entries
        assert (first.seq + 1, first.n + 1) == (second.seq, second.n)


async def test_concurrent_appends_share_transactions(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    commit = ledger._group._commit

    def counting(groups: Sequence[Sequence[Prepared]]) -> Sequence[Committed]:
        sizes.append(len(groups))
        return commit(groups)

    monkeypatch.setattr(ledger._group, "_commit", counting)
    await asyncio.gather(*(ledger.append([verdict(str(i))]) for i in range(64)))
    assert sum(sizes) == 64
    assert len(sizes) <= 2


async def test_patient_appends_share_a_commit_stand_in_their_order_and_are_durable_on_return(url: str) -> None:
    ledger, other = await open_at(url), await open_at(url, "other")
    patient = asyncio.create_task(ledger.append([Event(Kind.DIALLED, NOW, "c1")], patient=True))
    await asyncio.sleep(0)
    urgent = await ledger.append([verdict("c2")])
    assert [entry.seq for entry in (await patient).entries + urgent.entries] == [1, 2]
    await ledger.append([Event(Kind.CLOSED, NOW, "c1")], patient=True)
    assert [entry.event.kind for entry in await other.read()] == [Kind.DIALLED, Kind.VERDICT, Kind.CLOSED]
    await ledger.close()
    await other.close()


async def test_two_writers_at_once_wait_for_each_other(ledger: Ledger, url: str) -> None:
    other = await open_at(url, "cli")

    async def append_often(writer: Ledger) -> None:
        for _ in range(50):
            await writer.append([objection()])

    await asyncio.gather(append_often(ledger), append_often(other))
    assert await ledger.mark() == await other.mark() == 100
    await other.close()


async def test_the_mark_counts_the_suppressing_events_of_all_writers(ledger: Ledger, url: str) -> None:
    other = await open_at(url, "cli")
    assert (await ledger.append([verdict()])).mark == 0
    assert (await ledger.append([objection(), verdict(), objection(BRAM)])).mark == 2
    assert (await other.append([removal()])).mark == 3
    committed = await ledger.append([verdict()])
    assert committed.mark == await ledger.mark() == 3
    assert committed.entries[0].mark is None
    await other.close()


async def test_suppressions_are_replayed_past_a_mark_in_the_order_of_their_commits(ledger: Ledger, url: str) -> None:
    other = await open_at(url, "cli")
    for at, writer in enumerate([ledger, other, ledger, ledger, other]):
        await writer.append([verdict(), (removal if at == 1 else objection)()])
    batches = [batch async for batch in ledger.suppressions(after=1, batch=3)]
    assert [[entry.mark for entry in batch] for batch in batches] == [[2, 3, 4], [5]]
    assert batches[0][0].event.kind is Kind.OBJECTION_REMOVED
    assert [entry.writer for batch in batches for entry in batch] == ["cli", "office", "office", "cli"]
    await other.close()


async def test_reading_is_narrowed_by_kind_call_place_and_limit(ledger: Ledger) -> None:
    await ledger.append([verdict("a"), verdict("b"), Event(Kind.CLOSED, NOW, "a"), objection()])
    assert [entry.seq for entry in await ledger.read(kinds=[Kind.VERDICT])] == [1, 2]
    assert [entry.seq for entry in await ledger.read(call="a")] == [1, 3]
    assert [entry.seq for entry in await ledger.read(after_seq=2)] == [3, 4]
    assert [entry.seq for entry in await ledger.read(limit=1)] == [1]
    assert [entry.seq for entry in await ledger.read(kinds=[Kind.CLOSED, Kind.OBJECTION], after_seq=3)] == [4]


async def test_open_calls_are_those_allowed_and_not_closed(ledger: Ledger) -> None:
    answered = Event(Kind.ANSWERED, NOW, "open")
    await ledger.append([verdict("open"), verdict("done"), verdict("blocked", "block"), verdict("ringing")])
    await ledger.append([answered, Event(Kind.CLOSED, NOW, "done")])
    calls = await ledger.open_calls()
    assert {call: [entry.event for entry in entries] for call, entries in calls.items()} == {
        "open": [verdict("open"), answered],
        "ringing": [verdict("ringing")],
    }


async def test_times_are_kept_in_utc(ledger: Ledger) -> None:
    local = datetime(2026, 11, 24, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    committed = await ledger.append([Event(Kind.ALARM, local)])
    read = (await ledger.read())[0].event.at
    assert read == local
    assert read.tzinfo is UTC
    assert committed.entries[0].event.at == read


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Event(Kind.ALARM, NOW.replace(tzinfo=None)), "without a zone"),
        (Event(Kind.ALARM, NOW, payload={"x": float("nan")}), "JSON compliant"),
        (Event(Kind.OBJECTION, NOW, controller="futura"), "needs the person's E.164 number"),
        (objection("0199000042"), "needs the person's E.164 number"),
        (objection(controller=None), "names no calls"),
        (objection(scope="campaign"), "names no calls"),
        (objection(scope="galaxy"), "names no calls"),
    ],
)
async def test_an_event_that_could_not_be_acted_on_is_refused_and_harms_no_other(
    ledger: Ledger, event: Event, says: str
) -> None:
    good = asyncio.create_task(ledger.append([verdict()]))
    with pytest.raises(ValueError, match=says):
        await ledger.append([verdict(), event])
    await good
    assert len(await ledger.read()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET kind = 'closed'",
        "UPDATE events SET body = '{}'",
        "UPDATE events SET salt = NULL, body = NULL, sealed = NULL, at = '2030'",
        "DELETE FROM events",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_written(ledger: Ledger, url: str, change: str) -> None:
    await ledger.append([verdict()])
    with engine_at(url) as engine, engine.begin() as direct, pytest.raises(DBAPIError, match="append-only"):
        direct.exec_driver_sql(change)


async def test_what_an_event_said_can_be_taken_away_and_is_read_as_gone(ledger: Ledger, url: str) -> None:
    await ledger.append([verdict(), objection()])
    with engine_at(url) as engine, engine.begin() as direct:
        direct.exec_driver_sql("UPDATE events SET salt = NULL, body = NULL, sealed = NULL WHERE seq = 1")
    first, second = await ledger.read()
    assert (first.gone, first.event) == (True, Event(Kind.VERDICT, NOW, "c1", None, "futura"))
    assert (second.gone, second.event) == (False, objection())


async def test_a_second_process_of_the_same_name_is_refused_until_the_first_is_gone(ledger: Ledger, url: str) -> None:
    with pytest.raises(LedgerRefused, match="another process writes"):
        await open_at(url)
    await ledger.close()
    await (await open_at(url)).close()


async def test_the_migrations_make_the_tables_that_the_queries_expect(ledger: Ledger, url: str) -> None:
    with engine_at(url) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "callgate_schema"})
        assert compare_metadata(context, metadata) == []


async def test_a_closed_ledger_takes_nothing_but_finishes_what_it_took(url: str) -> None:
    ledger = await open_at(url)
    taken = asyncio.gather(*(ledger.append([verdict(str(i))]) for i in range(300)))
    await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(ledger.append([verdict("first")]))), 5)
    await ledger.close()
    assert len(await taken) == 300
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.append([verdict()])
    await ledger.close()


async def test_an_erased_person_is_nobody_and_the_ledger_verifies(ledger: Ledger, url: str, journal: Journal) -> None:
    other = await open_at(url, "other")
    await other.append([verdict("a"), objection(BRAM)])
    await ledger.checkpoint(NOW)
    assert await ledger.erase(ANNA, "futura", tuple(DataClass), NOW, by="officer", journal=journal) == (1, True)
    await other.append([verdict("b")])
    assert [entry.event.number for entry in await ledger.read()] == [None, BRAM, None, ANNA]
    assert await ledger.forget(thorough=True)
    report = await other.audit()
    assert (report.events, report.checkpoints, report.problems) == (4, 1, ())
    await other.close()


async def test_every_event_that_was_acknowledged_survives_kill_9_among_200_callers(url: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("appender.py")),
        url,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        acknowledged = [await child.stdout.readline() for _ in range(1000)]
    child.kill()
    acknowledged += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()

    ledger = await open_when_free(url, "child")
    entries = await ledger.read(limit=1_000_000)
    calls = Counter(entry.event.call for entry in entries)
    # A line that the kill cut in two tells nothing.
    names = {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}
    assert len(names) >= 1000
    assert names <= calls.keys()
    assert set(calls.values()) == {2}, "an append of two events was written by half"
    assert [entry.n for entry in entries] == list(range(1, len(entries) + 1))
    report = await ledger.audit()
    assert (report.events, report.problems) == (len(entries), ())
    await ledger.append([verdict("after")])
    await ledger.close()


async def open_when_free(url: str, writer: str) -> Ledger:
    """Open it once the server has noticed that the process is gone."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await open_at(url, writer)
            except LedgerRefused:
                await asyncio.sleep(0)


async def test_a_clock_that_steps_back_changes_no_order(ledger: Ledger) -> None:
    for minutes in (0, -60, 5, -3):
        await ledger.append([Event(Kind.ALARM, NOW + timedelta(minutes=minutes))])
        assert await ledger.checkpoint(NOW + timedelta(minutes=minutes)) is not None
    entries = await ledger.read()
    assert [(entry.seq, (entry.event.at - NOW) // timedelta(minutes=1)) for entry in entries] == [
        (1, 0), (2, -60), (3, 5), (4, -3),
    ]  # fmt: skip
    assert (await ledger.audit()).problems == ()
