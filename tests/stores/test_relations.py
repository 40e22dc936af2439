"""Relations in the cache: of each person what was said last, through rebuilds and new keys; gone with an erasure."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from callgate.core.events import DataClass, Event, Json, Kind
from callgate.core.law import Related
from callgate.core.law.terms import Relation
from callgate.stores.cache import relations
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.cache.verify import verify
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from tests.registers.conftest import Command, command, redis_url
from tests.stores.conftest import ANNA, BRAM, NOW, TOKENS, objection, removal

__all__ = ["command", "redis_url"]
pytestmark = pytest.mark.server

DAY = timedelta(days=1)
SOLAR = Query(ANNA, "futura", "solar")
CONTRACT = Related(Relation.CONTRACT, "heating", NOW - 300 * DAY, NOW + DAY)
ENQUIRY = Related(Relation.ENQUIRY, "solar", NOW - DAY)


def said(*related: Related, number: str | None = ANNA) -> Event:
    payload = relations.payload(related)
    return Event(Kind.RELATIONS, NOW, None, number, "futura", payload, personal={"proofs": ["crm 7"]})


async def held(cache: SuppressionCache, query: Query = SOLAR) -> tuple[Related, ...]:
    return (await cache.lookup(query)).facts.related


async def enter(cache: SuppressionCache, ledger: Ledger, *events: Event) -> None:
    await cache.apply((await ledger.append(events)).entries)


async def test_a_relation_is_the_persons_and_the_controllers_and_nobody_elses(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await enter(cache, ledger, said(CONTRACT, ENQUIRY))
    assert await held(cache) == (CONTRACT, ENQUIRY)
    assert await held(cache, replace(SOLAR, controller="acme")) == ()
    assert await held(cache, replace(SOLAR, number=BRAM)) == ()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([said(CONTRACT, ENQUIRY), said(ENQUIRY)], (ENQUIRY,)),
        ([said(CONTRACT), said()], ()),
        ([said(), said(CONTRACT)], (CONTRACT,)),
        ([said(CONTRACT), said(ENQUIRY, number=BRAM)], (CONTRACT,)),
        ([said(CONTRACT), objection()], (CONTRACT,)),
        ([said(CONTRACT), objection(scope="erased")], ()),
        ([said(CONTRACT), objection(scope="erased"), removal(scope="erased")], ()),
    ],
)
async def test_what_was_said_last_holds_in_the_cache_and_in_one_made_anew(
    cache: SuppressionCache, ledger: Ledger, events: list[Event], expected: tuple[Related, ...]
) -> None:
    await enter(cache, ledger, *events)
    assert await held(cache) == expected
    assert await rebuild(cache, ledger) == ()
    assert await held(cache) == expected
    assert [(part.missing, part.extra) async for part in verify(cache, ledger, [])] == [(0, 0)]


async def test_relations_live_on_under_a_new_key_and_end_there(cache: SuppressionCache, ledger: Ledger) -> None:
    await enter(cache, ledger, said(CONTRACT))
    rotated = TokenKeys((TokenKey("k2", bytes([7]) * 32), *TOKENS.keys))
    other = SuppressionCache(cache.redis, cache.keys, rotated, ledger.identity, answer_within=5)
    assert await rebuild(other, ledger) == ()
    assert await held(other) == (CONTRACT,)
    await enter(other, ledger, said())
    assert await held(other) == ()


async def test_an_erased_persons_relations_are_none(cache: SuppressionCache, ledger: Ledger, journal: Journal) -> None:
    await enter(cache, ledger, said(CONTRACT))
    await ledger.erase(ANNA, "futura", list(DataClass), NOW, by="officer", journal=journal)
    assert await rebuild(cache, ledger) == ()
    assert await held(cache) == ()


GOOD: dict[str, Json] = {"relation": "contract", "about": "heating", "since": NOW.isoformat(), "until": None}


@pytest.mark.parametrize(
    "event",
    [
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {}),
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {"relations": ["contract"]}),
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {"relations": [{**GOOD, "relation": "friend"}]}),
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {"relations": [{**GOOD, "since": "2026-11-24T10:00"}]}),
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {"relations": [{**GOOD, "since": None}]}),
        Event(Kind.RELATIONS, NOW, None, ANNA, "futura", {"relations": [GOOD], "scope": "all"}),
        Event(Kind.RELATIONS, NOW, None, None, "futura", {"relations": [GOOD]}),
    ],
)
async def test_the_ledger_takes_no_relation_that_nobody_could_act_on(ledger: Ledger, event: Event) -> None:
    with pytest.raises(ValueError, match=r"relation|zone|Relation|needs the person"):
        await ledger.append([event])


FOR = ("--controller", "acme")
FILE = "number,relation,about,since,proof\n+33199001234,contract,heating,2025-01-01,contract 7\n"


def test_relations_come_from_a_file_are_shown_and_end(command: Command) -> None:
    done = command("relations", "import", "-", *FOR, stdin=FILE)
    assert done.exit_code == 0, done.output
    assert "The relations of 1 people to acme are in force" in done.stdout
    (row,) = json.loads(command("relations", "show", "+33199001234", *FOR, "--json").stdout)
    assert (row["relation"], row["about"], row["proof"]) == ("contract", "heating", "contract 7")
    ended = command("relations", "end", "+33199001234", *FOR, "--reason", "cancelled")
    assert ended.exit_code == 0, ended.output
    *_, last = json.loads(command("relations", "show", "+33199001234", *FOR, "--json").stdout)
    assert (last["relation"], last["proof"]) == ("none left", "cancelled")
    assert command("relations", "show", "+33199001235", *FOR).exit_code == 1


def test_a_file_of_relations_with_a_wrong_line_enters_nothing(command: Command) -> None:
    refused = command("relations", "import", "-", *FOR, stdin=FILE + "+33199001235,friend,heating,2025-01-01,p\n")
    assert refused.exit_code == 1
    assert "-, line 3: relation is none that a law knows" in refused.stderr
    assert command("relations", "show", "+33199001234", *FOR).exit_code == 1
