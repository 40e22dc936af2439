"""Consents in the cache: whose, until when, and what takes them away."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callgate.core.events import DataClass, Event, Json, Kind
from callgate.core.law import Consent
from callgate.stores.cache import consents
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.objectors import read_objectors
from tests.stores.conftest import ANNA, BRAM, NOW, TOKENS, objection, removal

pytestmark = pytest.mark.server

DAY = timedelta(days=1)
CONSENT = Consent(NOW - 3 * DAY, NOW + 300 * DAY, NOW + timedelta(hours=1))
SOLAR = Query(ANNA, "futura", "solar")


def consent(of: Consent = CONSENT, number: str = ANNA, controller: str | None = "futura", **said: Json) -> Event:
    payload = consents.payload(of) | said
    return Event(Kind.PRIOR_CONSENT, NOW, None, number, controller, payload, personal={"proof": "form 7"})


def withdrawal(number: str = ANNA, at: datetime = NOW) -> Event:
    return Event(Kind.PRIOR_CONSENT_WITHDRAWN, at, None, number, "futura", {})


async def held(cache: SuppressionCache, query: Query = SOLAR) -> Consent | None:
    return (await cache.lookup(query)).facts.consent


async def enter(cache: SuppressionCache, ledger: Ledger, *events: Event) -> None:
    await cache.apply((await ledger.append(events)).entries)


async def test_a_consent_is_the_persons_and_the_controllers_and_nobody_elses(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await enter(cache, ledger, consent())
    assert await held(cache) == CONSENT
    assert await held(cache, replace(SOLAR, campaign="heat")) == CONSENT
    assert await held(cache, replace(SOLAR, controller="acme")) is None
    assert await held(cache, replace(SOLAR, number=BRAM)) is None


LATER = Consent(NOW - DAY)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([consent(), consent(LATER)], LATER),
        ([consent(), withdrawal()], None),
        ([withdrawal(), consent()], CONSENT),
        ([consent(), objection()], None),
        ([consent(), objection(), removal()], None),
        ([objection(), removal(), consent()], CONSENT),
        ([consent(), objection(scope="campaign", campaign="solar"), removal()], None),
        ([consent(), objection(BRAM)], CONSENT),
        ([consent(), objection(controller="acme")], CONSENT),
        ([consent(), objection(controller=None, scope="all"), removal(controller=None, scope="all")], None),
        (
            [
                objection(controller=None, scope="all"),
                removal(controller=None, scope="all"),
                consent(Consent(NOW + DAY)),
            ],
            Consent(NOW + DAY),
        ),
    ],
)
async def test_what_came_later_decides_in_the_cache_and_in_one_made_anew(
    cache: SuppressionCache, ledger: Ledger, events: list[Event], expected: Consent | None
) -> None:
    await enter(cache, ledger, *events)
    assert await held(cache) == expected
    assert await rebuild(cache, ledger) == ()
    assert await held(cache) == expected


async def test_a_consent_lives_on_under_a_new_key_and_a_withdrawal_ends_it_there(
    cache: SuppressionCache, ledger: Ledger, tmp_path: Path
) -> None:
    await enter(cache, ledger, consent())
    rotated = TokenKeys((TokenKey("k2", bytes([7]) * 32), *TOKENS.keys))
    other = SuppressionCache(cache.redis, cache.keys, rotated, ledger.identity, answer_within=5)
    assert await rebuild(other, ledger) == ()
    assert await held(other) == CONSENT
    await enter(other, ledger, withdrawal())
    assert await held(other) is None


async def test_an_erased_persons_consent_is_none(cache: SuppressionCache, ledger: Ledger, journal: Journal) -> None:
    await enter(cache, ledger, consent())
    await ledger.erase(ANNA, "futura", list(DataClass), NOW, by="officer", journal=journal)
    assert await rebuild(cache, ledger) == ()
    assert await held(cache) is None


@pytest.mark.parametrize(
    "event",
    [
        replace(consent(), number=None, personal={}),
        replace(consent(), controller=None),
        consent(scope="all"),
        consent(scope="campaign", campaign="solar"),
        consent(given=None),
        consent(given="2026-11-24T12:00:00"),
        consent(given="soon"),
    ],
)
async def test_a_consent_that_nobody_could_act_on_is_refused(ledger: Ledger, event: Event) -> None:
    with pytest.raises(ValueError):
        await ledger.append([event])
    assert await ledger.mark() == 0


async def test_who_objects_is_told_by_the_ledger_alone(ledger: Ledger) -> None:
    await ledger.append([objection(), objection(BRAM, None, scope="all"), consent(number="+3225550199")])
    objectors = await read_objectors(ledger, TOKENS)
    assert objectors.objected(ANNA, "futura") == NOW
    assert objectors.objected(ANNA, "acme") is None
    assert objectors.objected(BRAM, "acme") == NOW
    assert objectors.objected_to_everyone(BRAM)
    assert not objectors.objected_to_everyone(ANNA)
    assert objectors.objected("+3225550199", "futura") is None
    await ledger.append([removal()])
    assert (await read_objectors(ledger, TOKENS)).objected(ANNA, "futura") is None


async def test_an_erased_persons_objection_is_still_told(ledger: Ledger, journal: Journal) -> None:
    await ledger.append([objection()])
    await ledger.erase(ANNA, "futura", list(DataClass), NOW, by="officer", journal=journal)
    assert (await read_objectors(ledger, TOKENS)).objected(ANNA, "futura") == NOW
