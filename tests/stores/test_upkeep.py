"""Retention, rotation of keys, backup and restore, and the questions of an officer."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from callgate.core.events import DataClass, Event, Kind
from callgate.core.retention import Terms
from callgate.stores.errors import LedgerRefused, LedgerUnavailable
from callgate.stores.ledger import Ledger, upkeep
from callgate.stores.ledger.backup import back_up, restore
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.keyfile import LedgerKeys, add_master, read_ledger_keys, write_new_ledger_keys
from callgate.stores.ledger.questions import Question
from callgate.stores.ledger.schedule import until_quiet
from callgate.stores.ledger.upkeep import Removed, retain, rewrap
from callgate.stores.tokens import stored_tokens
from tests.stores.conftest import (
    ANNA,
    BRAM,
    NOW,
    TOKENS,
    ledger_url,
    objection,
    open_ledger,
    removal,
    verdict,
)

DAY = timedelta(days=1)
LIMITS = Terms(365 * DAY, 365 * DAY, 1827 * DAY).limits(NOW)


@pytest.fixture
def ledger(either: Ledger) -> Ledger:
    return either


def ago(days: int, event: Event) -> Event:
    return replace(event, at=NOW - days * DAY)


# Retention.


async def test_what_is_past_its_term_goes_and_the_chain_and_the_objection_stay(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "STEP", 2)
    monkeypatch.setattr(upkeep, "SPAN", 4)
    consent = Event(Kind.CONSENT, NOW, "c1", ANNA, "futura", {"key": "1"})
    old = [ago(400, verdict(f"old {n}")) for n in range(5)]
    await ledger.append([*old, ago(400, consent), ago(2000, objection(BRAM)), ago(364, verdict("new"))])
    await ledger.append([ago(2000, consent)])
    await ledger.checkpoint(NOW)

    rehearsed = await retain(ledger, LIMITS, NOW, "test", dry_run=True)
    assert rehearsed == Removed({Kind.VERDICT: 5, Kind.CONSENT: 1}, 1, 9)
    assert not any(entry.gone for entry in await ledger.read())
    assert await retain(ledger, LIMITS, NOW, "test") == rehearsed
    assert (await retain(ledger, LIMITS, NOW, "test")).by_kind == {}

    entries = await ledger.read()
    assert [entry.seq for entry in entries if entry.gone] == [1, 2, 3, 4, 5, 9]
    assert entries[5].event == ago(400, consent)
    assert entries[6].event.number == BRAM
    told = [entry.event.payload["removed"] for entry in entries if entry.event.kind is Kind.RETENTION]
    assert told == [{"verdict": 2}, {"verdict": 2}, {"verdict": 1}, {"consent": 1}]
    assert (await ledger.audit()).problems == ()


async def test_proof_is_kept_as_long_as_the_law_of_the_persons_country_asks(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "STEP", 2)
    terms = Terms(365 * DAY, 365 * DAY, 400 * DAY, {"DE": 1827 * DAY, "FR": 1096 * DAY})
    german, french, belgian, of_no_range = "+4930123456", ANNA, "+3225550199", "+4912"

    def consent(number: str, days: int) -> Event:
        return ago(days, Event(Kind.CONSENT, NOW, f"{number} {days}", number, "futura", {"key": "1"}))

    stays = [consent(german, 1826), consent(french, 1095), consent(belgian, 399), consent(of_no_range, 1826)]
    goes = [consent(german, 1828), consent(french, 1097), consent(belgian, 401), consent(of_no_range, 1828)]
    of_contact = replace(ago(366, verdict("german")), number=german)
    await ledger.append([*stays, *goes, of_contact])

    limits, by_law = terms.limits(NOW), terms.kept_by_law(NOW)
    rehearsed = await retain(ledger, limits, NOW, "test", kept_by_law=by_law, dry_run=True)
    assert rehearsed.by_kind == {Kind.CONSENT: 4, Kind.VERDICT: 1}
    assert await retain(ledger, limits, NOW, "test", kept_by_law=by_law) == rehearsed
    left = await ledger.read(kinds=[Kind.CONSENT])
    assert [entry.event for entry in left if not entry.gone] == stays


async def test_the_index_is_made_anew_every_night_also_where_nothing_is_due(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_anew: list[bool] = []

    def forget(*, thorough: bool) -> None:
        made_anew.append(thorough)

    monkeypatch.setattr(ledger.backend, "forget", forget)
    await ledger.append([verdict()])
    await retain(ledger, LIMITS, NOW, "test", dry_run=True)
    assert made_anew == []
    await retain(ledger, LIMITS, NOW, "test")
    assert made_anew == [True]


async def test_a_persons_key_goes_with_the_last_that_it_sealed(ledger: Ledger, journal: Journal) -> None:
    await ledger.append([ago(400, verdict("a")), replace(ago(400, verdict("b")), number=BRAM), verdict("c")])
    await retain(ledger, LIMITS, NOW, "test")
    found = await ledger.search(Question(number=ANNA, controllers=["futura"]))
    assert [entry.event.call for entry in found] == ["a", "c"]
    assert await ledger.search(Question(number=BRAM, controllers=["futura"])) == []
    assert await ledger.erase(BRAM, "futura", tuple(DataClass), NOW, by="test", journal=journal) == (0, True)


async def test_who_comes_back_after_retention_took_their_key_gets_another(ledger: Ledger) -> None:
    await ledger.append([ago(400, verdict("a"))])
    await retain(ledger, LIMITS, NOW, "test")
    await ledger.append([verdict("b")])
    assert [entry.event.number for entry in await ledger.read(kinds=[Kind.VERDICT])] == [None, ANNA]


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-11-24T02:59", 1 / 60), ("2026-11-24T03:00", 24), ("2026-11-24T12:00", 15), ("2026-11-24T00:00", 3)],
)
def test_retention_begins_in_the_quiet_hour(now: str, hours: float) -> None:
    assert until_quiet(datetime.fromisoformat(now).replace(tzinfo=UTC)) == timedelta(hours=hours)


# Keys.


@pytest.fixture
def keys(tmp_path: Path) -> LedgerKeys:
    write_new_ledger_keys(tmp_path / "ledger.key")
    return read_ledger_keys(tmp_path / "ledger.key")


async def open_with(folder: Path, keys: LedgerKeys, writer: str = "office") -> Ledger:
    tokens = partial(stored_tokens, TOKENS)
    return await Ledger.open(ledger_url(folder), writer, lambda: NOW, keys=keys, tokens=tokens, append_within=5)


async def test_after_a_rotation_the_old_master_key_is_not_needed(
    keys: LedgerKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr(upkeep, "STEP", 2)
    running = await open_with(tmp_path, keys)
    await running.append([Event(Kind.VERDICT, NOW, number=f"+3247{n:07}") for n in range(5)])
    await running.erase("+32470000001", "", tuple(DataClass), NOW, by="test", journal=journal)

    rotating = await open_with(tmp_path, add_master(keys.path, "second"), "rotating")
    assert await rewrap(rotating) == 4
    await running.append([Event(Kind.VERDICT, NOW, number=ANNA)])
    assert await rewrap(rotating) == 1
    await running.append([Event(Kind.VERDICT, NOW, number="+32470000002")])
    assert await rewrap(rotating) == 0
    before = await running.read()
    assert [entry.event.number for entry in before][:3] == ["+32470000000", None, "+32470000002"]
    await running.close()
    await rotating.close()

    lines = keys.path.read_text().splitlines(keepends=True)
    keys.path.write_text("".join(line for line in lines if not line.startswith("master first")))
    alone = await open_with(tmp_path, read_ledger_keys(keys.path))
    assert await alone.read() == before
    assert (await alone.audit()).problems == ()
    await alone.close()


async def test_a_master_key_that_was_taken_out_too_early_is_named_and_nothing_is_answered(
    keys: LedgerKeys, tmp_path: Path
) -> None:
    ledger = await open_with(tmp_path, keys)
    await ledger.append([verdict()])
    await ledger.close()
    keys.path.write_text(keys.path.read_text().replace("master first", "master other"))
    again = await open_with(tmp_path, read_ledger_keys(keys.path))
    with pytest.raises(LedgerUnavailable, match=r"'first', which .* does not hold"):
        await again.read()
    await again.close()


async def test_the_keys_of_another_ledger_are_refused(keys: LedgerKeys, tmp_path: Path) -> None:
    await (await open_ledger(tmp_path)).close()
    with pytest.raises(LedgerRefused, match="index key of another ledger"):
        await open_with(tmp_path, keys)


# Backup and restore.


async def as_it_is(url: str) -> None:
    """For a backup that is taken as it is."""


async def test_a_backup_made_while_others_write_restores_to_a_ledger_that_verifies_and_goes_on(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict(), objection()])
    await ledger.checkpoint(NOW)
    writing = asyncio.gather(*(ledger.append([verdict(f"during {n}")]) for n in range(300)))
    await back_up(ledger_url(tmp_path), tmp_path / "backup.db")
    await writing
    await ledger.append([removal()])
    await ledger.close()

    new = tmp_path / "new"
    new.mkdir()
    await restore(tmp_path / "backup.db", ledger_url(new), as_it_is)
    again = await open_ledger(new)
    assert again.identity == ledger.identity
    assert [entry.event for entry in await again.read(limit=2)] == [verdict(), objection()]
    assert await again.mark() == 1
    await again.append([verdict("after")])
    assert (await again.audit()).problems == ()
    await again.close()


async def test_a_backup_is_its_owners_and_overwrites_nothing(tmp_path: Path) -> None:
    await (await open_ledger(tmp_path)).close()
    backup = tmp_path / "backup.db"
    await back_up(ledger_url(tmp_path), backup)
    assert backup.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        await back_up(ledger_url(tmp_path), backup)
    with pytest.raises(LedgerRefused, match="is there already"):
        await restore(backup, ledger_url(tmp_path), as_it_is)


async def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("no database at all, but long enough to look at\n" * 99)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        await back_up(ledger_url(tmp_path), tmp_path / "backup.db")
    assert not await asyncio.to_thread((tmp_path / "backup.db").exists)


async def test_postgresql_is_backed_up_by_its_own_means(tmp_path: Path) -> None:
    with pytest.raises(LedgerRefused, match="pg_dump"):
        await back_up("postgresql://callgate@db/ledger", tmp_path / "backup.db")


async def test_a_backup_that_was_tampered_with_does_not_verify(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict("a"), verdict("b")])
    await ledger.close()
    await back_up(ledger_url(tmp_path), tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "backup.db", isolation_level=None)) as direct:
        direct.execute("DROP TRIGGER events_refuse_update")
        direct.execute("UPDATE events SET call = 'c' WHERE seq = 2")
    (tmp_path / "new").mkdir()
    await restore(tmp_path / "backup.db", ledger_url(tmp_path / "new"), as_it_is)
    again = await open_ledger(tmp_path / "new")
    assert (await again.audit()).problems[0].startswith("event 2 (office 2) was changed")
    await again.close()


# Questions.


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (Question(), [1, 2, 3, 4, 5]),
        (Question(call="a"), [1, 3]),
        (Question(number=ANNA, controllers=["futura"]), [1, 4]),
        (Question(number=ANNA), []),
        (Question(number="+33199000099", controllers=["futura"]), []),
        (Question(agent="PJSIP/7"), [1, 3]),
        (Question(campaign="spring"), [1, 2, 3]),
        (Question(campaign="spring", agent="PJSIP/8"), [2]),
        (Question(campaign="spring", kinds=[Kind.VERDICT]), [1, 2]),
        (Question(agent="PJSIP/7", kinds=[Kind.VERDICT]), [1]),
        (Question(campaign="autumn", kinds=[Kind.VERDICT]), []),
        (Question(kinds=[Kind.ALARM, Kind.OBJECTION]), [4, 5]),
        (Question(campaign="'); DROP TABLE events; --"), []),
        (Question(since=NOW), [3, 4]),
        (Question(until=NOW), [1, 2, 5]),
        (Question(since=NOW - DAY, until=NOW), [2]),
        (Question(after_seq=1, limit=2), [2, 3]),
    ],
)
async def test_an_officers_question_finds_what_it_asks_for(
    ledger: Ledger, question: Question, found: list[int]
) -> None:
    def call(name: str, agent: str, number: str, days: int) -> Event:
        payload = {"outcome": "allow", "agent": agent, "campaign": "spring"}
        return ago(days, Event(Kind.VERDICT, NOW, name, number, "futura", payload))

    await ledger.append([call("a", "PJSIP/7", ANNA, 2), call("b", "PJSIP/8", BRAM, 1)])
    await ledger.append([Event(Kind.CLOSED, NOW, "a"), objection(), ago(3, Event(Kind.ALARM, NOW))])
    assert [entry.seq for entry in await ledger.search(question)] == found
