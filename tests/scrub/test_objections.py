"""Objections are asked in batches, and a cache that changes under the question is asked again."""

import numpy as np
import pytest
from redis.asyncio import Redis

from callgate.core.bulk import Numbers
from callgate.core.events import Event, Kind
from callgate.scrub.judging import CLEAR, ERASED, OBJECTION, RESTRICTED
from callgate.scrub.objections import read_objections
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import NotReady
from callgate.stores.ledger import Ledger
from tests.stores.conftest import ANNA, BRAM, NOW, cache, cold, keys, ledger, objection, redis, removal, server

__all__ = ["cache", "cold", "keys", "ledger", "redis", "server"]
pytestmark = pytest.mark.server

OTHERS = [32470001000 + n for n in range(500)]
ASKED: Numbers = np.array([*OTHERS, int(ANNA[1:]), int(BRAM[1:])], np.uint64)


async def enter(ledger: Ledger, cache: SuppressionCache, *events: Event) -> None:
    await cache.apply((await ledger.append(events)).entries)


async def objected(
    ledger: Ledger, cache: SuppressionCache, controller: str = "futura", campaign: str = "spring"
) -> list[int]:
    found = await (await read_objections(cache, ledger, controller, campaign)).against(ASKED)
    return [int(number) for number in ASKED[found == OBJECTION]]


async def test_nobody_objected_to_an_empty_cache(ledger: Ledger, cache: SuppressionCache) -> None:
    assert await objected(ledger, cache) == []


async def test_objections_are_found_for_whom_they_bind(ledger: Ledger, cache: SuppressionCache) -> None:
    await enter(ledger, cache, objection(), objection(BRAM, None, scope="all"))
    assert await objected(ledger, cache) == [int(ANNA[1:]), int(BRAM[1:])]
    assert await objected(ledger, cache, "another") == [int(BRAM[1:])]


async def test_an_objection_to_one_campaign_binds_that_one(ledger: Ledger, cache: SuppressionCache) -> None:
    await enter(ledger, cache, objection(scope="campaign", campaign="spring"))
    assert await objected(ledger, cache) == [int(ANNA[1:])]
    assert await objected(ledger, cache, campaign="autumn") == []


async def test_an_objection_that_was_taken_back_binds_no_more(ledger: Ledger, cache: SuppressionCache) -> None:
    await enter(ledger, cache, objection(), objection(BRAM), removal())
    assert await objected(ledger, cache) == [int(BRAM[1:])]


async def test_who_was_erased_or_restricted_is_told_from_who_objected_and_for_their_controller_alone(
    ledger: Ledger, cache: SuppressionCache
) -> None:
    restriction = Event(Kind.RESTRICTION, NOW, None, BRAM, "futura", {"request": "r1"})
    await enter(ledger, cache, objection(), objection(scope="erased"), objection(BRAM), restriction)
    found = await (await read_objections(cache, ledger, "futura", "spring")).against(ASKED)
    assert found[-2:].tolist() == [ERASED, RESTRICTED]
    assert set(found[:-2].tolist()) == {CLEAR}
    assert await objected(ledger, cache, "another") == []


async def test_a_rebuild_under_the_question_makes_it_be_asked_again(
    ledger: Ledger, cache: SuppressionCache, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(ledger, cache, objection())
    before = [await redis.get(cache.keys.epoch)]
    assert await rebuild(cache, ledger) == ()
    now = cache.redis.get

    async def late(key: str) -> object:
        return before.pop() if before else await now(key)

    monkeypatch.setattr(cache.redis, "get", late)
    assert await objected(ledger, cache) == [int(ANNA[1:])]
    assert not before


async def test_a_cache_that_knows_nothing_is_not_believed(ledger: Ledger, cold: SuppressionCache) -> None:
    with pytest.raises(NotReady):
        await objected(ledger, cold)
