"""Italy: the register of objections within 15 days, energy not unasked since 2026-06-19, five days after silence."""

from datetime import date, timedelta

import pytest

from callgate.core.law import Contacts, Listing, Share, Status
from callgate.core.law.terms import Relation, Sector
from tests.core.law.calls import ITALIAN, against, at, findings

ROME = "Europe/Rome"
NOON = at("2026-11-24 12:00", ROME)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 09:59", ["hours"]),  # a Saturday
        ("2026-11-28 18:59", []),
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2026-12-08 12:00", ["days-off"]),  # the Immaculate Conception
        ("2026-12-07 09:30", ["hours"]),  # its eve begins at ten
        ("2026-12-07 10:00", []),
        ("2026-12-07 19:00", ["hours"]),  # and ends at seven
    ],
)
def test_the_code_of_conduct_sets_the_hours_and_those_of_eves(moment: str, speaks_against: list[str]) -> None:
    found = findings(ITALIAN, at(moment, ROME))
    assert [name for name, finding in found.items() if not finding.passed] == speaks_against
    assert found["hours"].status is Status.CODE


@pytest.mark.parametrize(
    ("age", "speaks_against"), [(timedelta(days=15), []), (timedelta(days=15, seconds=1), ["it-rpo"])]
)
def test_a_copy_of_the_register_serves_fifteen_days(age: timedelta, speaks_against: list[str]) -> None:
    assert against(ITALIAN, NOON, consent=None, lists={"it-rpo": Listing(NOON - age, False)}) == speaks_against


@pytest.mark.parametrize(
    ("since", "relation", "days_ago", "speaks_against"),
    [
        (date(2026, 1, 1), None, 0, []),  # the consent is of 2026-10-25
        (date(2026, 11, 1), None, 0, ["it-rpo"]),
        (date(2026, 11, 1), Relation.CONTRACT, 900, []),
        (date(2026, 11, 1), Relation.CUSTOMER, 29, []),
        (date(2026, 11, 1), Relation.CUSTOMER, 30, ["it-rpo"]),
    ],
)
def test_an_entry_revokes_earlier_consents_but_those_within_a_contract(
    since: date, relation: Relation | None, days_ago: int, speaks_against: list[str]
) -> None:
    relations = {relation: NOON - timedelta(days=days_ago)} if relation else {}
    lists = {"it-rpo": Listing(NOON, True, since)}
    assert against(ITALIAN, NOON, lists=lists, relations=relations) == speaks_against


@pytest.mark.parametrize(
    ("day", "asked", "speaks_against"),
    [("2026-06-18", False, []), ("2026-06-19", False, ["energy-supply"]), ("2026-06-19", True, [])],
)
def test_energy_is_offered_to_none_but_those_who_asked_or_consented(
    day: str, asked: bool, speaks_against: list[str]
) -> None:
    when = at(f"{day} 12:00", ROME)
    relations = {Relation.ENQUIRY: when} if asked else {}
    known = {"sector": Sector.ENERGY_SUPPLY, "relations": relations}
    assert against(ITALIAN, when, consent=None, **known) == speaks_against
    assert against(ITALIAN, when, **known) == []


@pytest.mark.parametrize(
    ("days_ago", "agent_waiting", "speaks_against"),
    [(5, True, ["after-abandoned"]), (6, True, []), (6, False, ["after-abandoned"])],
)
def test_five_days_after_an_abandoned_call_and_then_with_an_agent(
    days_ago: int, agent_waiting: bool, speaks_against: list[str]
) -> None:
    contacts = Contacts(last_abandoned=NOON - timedelta(days=days_ago))
    known = {"contacts": contacts, "agent_waiting": agent_waiting, "abandoned": {None: Share(0, 100)}}
    assert against(ITALIAN, NOON, **known) == speaks_against


@pytest.mark.parametrize(("abandoned", "speaks_against"), [(3, []), (4, ["abandoned-calls"])])
def test_three_of_a_hundred_over_the_campaigns_life(abandoned: int, speaks_against: list[str]) -> None:
    known = {"agent_waiting": False, "abandoned": {None: Share(abandoned, 100)}}
    assert against(ITALIAN, NOON, **known) == speaks_against
