"""Contact pressure at real gates over a real Redis: one call at a time, caps that hold whoever asks, nothing lost."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from callgate.boundary import Decision, LateBlock
from callgate.core.events import Event, Kind
from callgate.core.law import CapWindow, Consent
from callgate.core.law.terms import Counted, Owner
from callgate.core.reasons import Reason
from callgate.office.local import LocalOffice
from callgate.office.noting import Noting
from callgate.stores.cache import consents
from callgate.stores.cache.contacts import HELD, KEPT, Attempt
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import check, ensure, rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import LedgerUnavailable, NotReady, Why
from callgate.stores.ledger import Ledger
from tests.core.test_gate import NOW, POLICY, REQUEST
from tests.stores.conftest import TOKENS
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server

GATES = 100
PERSON = "+33199001234"
GERMAN = "+493023125000"
DAY = timedelta(days=1)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Offices = Callable[[], LocalOffice]


@pytest.fixture
async def offices(cache: SuppressionCache, ledger: Ledger, clock: Clock) -> Offices:
    """Makes offices over one ledger and one Redis, each with a cache of its own; the person consented."""
    given = Event(Kind.PRIOR_CONSENT, NOW, None, PERSON, "acme", consents.payload(Consent(NOW - 30 * DAY)))
    await cache.apply((await ledger.append([given])).entries)

    def make() -> LocalOffice:
        own = SuppressionCache(cache.redis, cache.keys, TOKENS, ledger.identity, answer_within=5)
        own.problems = ()
        return LocalOffice(ledger, own, policy=lambda: POLICY, clock=clock, doubt=lambda _: None, alarm=lambda _: None)

    return make


def reasons(decisions: Sequence[Decision]) -> Counter[Reason]:
    return Counter(decision.reason for decision in decisions)


async def test_of_a_hundred_gates_that_dial_one_person_at_once_one_passes(offices: Offices) -> None:
    decisions = await asyncio.gather(*(offices().decide(REQUEST) for _ in range(GATES)))
    assert reasons(decisions) == {Reason.CLEAR: 1, Reason.IN_PROGRESS: GATES - 1}


async def test_of_a_cap_of_four_four_pass_whoever_asks(offices: Offices) -> None:
    passed = 0
    for _ in range(6):
        gates = [offices() for _ in range(10)]
        decisions = await asyncio.gather(*(gate.decide(REQUEST) for gate in gates))
        for gate, decision in zip(gates, decisions, strict=True):
            if decision.allowed:
                passed += 1
                await gate.close(decision.call, {})
    assert passed == 4
    assert (await offices().decide(REQUEST)).reason is Reason.CONTACT_CAP


async def test_a_call_that_is_over_lets_the_next_one_pass(offices: Offices) -> None:
    first, second = offices(), offices()
    made = await first.decide(REQUEST)
    assert (await second.decide(REQUEST)).reason is Reason.IN_PROGRESS
    await first.close(made.call, {})
    assert (await second.decide(REQUEST)).allowed


async def test_the_call_itself_is_not_in_its_own_way_when_it_is_answered(offices: Offices, clock: Clock) -> None:
    office = offices()
    for _ in range(4):
        decision = await office.decide(REQUEST)
        clock.now += timedelta(seconds=20)
        assert await office.answered(decision.call) is Reason.CLEAR
        await office.close(decision.call, {})
    assert (await office.decide(REQUEST)).reason is Reason.CONTACT_CAP


async def test_a_person_is_free_for_another_company_and_for_a_call_that_is_no_marketing(
    offices: Offices, cache: SuppressionCache
) -> None:
    assert (await offices().decide(REQUEST)).allowed
    attempt = Attempt("other", NOW)
    assert (await cache.lookup(Query(PERSON, "solaris", "sun", (), attempt))).reserved
    assert not (await cache.lookup(Query(PERSON, "acme", "another", (), attempt))).reserved


async def test_a_block_gives_the_person_back_and_is_no_attempt(offices: Offices, redis: Redis, clock: Clock) -> None:
    office = offices()
    clock.now = NOW + timedelta(hours=12)
    for _ in range(5):
        assert (await office.decide(REQUEST)).reason is Reason.OUTSIDE_HOURS
    assert await redis.keys("*busy*") == await redis.keys("*calls*") == []
    clock.now = NOW
    assert (await office.decide(REQUEST)).allowed


async def test_a_verdict_that_is_not_committed_gives_the_person_back(
    offices: Offices, ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", full)
        assert (await offices().decide(REQUEST)).reason is Reason.LEDGER_UNAVAILABLE
    assert await redis.keys("*busy*") == await redis.keys("*calls*") == []
    assert (await offices().decide(REQUEST)).allowed


async def test_an_objector_is_never_reserved(cache: SuppressionCache, ledger: Ledger, redis: Redis) -> None:
    objection = Event(Kind.OBJECTION, NOW, None, PERSON, "acme", {})
    await cache.apply((await ledger.append([objection])).entries)
    found = await cache.lookup(Query(PERSON, "acme", "spring", (), Attempt("c1", NOW)))
    assert not found.reserved
    assert await redis.keys("*busy*") == []


# Reservations.


async def test_a_reservation_ends_by_itself_and_lives_as_long_as_its_call_does(
    offices: Offices, redis: Redis, cache: SuppressionCache
) -> None:
    office = offices()
    decision = await office.decide(REQUEST)
    busy = cache.contacts.person(PERSON, "acme").busy
    assert 0 < await redis.pttl(busy) <= HELD.total_seconds() * 1000
    await redis.pexpire(busy, 1000)
    await office.hold()
    assert await redis.pttl(busy) > 1000
    await office.close(decision.call, {})
    assert await redis.get(busy) is None


async def test_a_call_that_is_closed_while_it_is_held_does_not_come_back(
    offices: Offices, redis: Redis, cache: SuppressionCache
) -> None:
    office = offices()
    decision = await office.decide(REQUEST)
    person = cache.contacts.person(PERSON, "acme")
    await office.close(decision.call, {})
    await cache.contacts.hold([(decision.call, person)])
    assert await redis.get(person.busy) is None


async def test_a_callgate_that_was_away_too_long_reserves_people_again_for_its_calls(
    offices: Offices, redis: Redis, cache: SuppressionCache, ledger: Ledger
) -> None:
    decision = await offices().decide(REQUEST)
    busy = cache.contacts.person(PERSON, "acme").busy
    await redis.delete(busy)
    cache.contacts.doubt()
    assert await ensure(cache, ledger) == ()
    assert await redis.get(busy) == decision.call.encode()


async def test_holding_takes_nobody_away_from_another_call(
    offices: Offices, redis: Redis, cache: SuppressionCache
) -> None:
    office = offices()
    decision = await office.decide(REQUEST)
    busy = cache.contacts.person(PERSON, "acme").busy
    await redis.set(busy, "another")
    await office.hold()
    await office.close(decision.call, {})
    assert await redis.get(busy) == b"another"


# After a loss.


async def test_attempts_and_calls_under_way_come_back_from_the_ledger(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    office = offices()
    for _ in range(3):
        await office.close((await office.decide(REQUEST)).call, {})
    live = await office.decide(REQUEST)
    before = await cache.lookup(Query(PERSON, "acme", "spring"))
    await redis.flushall()
    with pytest.raises(NotReady):
        await cache.lookup(Query(PERSON, "acme", "spring"))
    assert await ensure(cache, ledger) == ()
    after = await cache.lookup(Query(PERSON, "acme", "spring"))
    assert before.facts.contacts is not None
    assert after.facts.contacts == before.facts.contacts
    assert len(before.facts.contacts.attempts) == 4
    assert after.facts.busy
    await office.close(live.call, {})
    assert (await offices().decide(REQUEST)).reason is Reason.CONTACT_CAP


@pytest.mark.parametrize("forgetting", ["contacts", "snapshot"])
async def test_a_redis_that_forgot_attempts_is_not_ready_until_they_are_entered_again(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, forgetting: str
) -> None:
    office = offices()
    for _ in range(4):
        await office.close((await office.decide(REQUEST)).call, {})
    await cache.lookup(Query(PERSON, "acme", "spring"))
    await redis.delete(cache.contacts.person(PERSON, "acme").calls)
    if forgetting == "contacts":
        await redis.delete(keys.contacts)
    else:
        await redis.hset(keys.contacts, "attempts", "2")
    with pytest.raises(NotReady) as refused:
        await cache.lookup(Query(PERSON, "acme", "spring"))
    assert refused.value.unready.why is Why.CONTACTS
    assert [problem.why for problem in await check(cache, ledger)] == [Why.CONTACTS]
    assert await ensure(cache, ledger) == ()
    assert (await offices().decide(REQUEST)).reason is Reason.CONTACT_CAP


@pytest.mark.parametrize("missing", [False, True])
async def test_a_callgate_that_starts_looks_for_the_newest_attempts_before_it_believes_redis(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, redis: Redis, missing: bool
) -> None:
    office = offices()
    made = []
    for _ in range(4):
        made.append((await office.decide(REQUEST)).call)
        await office.close(made[-1], {})
    calls, oldest = cache.contacts.person(PERSON, "acme").calls, f"{made[0]} spring"
    starting = SuppressionCache(cache.redis, cache.keys, TOKENS, ledger.identity, answer_within=5)
    starting.contacts.doubt()
    assert [problem.why for problem in await check(starting, ledger)] == [Why.CONTACTS]
    if missing:
        await redis.zrem(calls, oldest)
    else:
        await redis.zadd(calls, {oldest: 1}, xx=True)
    assert await ensure(starting, ledger) == ()
    assert await redis.zcard(calls) == 4
    assert (await redis.zscore(calls, oldest) == 1) is not missing


async def test_nobody_is_reserved_in_a_redis_that_is_not_ours(
    cache: SuppressionCache, redis: Redis, keys: Keys
) -> None:
    await redis.hset(keys.contacts, "of", "another ledger's")
    with pytest.raises(NotReady):
        await cache.lookup(Query(PERSON, "acme", "spring", (), Attempt("c1", NOW)))
    person = cache.contacts.person(PERSON, "acme")
    assert await redis.exists(person.busy, person.calls) == 0


async def test_what_is_entered_twice_counts_once(offices: Offices, cache: SuppressionCache, ledger: Ledger) -> None:
    office = offices()
    await office.close((await office.decide(REQUEST)).call, {})
    await cache.contacts.rebuild(ledger)
    await cache.contacts.rebuild(ledger)
    found = await cache.lookup(Query(PERSON, "acme", "spring"))
    assert found.facts.contacts is not None
    assert len(found.facts.contacts.attempts) == 1


async def test_answers_that_overtake_each_other_are_no_loss(offices: Offices, cache: SuppressionCache) -> None:
    """What was seen when a question was put together is the least that its answer may say, and no later answer's."""
    floor = cache.contacts.seen
    await offices().decide(REQUEST)
    await cache.lookup(Query(PERSON, "acme", "spring"))
    assert cache.contacts.seen > floor
    of = f"{cache.ledger}/{TOKENS.layout}".encode()
    cache.contacts.check((of, str(floor).encode()), floor)
    assert cache.contacts.whole


