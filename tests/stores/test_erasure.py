"""Erasure: the key is destroyed, and with it what it sealed, wherever it lies; the proof and the objection stay."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callgate.core.events import DataClass, Event, Kind
from callgate.core.gate import Hit, Scope
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.sqlite import SqliteBackend
from callgate.stores.objections import Audience
from callgate.stores.tokens import alive, stored_tokens
from tests.stores.conftest import ANNA, BRAM, NOW, TOKENS, objection, open_ledger, verdict

ALL = tuple(DataClass)
OTHERS = 1500
"""People among whose keys those of one are looked for: enough for several pages of each index to have been split."""


def forms(number: str) -> Iterator[bytes]:
    """The ways in which a number could lie in a file."""
    digits = number.removeprefix("+")
    yield digits.encode()
    yield digits[2:].encode()
    yield digits.encode("utf-16-le")
    yield int(digits).to_bytes(8)
    yield int(digits).to_bytes(8, "little")


def key_material(folder: Path) -> dict[bytes, tuple[bytes, bytes]]:
    """Subject → its wrapped key and its token, of all that have one."""
    with closing(sqlite3.connect(folder / "ledger.db")) as direct:
        found = direct.execute("SELECT subject, wrapped, token FROM subjects WHERE wrapped IS NOT NULL").fetchall()
    return {subject: (wrapped, token) for subject, wrapped, token in found}


def files_that_hold(folder: Path, needle: bytes) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file() and needle in path.read_bytes()}


def back_up(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as source, closing(sqlite3.connect(folder / "backup.db")) as to:
        source.backup(to)


async def fill(ledger: Ledger) -> None:
    """Events of many people, Anna's among them in every class and at several times."""
    consent = Event(Kind.CONSENT, NOW, "c1", ANNA, "futura", personal={"said": "yes, I am Anna"})
    sealed = Event(Kind.RECORDING_SEALED, NOW, "c1", ANNA, "futura", {"seconds": 3})
    people = [f"+3247{n:07}" for n in range(OTHERS)]
    random.Random(1).shuffle(people)
    for at in range(0, OTHERS, 100):
        events = [Event(Kind.VERDICT, NOW, f"x{number}", number, "futura") for number in people[at : at + 100]]
        await ledger.append([*events, verdict("c1"), consent, objection(), sealed])


async def test_after_an_erasure_no_file_yields_the_number_or_the_key(
    ledger: Ledger, tmp_path: Path, journal: Journal
) -> None:
    await fill(ledger)
    before = key_material(tmp_path)
    assert await ledger.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal) == (3, True)
    back_up(tmp_path)

    after = key_material(tmp_path)
    destroyed = before.keys() - after.keys()
    assert len(destroyed) == 3
    for subject in destroyed:
        assert files_that_hold(tmp_path, before[subject][0]) == set()
    for form in forms(ANNA):
        assert files_that_hold(tmp_path, form) == set()
    # The search would have found them: others' keys lie there plainly.
    wrapped, token = after[next(iter(after))]
    assert files_that_hold(tmp_path, wrapped) == files_that_hold(tmp_path, token) == {"ledger.db", "backup.db"}


async def test_a_thorough_one_leaves_no_trace_of_a_token_in_the_pages_of_its_index(
    ledger: Ledger, tmp_path: Path, journal: Journal
) -> None:
    await fill(ledger)
    before = key_material(tmp_path)
    for n in range(0, OTHERS, 10):
        await ledger.erase(f"+3247{n:07}", "futura", ALL, NOW, by="officer", journal=journal)
    assert await ledger.forget(thorough=True)
    back_up(tmp_path)
    after = key_material(tmp_path)
    for subject in before.keys() - after.keys():
        assert files_that_hold(tmp_path, before[subject][1]) == set()


@pytest.mark.parametrize("without", ["destroy_subject", "forget"])
async def test_the_search_for_traces_finds_them_where_the_destruction_is_turned_off(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: str, journal: Journal
) -> None:
    await ledger.append([verdict()])
    [(wrapped, _)] = key_material(tmp_path).values()
    if without == "forget":
        monkeypatch.setattr(SqliteBackend, "forget", lambda _, thorough: True)
    else:
        monkeypatch.setattr(SqliteBackend.sql, "destroy_subject", "UPDATE subjects SET destroyed = ? WHERE subject = ?")
    await ledger.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal)
    assert files_that_hold(tmp_path, wrapped)


