"""After a restore, what was erased is erased again, and no call is made until somebody answers for what is missing."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from callgate.core.events import DataClass, Event, Kind
from callgate.stores.cache.readiness import ensure
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, NotReady, Why
from callgate.stores.ledger import Ledger, gap
from callgate.stores.ledger.backup import back_up, restore
from callgate.stores.ledger.journal import Journal
from callgate.stores.schema import subjects
from lab.postgres import PostgresServer, programs
from tests.stores.conftest import ANNA, BRAM, NOW, ledger_url, objection, open_at, open_ledger, verdict

ALL = tuple(DataClass)


async def test_a_restored_ledger_is_not_decided_on_until_an_officer_answers_for_it(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await gap.mark(ledger, NOW)
    epoch = await cache.redis.get(cache.keys.epoch)
    assert [problem.why for problem in await ensure(cache, ledger)] == [Why.RESTORED]
    assert await cache.redis.get(cache.keys.epoch) == epoch, "no rebuild can mend it, and none is tried over and over"
    with pytest.raises(NotReady, match=r"restored at 2026-11-24T12:00:00\+00:00 .* accept-gap"):
        await cache.lookup(Query(ANNA, "futura", "spring"))
    await gap.accept(ledger, NOW, "the officer", "all partners sent theirs")
    assert await ensure(cache, ledger) == ()
    assert (await cache.lookup(Query(ANNA, "futura", "spring"))).facts.hits == ()


async def test_a_cold_cache_is_filled_from_a_restored_ledger_and_still_not_believed(
    cold: SuppressionCache, ledger: Ledger
) -> None:
    await ledger.append([objection()])
    await gap.mark(ledger, NOW)
    assert [problem.why for problem in await ensure(cold, ledger)] == [Why.RESTORED]
    assert await cold.mark() == 1


async def test_who_answered_for_it_and_why_is_in_the_ledger(either: Ledger) -> None:
    assert await gap.unready(either) == ()
    await gap.mark(either, NOW)
    assert [problem.why for problem in await gap.unready(either)] == [Why.RESTORED]
    await gap.accept(either, NOW, "the officer", "all partners sent theirs")
    assert await gap.unready(either) == ()
    restored, accepted = await either.read()
    assert (restored.event.kind, accepted.event.kind) == (Kind.RESTORED, Kind.GAP_ACCEPTED)
    assert accepted.event.payload == {
        "by": "the officer", "because": "all partners sent theirs", "restored": "2026-11-24T12:00:00+00:00",
    }  # fmt: skip
    assert (await either.audit()).problems == ()


async def test_where_there_is_no_gap_none_is_accepted(either: Ledger) -> None:
    with pytest.raises(LedgerRefused, match="nothing to accept"):
        await gap.accept(either, NOW, "the officer", "to be sure")
    assert await either.read() == []


async def test_what_was_erased_since_the_backup_is_erased_again_and_no_more(tmp_path: Path, journal: Journal) -> None:
    ledger = await open_ledger(tmp_path)
    await ledger.append([verdict("a"), objection(), replace(verdict("b"), number=BRAM)])
    await back_up(ledger_url(tmp_path), tmp_path / "backup.db")
    await ledger.erase(ANNA, "futura", [DataClass.CONTACT], NOW, by="officer", journal=journal)
    await ledger.append([verdict("c")])
    await ledger.erase(ANNA, "futura", [DataClass.CONTACT], NOW, by="officer", journal=journal)
    await ledger.close()
    new = tmp_path / "new"
    new.mkdir()

    async def make_ready(url: str) -> int:
        elsewhere = await open_at(url)
        await gap.mark(elsewhere, NOW)
        try:
            return await gap.erase_again(elsewhere, journal, NOW)
        finally:
            await elsewhere.close()

    assert await restore(tmp_path / "backup.db", ledger_url(new), make_ready) == 1
    assert {path.name for path in new.iterdir()} == {"ledger.db"}
    again = await open_ledger(new)
    assert await gap.erase_again(again, journal, NOW) == 0
    entries = await again.read()
    assert [entry.event.number for entry in entries] == [None, ANNA, BRAM, None, None]
    assert [entry.event.kind for entry in entries[3:]] == [Kind.RESTORED, Kind.ERASURE]
    assert entries[4].event.payload["by"] == "officer"
    assert [problem.why for problem in await gap.unready(again)] == [Why.RESTORED]
    assert (await again.audit()).problems == ()
    await again.close()


async def test_a_restore_that_fails_leaves_no_ledger_that_could_be_decided_on(tmp_path: Path) -> None:
    await (await open_ledger(tmp_path)).close()
    await back_up(ledger_url(tmp_path), tmp_path / "backup.db")
    new = tmp_path / "new"
    new.mkdir()

    async def fail(url: str) -> None:
        elsewhere = await open_at(url)
        await elsewhere.close()
        raise LedgerUnavailable("broken")

    with pytest.raises(LedgerUnavailable, match="broken"):
        await restore(tmp_path / "backup.db", ledger_url(new), fail)
    assert list(new.iterdir()) == []


async def test_an_erasure_that_cannot_be_journalled_destroys_nothing(either: Ledger, tmp_path: Path) -> None:
    await either.append([verdict()])
    (tmp_path / "no folder").touch()
    with pytest.raises(OSError, match="no folder"):
        journal = Journal(tmp_path / "no folder" / "erasures.journal")
        await either.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal)
    assert [entry.event.number for entry in await either.read()] == [ANNA]
    await either.append([verdict("after")])


async def test_what_is_destroyed_is_in_the_journal_before(
    either: Ledger, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails after the journal was written: nothing is destroyed, and nothing is lost by that."""
    await either.append([verdict()])
    [subject] = [row.subject for row in await either.rows(sa.select(subjects.c.subject))]

    def fail(*_: object) -> None:
        raise LedgerUnavailable("broken")

    with monkeypatch.context() as broken:
        broken.setattr(either.backend, "commit", fail)
        with pytest.raises(LedgerUnavailable, match="broken"):
            await either.erase(ANNA, "futura", ALL, NOW, by="officer", journal=journal)
    assert [erased.subjects for erased in journal.read()] == [(subject,)]
    assert [entry.event.number for entry in await either.read()] == [ANNA]
    await either.append([Event(Kind.CLOSED, NOW, "c1")])
    assert await gap.erase_again(either, journal, NOW) == 1
    assert (await either.audit()).problems == ()


def copy(url: str, to: str) -> None:
    """As `pg_dump` and `pg_restore` do."""
    dump = subprocess.run([programs() / "pg_dump", "--format=custom", url], capture_output=True, check=True).stdout
    subprocess.run([programs() / "pg_restore", "--no-owner", "--dbname", to], input=dump, check=True)


@pytest.mark.server
async def test_a_ledger_that_finds_itself_in_another_postgresql_database_is_marked_by_itself(
    postgres: PostgresServer,
) -> None:
    url, new = postgres.new_database(), postgres.new_database()
    ledger = await open_at(url)
    await ledger.append([objection()])
    await ledger.close()
    again = await open_at(url)
    assert await gap.unready(again) == ()
    await again.close()
    copy(url, new)
    restored = await open_at(new)
    assert [problem.why for problem in await gap.unready(restored)] == [Why.RESTORED]
    await gap.accept(restored, NOW, "the officer", "nothing came in")
    await restored.close()
    restored = await open_at(new)
    assert await gap.unready(restored) == ()
    await restored.close()