async def test_an_attempt_that_is_seen_while_redis_is_checked_is_no_loss(
    offices: Offices, cache: SuppressionCache, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = redis.hmget

    async def slowly(*arguments: object) -> object:
        said = await asking(*arguments)  # type: ignore[arg-type]
        await offices().decide(REQUEST)
        await cache.lookup(Query(PERSON, "acme", "spring"))
        return said

    monkeypatch.setattr(redis, "hmget", slowly)
    assert await cache.contacts.is_whole()


async def test_an_abandoned_call_is_remembered_and_comes_back_from_the_ledger(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    office = offices()
    decision = await office.decide(REQUEST)
    await office.record(Kind.ABANDONED, decision.call, {})
    for _ in range(2):
        found = await cache.lookup(Query(PERSON, "acme", "spring"))
        assert found.facts.contacts is not None
        assert found.facts.contacts.last_abandoned == NOW
        assert len(found.facts.contacts.attempts) == 1
        await redis.flushall()
        assert await rebuild(cache, ledger) == ()


@pytest.mark.parametrize("entered", ["one after the other", "by a rebuild alone"])
async def test_a_refusal_is_remembered_comes_back_from_the_ledger_and_can_be_taken_back(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, redis: Redis, entered: str
) -> None:
    call = (await offices().decide(REQUEST)).call
    noting = Noting(ledger, lambda: POLICY, lambda: NOW, cache.contacts)
    for outcome, last in (("no-interest", NOW), ("sale", None), ("no-interest", NOW)):
        await noting.note(call, outcome, "", "alice")
        if entered == "by a rebuild alone":
            await redis.flushall()
            assert await rebuild(cache, ledger) == ()
        found = await cache.lookup(Query(PERSON, "acme", "spring"))
        assert found.facts.contacts is not None
        assert found.facts.contacts.last_refusal == last
        assert len(found.facts.contacts.attempts) == 1
    assert await cache.contacts._has_newest(ledger)
    await redis.delete(cache.contacts.person(PERSON, "acme").calls)
    assert not await cache.contacts._has_newest(ledger)


@pytest.mark.parametrize(
    ("person", "days", "reason"),
    [
        (PERSON, 1, Reason.COOL_DOWN),
        (PERSON, 90, Reason.COOL_DOWN),
        (GERMAN, 59, Reason.COOL_DOWN),
        (GERMAN, 62, Reason.CLEAR),
    ],
)
async def test_who_refused_is_left_in_peace_for_as_long_as_their_country_says(
    cache: SuppressionCache, ledger: Ledger, clock: Clock, person: str, days: int, reason: Reason
) -> None:
    """France: a refusal withdraws the consent. Germany: no law says so, and callgate's own figure is 60 days."""
    owner = Owner.PRINCIPAL if person == PERSON else Owner.CENTRE
    spring = replace(POLICY.campaigns["spring"], languages={"FR": "fr", "DE": "de"}, caller_id_owner=owner)
    policy = replace(POLICY, campaigns={"spring": spring})
    office = LocalOffice(
        ledger, cache, policy=lambda: policy, clock=clock, doubt=lambda _: None, alarm=lambda _: None
    )  # fmt: skip
    given = Event(Kind.PRIOR_CONSENT, NOW, None, person, "acme", consents.payload(Consent(NOW - 30 * DAY)))
    await cache.apply((await ledger.append([given])).entries)
    request = replace(REQUEST, dialled=f"00{person[1:]}")
    first = await office.decide(request)
    assert first.reason is Reason.CLEAR, first.detail
    await office.close(first.call, {})
    await Noting(ledger, lambda: policy, clock, cache.contacts).note(first.call, "no-interest", "", "alice")
    clock.now += days * DAY
    second = await office.decide(replace(request, uniqueid="2"))
    assert second.reason is reason
    await office.close(second.call, {})
    anew = Event(Kind.PRIOR_CONSENT, clock.now, None, person, "acme", consents.payload(Consent(clock.now)))
    await cache.apply((await ledger.append([anew])).entries)
    clock.now += timedelta(minutes=1)
    after = Reason.CLEAR if person == PERSON else reason
    assert (await office.decide(replace(request, uniqueid="3"))).reason is after


# Sliding windows.

MINUTES = st.integers(0, 60 * 24 * 9)
ATTEMPTS = st.lists(st.tuples(MINUTES, st.sampled_from(["spring", "autumn"])), max_size=25)
CAPS = st.lists(
    st.builds(
        lambda most, days, per: (most, days, per), st.integers(1, 5), st.integers(1, 7), st.sampled_from(Counted)
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ATTEMPTS, CAPS)
async def test_no_window_of_days_ever_holds_more_attempts_than_its_cap_and_none_is_refused_without_need(
    cache: SuppressionCache,
    redis: Redis,
    attempts: list[tuple[int, str]],
    caps: list[tuple[int, int, Counted]],
) -> None:
    person = cache.contacts.person(PERSON, "acme")
    await redis.delete(person.calls, person.busy)
    made: list[tuple[datetime, str]] = []
    for n, (minutes, campaign) in enumerate(sorted(attempts)):
        at = NOW + timedelta(minutes=minutes)
        midnight = at.replace(hour=0, minute=0)
        windows = tuple(CapWindow("cap", per, most, midnight - (days - 1) * DAY) for most, days, per in caps)
        found = await cache.lookup(Query(PERSON, "acme", campaign, (), Attempt(f"c{n}", at, windows)))
        within = all(
            sum(
                window.since is not None
                and earlier >= window.since
                and (window.per is Counted.COMPANY or of == campaign)
                for earlier, of in made
            )
            < window.max
            for window in windows
        )
        assert found.reserved is within
        if found.reserved:
            made.append((at, campaign))
            await cache.contacts.release(f"c{n}", person)


async def test_attempts_that_no_cap_can_count_any_more_are_forgotten(cache: SuppressionCache, redis: Redis) -> None:
    person = cache.contacts.person(PERSON, "acme")
    for n, at in enumerate((NOW - KEPT - DAY, NOW - KEPT + DAY, NOW)):
        assert (await cache.lookup(Query(PERSON, "acme", "spring", (), Attempt(f"c{n}", at)))).reserved
        await cache.contacts.release(f"c{n}", person)
    assert await redis.zscore(person.calls, "c0 spring") is None
    assert await redis.zcard(person.calls) == 2
    assert 0 < await redis.pttl(person.calls) <= KEPT.total_seconds() * 1000


async def test_a_lookup_that_is_sent_twice_does_what_it_does_once(cache: SuppressionCache, redis: Redis) -> None:
    attempt = Attempt("c1", NOW, (CapWindow("cap", Counted.COMPANY, 1, NOW - DAY),))
    query = Query(PERSON, "acme", "spring", (), attempt)
    first, second = await cache.lookup(query), await cache.lookup(query)
    assert first.reserved
    assert second == first
    assert not (await cache.lookup(replace(query, attempt=replace(attempt, call="c2")))).reserved
    assert await redis.zcard(cache.contacts.person(PERSON, "acme").calls) == 1


async def test_a_redis_that_comes_back_empty_blocks_until_it_is_filled(
    offices: Offices, cache: SuppressionCache, ledger: Ledger, server: RedisServer
) -> None:
    office = offices()
    for _ in range(4):
        await office.close((await office.decide(REQUEST)).call, {})
    await server.restart()
    assert not (await office.decide(REQUEST)).allowed
    assert await ensure(cache, ledger) == ()
    assert (await offices().decide(REQUEST)).reason is Reason.CONTACT_CAP


async def test_a_block_that_is_entered_late_is_of_its_campaigns_company_and_of_none_where_that_is_unknown(
    offices: Offices, ledger: Ledger
) -> None:
    office = offices()
    for key, campaign in (("late-1", REQUEST.campaign), ("late-2", "nobody's")):
        request = replace(REQUEST, campaign=campaign)
        await office.late([LateBlock(key, NOW, request, Reason.CALLGATE_UNAVAILABLE)])
    late = await ledger.read(kinds=[Kind.VERDICT])
    assert [(entry.event.call, entry.event.controller) for entry in late] == [("late-1", "acme"), ("late-2", None)]


async def test_of_blocks_that_are_entered_late_those_that_were_not_there_yet_are_told(offices: Offices) -> None:
    office = offices()
    first, second = (LateBlock(key, NOW, REQUEST, Reason.CALLGATE_UNAVAILABLE) for key in ("late-1", "late-2"))
    assert await office.late([first]) == [first]
    assert await office.late([first, second]) == [second]
