"""Subjects that the index of tokens does not hold yet: one to a person all the same, whoever writes, whatever fails."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from callgate.core.events import DataClass, Event, Kind
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger, fresh
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.questions import Question, subjects_of
from callgate.stores.schema import subjects
from tests.stores.conftest import ANNA, BRAM, NOW, open_ledger


def verdict(number: str = ANNA) -> Event:
    return Event(Kind.VERDICT, NOW, "c", number, "acme", {"outcome": "block"})


async def settled(ledger: Ledger) -> list[int]:
    """Of each subject, in the order of their making, whether the index holds it, once the writing thread is done."""
    await ledger.forget()
    return [row.settled for row in await ledger.rows(sa.select(subjects.c.settled).order_by(subjects.c.id))]


@pytest.fixture
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "SETTLED_AT", 2)


async def test_a_new_subject_is_fresh_and_a_person_has_one(ledger: Ledger, tmp_path: Path) -> None:
    other = await open_ledger(tmp_path, "other")
    for writer in (ledger, other, ledger, other):
        await writer.append([verdict()])
        await writer.append([verdict(BRAM)])
    assert await settled(ledger) == [0, 0]
    await other.close()


async def test_after_a_restart_the_fresh_are_found(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.append([verdict()])
    await ledger.close()
    again = await open_ledger(tmp_path)
    await again.append([verdict()])
    assert await settled(again) == [0]
    assert len(await again.search(Question(number=ANNA, controllers=("acme",)))) == 2
    await again.close()


@pytest.mark.usefixtures("two_at_a_time")
async def test_once_there_are_enough_they_settle_and_are_still_found(tmp_path: Path) -> None:
    ledger, other = await open_ledger(tmp_path), await open_ledger(tmp_path, "other")
    await ledger.append([verdict()])
    await other.append([verdict()])
    assert await settled(ledger) == [0]
    await ledger.append([verdict(BRAM)])
    assert await settled(ledger) == [1, 1]
    for writer in (ledger, other):
        await writer.append([verdict(), verdict(BRAM)])
        assert len(await writer.search(Question(number=BRAM, controllers=("acme",)))) in (2, 3)
    assert await settled(ledger) == [1, 1]
    await other.close()
    await ledger.close()


@pytest.mark.usefixtures("two_at_a_time")
async def test_who_waits_is_told_before_the_others_settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    settle = fresh.Fresh.settle
    in_time: list[bool] = []

    def settle_once_told(self: fresh.Fresh) -> None:
        in_time.append(told.wait(timeout=10))
        settle(self)

    monkeypatch.setattr(fresh.Fresh, "settle", settle_once_told)
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict(), verdict(BRAM)])
    told.set()
    assert await settled(ledger) == [1, 1]
    assert in_time == [True]
    await ledger.close()


@pytest.mark.usefixtures("two_at_a_time")
async def test_where_settling_fails_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_SETTLE", "UPDATE subjects SET settled = 1 WHERE there_is_no_such_column = 0")
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict(), verdict(BRAM)])
    await ledger.append([verdict(), verdict(BRAM)])
    assert await settled(ledger) == [0, 0]
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_a_transaction_that_failed_leaves_nobody_behind(ledger: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
        direct.execute("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(LedgerUnavailable):
            await ledger.append([verdict()])
        direct.execute("DROP TRIGGER full")
    await ledger.append([verdict(BRAM)])
    await ledger.append([verdict()])
    assert await settled(ledger) == [0, 0]
    assert len(await ledger.search(Question(number=ANNA, controllers=("acme",)))) == 1


@pytest.mark.parametrize("thorough", [False, True])
async def test_who_is_erased_while_fresh_is_somebody_new_for_every_writer(
    ledger: Ledger, tmp_path: Path, journal: Journal, thorough: bool
) -> None:
    other = await open_ledger(tmp_path, "other")
    await ledger.append([verdict()])
    await other.append([verdict(BRAM)])
    if thorough:
        await ledger.forget(thorough=True)
    assert await settled(ledger) == [int(thorough)] * 2
    await ledger.erase(ANNA, "acme", list(DataClass), NOW, by="test", journal=journal)
    await other.append([verdict()])
    await ledger.append([verdict()])
    question = Question(number=ANNA, controllers=("acme",))
    assert [entry.event.number for entry in await ledger.search(question)] == [ANNA, ANNA]
    assert len(await settled(ledger)) == 3
    await other.close()


async def test_a_search_by_number_asks_an_index_for_the_settled_and_reads_only_the_fresh(
    ledger: Ledger, tmp_path: Path
) -> None:
    await ledger.append([verdict()])
    query = subjects_of(ANNA, ("acme",), ledger.ring).compile(
        dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}
    )
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as direct:
        explained = direct.execute(f"EXPLAIN QUERY PLAN {query}", [b"x"] * str(query).count("?"))
        plan = [row[3] for row in explained]
    assert [step for step in plan if "subjects" in step] == [
        "SEARCH subjects USING INDEX subjects_by_token (token=?)",
        "SEARCH subjects USING INTEGER PRIMARY KEY (rowid>?)",
        "SCAN subjects",  # for the last that is settled, from the end
    ]
