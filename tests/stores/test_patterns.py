"""Patterns in ledger and cache: exactly the numbers that begin so are suppressed, for whom the pattern was entered."""

import secrets
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from callgate.core.events import Event, Kind
from callgate.core.gate import Hit, Scope
from callgate.scrub.judging import PATTERN
from callgate.scrub.objections import read_objections
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.cache.verify import Compared, verify
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.ledger import Ledger
from tests.stores.conftest import ANNA, NOW, TOKENS, objection, open_ledger

pytestmark = pytest.mark.server


def pattern(beginning: str, controller: str | None = "futura", *, removed: bool = False, **payload: str) -> Event:
    kind = Kind.PATTERN_REMOVED if removed else Kind.PATTERN
    return Event(kind, NOW, controller=controller, payload={"pattern": beginning, **payload})


async def enter(cache: SuppressionCache, ledger: Ledger, *events: Event) -> None:
    await cache.apply((await ledger.append(events)).entries)


async def hits(cache: SuppressionCache, number: str, controller: str = "futura") -> tuple[Hit, ...]:
    return (await cache.lookup(Query(number, controller, "solar"))).facts.hits


async def test_a_pattern_ends_the_calls_of_its_audience_to_the_numbers_that_begin_so(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    assert await hits(cache, "+3225550101") == ()
    await enter(cache, ledger, pattern("+322555"))
    assert await hits(cache, "+3225550101") == (Hit(Scope.CONTROLLER, "pattern"),)
    assert await hits(cache, "+3225550101", "acme") == ()
    assert await hits(cache, "+3225560101") == ()
    await enter(cache, ledger, pattern("+322556", None, scope="all"))
    assert await hits(cache, "+3225560101", "acme") == (Hit(Scope.ALL, "pattern"),)
    await enter(cache, ledger, pattern("+322555", removed=True))
    assert await hits(cache, "+3225550101") == ()


async def test_the_first_lookup_after_the_first_pattern_sees_it_wherever_it_was_entered(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    elsewhere = SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)
    assert await hits(cache, "+3225550101") == ()
    await enter(elsewhere, ledger, pattern("+322555"))
    assert await hits(cache, "+3225550101") == (Hit(Scope.CONTROLLER, "pattern"),)


BEGINNINGS = st.text("01", min_size=3, max_size=6).map(lambda digits: f"+322{digits}")
NUMBERS = st.text("01", min_size=5, max_size=8).map(lambda digits: f"+322{digits}")
ENTERED = st.lists(st.tuples(BEGINNINGS, st.sampled_from(["futura", "acme"]), st.booleans()), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entered=ENTERED, numbers=st.lists(NUMBERS, min_size=1, max_size=6, unique=True))
async def test_exactly_the_numbers_that_a_standing_pattern_begins_are_suppressed(
    entered: list[tuple[str, str, bool]], numbers: list[str], redis: Redis, tmp_path: Path
) -> None:
    fresh = secrets.token_hex(4)
    (tmp_path / fresh).mkdir()
    ledger = await open_ledger(tmp_path / fresh)
    cache = SuppressionCache(redis, Keys(f"{fresh}:"), TOKENS, ledger.identity, answer_within=5)
    await rebuild(cache, ledger)
    await enter(cache, ledger, *(pattern(one, whose, removed=removed) for one, whose, removed in entered))
    standing = {(one, whose): not removed for one, whose, removed in entered}
    for number, whose in product(numbers, ("futura", "acme")):
        covers = any(holds and whose == of and number.startswith(one) for (one, of), holds in standing.items())
        assert bool(await hits(cache, number, whose)) == covers
    columns = np.array([int(number[1:]) for number in numbers], np.uint64)
    against = await (await read_objections(cache, ledger, "futura", "solar")).against(columns)
    assert (against == PATTERN).tolist() == [
        any(holds and of == "futura" and number.startswith(one) for (one, of), holds in standing.items())
        for number in numbers
    ]
    await ledger.close()


async def test_a_rebuild_and_another_token_key_keep_patterns_and_verify_knows_them(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await enter(cache, ledger, pattern("+322555"), pattern("+322556"), objection())
    cache.tokens = TokenKeys((TokenKey("k2", b"\2" * 32),))
    assert await rebuild(cache, ledger) == ()
    assert await hits(cache, "+3225550101") == (Hit(Scope.CONTROLLER, "pattern"),)
    assert [part async for part in verify(cache, ledger, [])] == [Compared("objections", 3, 0, 0)]


@pytest.mark.parametrize("beginning", ["", "+3225", "322555", ANNA + "0000", "+32255x"])
async def test_the_ledger_refuses_what_is_no_pattern(ledger: Ledger, beginning: str) -> None:
    with pytest.raises(ValueError, match="needs a pattern"):
        await ledger.append([pattern(beginning)])
