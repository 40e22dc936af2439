"""Scrub and gate, asked about the same numbers over the same stores: what one says of a person, the other says too."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from callgate import config
from callgate.core import phone
from callgate.core.events import Event, Kind
from callgate.core.gate import CallRequest, ListState
from callgate.core.law import Consent, Related
from callgate.core.law.rule import Callee
from callgate.core.law.terms import Owner, Relation, Sector
from callgate.core.plan import INDEX
from callgate.core.policy import Policy
from callgate.core.purpose import Purpose
from callgate.core.reasons import Reason
from callgate.office.dryrun import dry_run
from callgate.scrub.judging import REASONS, Judge, Unscrubbable
from callgate.scrub.lawful import LawOfLists
from callgate.scrub.objections import read_objections
from callgate.stores.cache import consents, relations
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.lists.file import ListVersion
from callgate.stores.lists.inforce import directory
from callgate.stores.lists.membership import Membership
from tests.core.test_config import GOOD
from tests.stores.conftest import NOW, TOKENS, filed, ledger, objection, open_ledger, redis, removal, server

__all__ = ["ledger", "redis", "server"]
pytestmark = pytest.mark.server

NUMBERS = ("+442079460001", "+447400123456", "+448081570001", "+33199001234", "+33199005678", "+3225550101")
CONSENT = Consent(NOW - timedelta(days=10))
OLD, OVER = Consent(NOW - timedelta(days=4000)), replace(CONSENT, expires=NOW - timedelta(days=1))


class Case(NamedTuple):
    """What is on file of the numbers, and how the campaign calls."""

    events: Sequence[Event] = ()
    tps: Sequence[str] = ()
    callee: Callee = Callee.CONSUMER
    purpose: Purpose = Purpose.MARKETING
    bound: bool = True


def prior(number: str, consent: Consent = CONSENT) -> Event:
    return Event(Kind.PRIOR_CONSENT, NOW, None, number, "acme", consents.payload(consent))


def related(number: str, relation: Relation = Relation.CONTRACT, about: str = "power") -> Event:
    since = NOW - timedelta(days=1)
    return Event(Kind.RELATIONS, NOW, None, number, "acme", relations.payload([Related(relation, about, since)]))


def pattern(number: str) -> Event:
    return Event(Kind.PATTERN, NOW, controller="acme", payload={"pattern": number[:8]})


def restriction(number: str, kind: Kind = Kind.RESTRICTION) -> Event:
    return Event(kind, NOW, None, number, "acme", {"request": "r1"})


def events_of(number: str) -> list[Event]:
    """Everything that may be on file of a number, a few things of another company's among it."""
    return [
        objection(number, "acme"),
        objection(number, "acme", scope="campaign", campaign="spring"),
        objection(number, "acme", scope="campaign", campaign="autumn"),
        objection(number, None, scope="all"),
        objection(number, "acme", scope="erased"),
        objection(number, "another"),
        removal(number, "acme"),
        removal(number, None, scope="all"),
        restriction(number),
        restriction(number, Kind.RESTRICTION_LIFTED),
        pattern(number),
        *(prior(number, consent) for consent in (CONSENT, OLD, OVER)),
        *(related(number, relation) for relation in Relation),
        related(number, about="something else"),
    ]


on_file = st.lists(st.sampled_from(NUMBERS).flatmap(lambda number: st.sampled_from(events_of(number))), max_size=12)
cases = st.builds(
    Case,
    on_file,
    st.sets(st.sampled_from(NUMBERS)).map(sorted),
    st.sampled_from(Callee),
    st.sampled_from(Purpose),
    st.booleans(),
)


def policy_of(case: Case, folder: Path) -> Policy:
    path = folder / "callgate.toml"
    path.write_text(GOOD.replace('"uk-tps"]', '"uk-tps", "extra"]' if case.bound else '"uk-tps"]') + EXTRA)
    policy = config.to_policy(config.load(path, {}))
    spring = replace(policy.campaigns["spring"], callee=case.callee, purpose=case.purpose)
    # What is asked of the campaign itself is met, so that the gate's reason is about the person.
    spring = replace(spring, sector=Sector.OTHER, about="power", caller_id_owner=Owner.PRINCIPAL)
    return replace(policy, campaigns={"spring": spring})


EXTRA = """
[lists.extra]
country = "GB"
max_age_days = 28

[lists.uk-ctps]
country = "GB"
max_age_days = 28

[lists.fr-bloctel]
country = "FR"
max_age_days = 28
"""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases)
@example(case=Case([objection(NUMBERS[0], "acme"), pattern(NUMBERS[0]), pattern(NUMBERS[1])]))
@example(case=Case([prior(NUMBERS[3]), prior(NUMBERS[0]), prior(NUMBERS[4], OLD)], NUMBERS))
@example(case=Case([], NUMBERS, Callee.COMPANY))
@example(case=Case([related(NUMBERS[3]), related(NUMBERS[4], about="something else")]))
async def test_what_a_scrub_says_of_a_person_the_gate_says_too(case: Case, redis: Redis, tmp_path: Path) -> None:
    fresh = secrets.token_hex(4)
    (tmp_path / fresh).mkdir()
    policy = policy_of(case, tmp_path / fresh)
    ledger = await open_ledger(tmp_path / fresh)
    cache = SuppressionCache(redis, Keys(f"{fresh}:"), TOKENS, ledger.identity, answer_within=5)
    files = [
        filed(tmp_path / fresh, [int(number[1:]) for number in on], ListVersion(name, country, "1", NOW, "a test's"))
        for name, country, on in (
            ("uk-tps", "GB", case.tps),
            ("uk-ctps", "GB", case.tps[:2]),
            ("extra", "GB", case.tps[1:2]),
            ("fr-bloctel", "FR", case.tps),
        )
    ]
    await ledger.append(case.events)
    assert await rebuild(cache, ledger, files) == ()

    loaded = await directory(redis, cache.keys)
    states = {name: ListState(of.of.version, of.of.scrubbed_at) for name, of in loaded.items()}
    spring = policy.campaigns["spring"]
    law = LawOfLists(policy, spring, states, NOW)
    law.check()
    named = {file.of.id: file for file in files}
    lists = {country: {name: Membership.of(named[name]) for name in law.lists(country)} for country in spring.countries}
    judge = Judge(lists, await read_objections(cache, ledger, "acme", "spring"), law)
    numbers = np.array([int(number[1:]) for number in NUMBERS], np.uint64)
    owners = np.array([INDEX[phone.country_of(number)] for number in NUMBERS], np.uint16)
    scrubbed = [REASONS[verdict] for verdict in (await judge.verdicts(numbers, owners)).tolist()]

    for number, ours in zip(NUMBERS, scrubbed, strict=True):
        request = CallRequest("pbx", "1.1", "", number, "spring", "brussels", "")
        verdict = await dry_run(policy, cache, request, NOW)
        if verdict.reason in REASONS or ours is not Reason.CLEAR:
            assert ours == verdict.reason, (number, verdict.detail)
    await ledger.close()


def test_a_list_that_the_law_wants_and_nobody_loaded_stops_the_scrub(tmp_path: Path) -> None:
    policy = policy_of(Case(), tmp_path)
    with pytest.raises(Unscrubbable, match="uk-tps was never loaded"):
        LawOfLists(policy, policy.campaigns["spring"], {}, NOW).check()
    stale = {"uk-tps": ListState("1", NOW - timedelta(days=29))}
    with pytest.raises(Unscrubbable, match="28 days are allowed"):
        LawOfLists(policy, policy.campaigns["spring"], stale, NOW).check()