async def test_an_erased_person_reads_as_nobody_and_the_chain_verifies(ledger: Ledger, journal: Journal) -> None:
    await ledger.append([verdict(), objection(BRAM)])
    await ledger.checkpoint(NOW)
    await ledger.append([Event(Kind.CONSENT, NOW, "c1", ANNA, "futura", {"key": "1"}, personal={"said": "yes"})])
    await ledger.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal)
    *_, consent, erasure = entries = await ledger.read()
    assert [entry.event.number for entry in entries] == [None, BRAM, None, None]
    assert [entry.gone for entry in entries] == [True, False, True, False]
    assert (dict(consent.event.payload), dict(consent.event.personal)) == ({"key": "1"}, {})
    assert erasure.event.kind is Kind.ERASURE
    assert erasure.event.payload["classes"] == ["contact", "recording", "proof"]
    assert (await ledger.audit()).problems == ()


async def test_an_erasure_takes_one_controllers_data_of_the_classes_named(ledger: Ledger, journal: Journal) -> None:
    other = Event(Kind.VERDICT, NOW, "c9", ANNA, "other", {"outcome": "allow"})
    await ledger.append([verdict(), other, objection()])
    assert await ledger.erase(
        ANNA, "futura", [DataClass.CONTACT, DataClass.RECORDING], NOW, by="officer", journal=journal
    ) == (1, True)
    assert [entry.event.number for entry in await ledger.read(limit=3)] == [None, ANNA, ANNA]


async def test_erasing_whom_the_ledger_does_not_know_changes_nothing(ledger: Ledger, journal: Journal) -> None:
    await ledger.append([verdict()])
    assert await ledger.erase(BRAM, "futura", ALL, NOW, by="officer", journal=journal) == (0, True)
    assert len(await ledger.read()) == 1


async def test_who_comes_back_after_an_erasure_is_somebody_new(
    ledger: Ledger, tmp_path: Path, journal: Journal
) -> None:
    """Also for another process, which had the old key at hand."""
    other = await open_ledger(tmp_path, "other")
    await other.append([verdict("a")])
    await ledger.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal)
    await asyncio.gather(other.append([verdict("b")]), other.append([verdict("c")]))
    await ledger.append([verdict("d")])
    by_call = {entry.event.call: entry.event.number for entry in await ledger.read(kinds=[Kind.VERDICT])}
    assert by_call == {"a": None, "b": ANNA, "c": ANNA, "d": ANNA}
    assert len(key_material(tmp_path)) == 1
    await other.close()


async def test_an_objection_outlives_the_number(ledger: Ledger, redis: Redis, keys: Keys, journal: Journal) -> None:
    await ledger.append([objection(), objection(BRAM)])
    await ledger.append([Event(Kind.OBJECTION_REMOVED, NOW, number=BRAM, controller="futura")])
    for number in (ANNA, BRAM):
        await ledger.erase(number, "futura", ALL, NOW, by="officer", journal=journal)
    replayed = [entry async for batch in ledger.suppressions() for entry in batch]
    assert [entry.event.number for entry in replayed] == [None] * 3
    assert all(entry.tokens for entry in replayed)

    cache = SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)
    assert await rebuild(cache, ledger) == ()
    assert (await cache.lookup(Query(ANNA, "futura", "spring"))).facts.hits == (Hit(Scope.CONTROLLER, "objection"),)
    assert (await cache.lookup(Query(BRAM, "futura", "spring"))).facts.hits == ()


async def test_a_reader_that_stands_in_the_way_is_told_of(tmp_path: Path, journal: Journal) -> None:
    ledger = await open_ledger(tmp_path, append_within=0.1)
    await ledger.append([verdict()])
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        assert await ledger.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal) == (1, False)
        reader.execute("COMMIT")
    assert await ledger.forget()
    await ledger.close()


def test_a_stored_token_is_used_only_while_its_key_is_alive() -> None:
    retired, living = TokenKey("k0", bytes([7]) * 32), TokenKey("k1", bytes(32))
    stored = stored_tokens(TokenKeys((living, retired)), objection())
    [token] = alive(TokenKeys((living,)), stored)
    assert token == living.token(Audience(Scope.CONTROLLER, "futura"), ANNA)
    assert alive(TokenKeys((TokenKey("k2", bytes(32)),)), stored) == []
