"""What a decision costs: the pure rules, and the whole of question, lookup, reservation and verdict.

The whole is measured beside a bare loop: the same lookups of other people, with keys and arguments put together
before the clock starts, to the same Redis through the same client, as redis-py sends a script. The two take turns of a
hundred, and the figures are the medians of the turns, so that what else the machine does is in few of them. No ledger
is in it.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeVar

from redis.asyncio import Redis
from rich.console import Console

from bench.ledger import opened
from bench.lists import TOKENS, fresh
from bench.report import Figure, percentile
from callgate import rules
from callgate.core import gate
from callgate.core.gate import CallRequest, Facts, Question
from callgate.core.law import Consent, Contacts, by_region
from callgate.core.law.terms import Owner, Sector
from callgate.core.policy import Campaign, Centre, Controller, Mandate, Policy
from callgate.core.purpose import Purpose
from callgate.stores.cache.connection import text
from callgate.stores.cache.contacts import Attempt
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.probing import Probe, Prober
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.scripts import LOOK_UP, name_of
from callgate.stores.cache.suppression import Query, SuppressionCache
from lab.process import LabError

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
CALLS, TURN = 6000, 100
LANGUAGES = {"FR": "fr"}
SPRING = Campaign(
    "spring", "acme", Purpose.MARKETING, {"fr": "x"}, LANGUAGES, {}, "+33199009999",
    sector=Sector.OTHER, caller_id_owner=Owner.PRINCIPAL,
)  # fmt: skip
POLICY = Policy(
    version="bench",
    home="FR",
    outside_line="",
    controllers={"acme": Controller("acme", "Acme")},
    centres={"lille": Centre("lille", "Lille", "FR", "fr")},
    campaigns={"spring": SPRING},
    mandates={("acme", "lille"): Mandate("acme", "lille", "DPA", date(2099, 1, 1))},
    lists={},
    law=by_region(rules.packs().values()),
    transfers=rules.transfers(),
)
CONSENT = Consent(NOW - timedelta(days=30))


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with console.status("deciding"), TemporaryDirectory(prefix="bench-") as name:
        pure = _pure()
        folder = Path(name)
        async with fresh(folder) as server, opened(f"sqlite:///{folder}/ledger.db", folder) as ledger:
            cache = SuppressionCache(server.client, Keys(), TOKENS, ledger.identity, answer_within=5)
            if problems := await rebuild(cache, ledger):
                raise LabError(f"the cache is not ready: {problems[0]}")
            turns = await _beside(cache)
    whole, bare = (median(times) / TURN for times in zip(*turns, strict=True))
    note = "of a call to a consumer in France that every rule lets pass, with the number read and the trail whole"
    return [
        Figure("decide.pure_us", percentile(pure, 0.5), "µs", "target", 20.0, "<= 20", note),
        Figure("decide.whole_us", whole * 1e6, "µs", "the bare round trip", bare * 1e6),
        Figure("decide.ratio", median(bare / whole for whole, bare in turns), "", "the bare round trip", 1.0, ">= 0.6"),
    ]


def _pure() -> list[float]:
    """Microseconds of each decision."""
    facts, times = Facts((), {}, CONSENT, Contacts()), []
    for number in range(CALLS):
        began = perf_counter()
        verdict = gate.answer(_question(number), facts, NOW)
        times.append((perf_counter() - began) * 1e6)
        if not verdict.allowed:
            raise LabError(f"a call that nothing speaks against was blocked: {verdict.reason}")
    return times


def _question(number: int) -> Question:
    request = CallRequest("pbx", "1.1", "PJSIP/a-1", f"00331990{number:05}", "spring", "lille", "alice")
    question = gate.ask(request, POLICY, NOW)
    if not isinstance(question, Question):
        raise LabError(f"a call that nothing speaks against was blocked: {question.reason}")
    return question


async def _beside(cache: SuppressionCache) -> list[tuple[float, float]]:
    """Seconds that each turn took, of the whole and of the bare loop."""
    generation = text(await cache.redis.get(cache.keys.epoch) or b"").split("/")[-1]
    prober = Prober(cache.keys, TOKENS, generation, "acme", "spring")
    turns = []
    for first in range(0, CALLS, TURN):
        people = range(first, first + TURN)
        whole = await _timed(partial(_whole, cache), people)
        asked = [prober.probe(*_person(number), cache.contacts, patterned=False) for number in people]
        turns.append((whole, await _timed(partial(_bare, cache), asked)))
    return turns


async def _bare(cache: SuppressionCache, asked: Probe) -> None:
    assert isinstance(cache.redis, Redis)
    words = [*asked.keys, *map(str, asked.arguments)]
    await cache.redis.evalsha(name_of(LOOK_UP), len(asked.keys), *words)


async def _timed(ask: Callable[[T], Awaitable[object]], of: Iterable[T]) -> float:
    began = perf_counter()
    for one in of:
        await ask(one)
    return perf_counter() - began


async def _whole(cache: SuppressionCache, number: int) -> None:
    question = _question(number)
    attempt = Attempt(f"{number:016x}", question.at, question.caps)
    found = await cache.lookup(Query(question.number.e164, "acme", "spring", question.lists, attempt))
    verdict = gate.answer(question, found.facts._replace(consent=CONSENT), NOW)
    if not verdict.allowed or not found.reserved:
        raise LabError(f"a call that nothing speaks against was blocked: {verdict.reason}")


def _person(number: int) -> tuple[str, Attempt]:
    """Somebody else than the whole calls in the same turn."""
    question = _question(number + CALLS)
    return question.number.e164, Attempt(f"{number + CALLS:016x}", question.at, question.caps)
