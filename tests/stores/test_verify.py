"""`cache verify`: whatever differs from the truth is counted, and nothing else is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis as redis_sync
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from callgate.core.events import DataClass
from callgate.stores.cache.filling import names
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.cache.verify import NO_FILE, NOT_LOADED, Compared, verify
from callgate.stores.errors import NotReady, StoreBusy
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.lists.file import ListFile
from callgate.stores.lists.inforce import directory, load_list
from callgate.stores.schema import Entry
from tests.stores.conftest import ANNA, BRAM, DNCM, NOW, filed, objection, removal
from tests.stores.servers import RedisServer
from tests.stores.shapes import uniform

pytestmark = pytest.mark.server


async def parts(cache: SuppressionCache, ledger: Ledger, *files: ListFile) -> dict[str, Compared]:
    return {part.part: part async for part in verify(cache, ledger, files)}


async def buckets(redis: Redis, cache: SuppressionCache) -> list[str]:
    generation, _ = await cache.generation_and_mark()
    found = [name async for batch in names(redis, cache.keys.generation(generation)) for name in batch]
    return sorted(name for name in found if not name.endswith("mark") and "consents" not in name)


async def test_a_cache_that_follows_the_ledger_and_its_files_is_right(
    cache: SuppressionCache, ledger: Ledger, tmp_path: Path
) -> None:
    file = filed(tmp_path, uniform(20_000, 20_000 * 700))
    events = [objection(), objection(BRAM), objection(scope="all"), removal(BRAM), objection(BRAM), removal()]
    await ledger.append(events)
    assert await rebuild(cache, ledger, [file]) == ()
    found = await parts(cache, ledger, file)
    assert found == {
        "be-dncm": Compared("be-dncm", 20_000, 0, 0),
        # Two tokens, and the moment of the one for everyone, before which no consent counts.
        "objections": Compared("objections", 3, 0, 0),
    }
    assert all(part.ok for part in found.values())


async def test_an_erased_persons_token_is_known_from_the_ledger(
    cache: SuppressionCache, ledger: Ledger, journal: Journal
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    await ledger.erase(ANNA, "futura", [*DataClass], NOW, by="officer", journal=journal)
    assert await parts(cache, ledger) == {"objections": Compared("objections", 1, 0, 0)}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=st.sets(st.integers(0, 91)), added=st.sets(st.integers(100, 30_000), max_size=40))
async def test_every_number_that_a_list_lost_or_has_too_many_is_counted(
    lost: set[int], added: set[int], cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    first = int(BRAM[1:])
    file = filed(tmp_path, [first + n for n in range(92)])
    assert file.chunks == 1
    loaded = await load_list(redis, keys, file)
    chunk, bias = keys.chunk("be-dncm", loaded.load, 0), next(file.index().chunks()).bias
    async with redis.pipeline() as pipe:
        for n in lost:
            pipe.srem(chunk, str(n - bias))
        for n in added:
            pipe.sadd(chunk, str(n - bias))
        await pipe.execute()
    found = (await parts(cache, ledger, file))["be-dncm"]
    assert found == Compared("be-dncm", 92 - len(lost), len(lost), len(added))
    assert found.ok == (not lost and not added)


async def test_a_list_whose_index_is_another_lacks_all_its_numbers(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [1, 2, 3])
    loaded = await load_list(redis, keys, file)
    await redis.delete(keys.index("be-dncm", loaded.load))
    assert (await parts(cache, ledger, file))["be-dncm"] == Compared("be-dncm", 0, 3, 0)


async def test_a_list_without_its_file_or_not_loaded_is_not_right(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [1, 2, 3])
    assert (await parts(cache, ledger, file))["be-dncm"] == Compared("be-dncm", 0, 3, 0, NOT_LOADED)
    await load_list(redis, keys, file)
    other = filed(tmp_path, [1, 2, 3], replace(DNCM, version="other"))
    for files in ((), (other,)):
        found = (await parts(cache, ledger, *files))["be-dncm"]
        assert (found.note, found.ok) == (NO_FILE, False)


async def test_tokens_that_are_missing_or_in_excess_are_counted(
    cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    await cache.apply((await ledger.append([objection(), objection(BRAM), objection(scope="all")])).entries)
    first, second, *_ = await buckets(redis, cache)
    await redis.spop(first)
    await redis.sadd(second, "5", "6")
    found = (await parts(cache, ledger))["objections"]
    assert (found.right, found.missing, found.extra, found.ok) == (3, 1, 2, False)


async def test_an_objection_that_comes_in_meanwhile_is_neither_missing_nor_in_excess(
    cache: SuppressionCache, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    whole = ledger.suppressions

    async def with_news(after: int = 0) -> AsyncIterator[list[Entry]]:
        committed = await ledger.append([objection(BRAM), removal()])
        monkeypatch.undo()
        await cache.apply(committed.entries)
        async for batch in whole(after):
            yield batch

    monkeypatch.setattr(ledger, "suppressions", with_news)
    assert (await parts(cache, ledger))["objections"] == Compared("objections", 1, 0, 0)
    assert (await parts(cache, ledger))["objections"] == Compared("objections", 1, 0, 0)


async def test_what_was_applied_between_the_mark_and_the_tokens_is_neither_missing_nor_in_excess(
    cache: SuppressionCache, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cache.apply((await ledger.append([objection(), objection(scope="all")])).entries)
    whole = cache.generation_and_mark

    async def with_news() -> tuple[str, int]:
        monkeypatch.undo()
        found = await whole()
        await cache.apply((await ledger.append([objection(BRAM), removal()])).entries)
        return found

    monkeypatch.setattr(cache, "generation_and_mark", with_news)
    assert (await parts(cache, ledger))["objections"] == Compared("objections", 2, 0, 0)
    assert (await parts(cache, ledger))["objections"] == Compared("objections", 3, 0, 0)


async def test_what_is_replaced_meanwhile_is_not_compared(
    server: RedisServer, cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [1, 2, 3])
    await load_list(redis, keys, file)

    def replace_list(*_: object) -> None:
        with redis_sync.Redis.from_url(server.url) as other:
            other.hdel(keys.lists, "be-dncm")

    with pytest.raises(StoreBusy, match="be-dncm was replaced while it was verified"):
        _ = [part async for part in verify(cache, ledger, [file], replace_list)]
    await ledger.append([objection()])
    assert await rebuild(cache, ledger) == ()
    with pytest.raises(StoreBusy, match="objections were rebuilt while they were verified"):
        await _verify_while_rebuilding(cache, ledger)


async def _verify_while_rebuilding(cache: SuppressionCache, ledger: Ledger) -> None:
    whole = ledger.suppressions

    async def rebuilt(after: int = 0) -> AsyncIterator[list[Entry]]:
        patch.undo()
        await rebuild(cache, ledger)
        async for batch in whole(after):
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "suppressions", rebuilt)
        _ = [part async for part in verify(cache, ledger, [])]


async def test_an_empty_redis_cannot_be_compared(cold: SuppressionCache, ledger: Ledger) -> None:
    with pytest.raises(NotReady):
        await parts(cold, ledger)


async def test_a_rebuild_from_nothing_mends_what_counts_do_not_show(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [int(BRAM[1:]), int(BRAM[1:]) + 1])
    loaded = await load_list(redis, keys, file)
    chunk = keys.chunk("be-dncm", loaded.load, 0)
    await redis.spop(chunk)
    await redis.sadd(chunk, "7")
    assert await rebuild(cache, ledger, [file]) == ()
    assert not (await parts(cache, ledger, file))["be-dncm"].ok
    told: list[tuple[str, int, int]] = []
    await ledger.append([objection()])
    await rebuild(cache, ledger, [file], anew=True, progress=lambda *what: told.append(what))
    assert told == [("be-dncm", 2, 2), ("objections", 1, 1)]
    assert (await parts(cache, ledger, file))["be-dncm"].ok
    assert (await directory(redis, keys))["be-dncm"] != loaded
