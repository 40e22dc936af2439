"""The United Kingdom: TPS and CTPS within 28 days, no abandoned calls, claims and pensions by consent only."""

from datetime import timedelta

import pytest

from callgate.core.law import Callee, Consent, Contacts, Listing, Share
from callgate.core.law.terms import Sector
from tests.core.law.calls import BRITISH, against, at, findings

LONDON = "Europe/London"
NOON = at("2026-11-24 12:00", LONDON)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 07:59", ["hours"]),
        ("2026-11-24 08:00", []),
        ("2026-11-24 21:00", ["hours"]),
        ("2026-11-29 08:59", ["hours"]),  # a Sunday
        ("2026-11-29 09:00", []),
        ("2026-12-28 12:00", ["days-off"]),  # Boxing Day, kept on the Monday
        ("2026-10-25 08:59", ["hours"]),  # the Sunday on which the clock is put back
        ("2026-10-25 09:00", []),
        ("2027-04-04 08:59", ["hours"]),  # a Sunday of summer time
        ("2027-04-04 09:00", []),
    ],
)
def test_the_hours_are_callgates_own_until_the_operator_decides(moment: str, speaks_against: list[str]) -> None:
    assert against(BRITISH, at(moment, LONDON), consent=None) == speaks_against


@pytest.mark.parametrize(
    ("callee", "list_name"),
    [
        (Callee.CONSUMER, "uk-tps"),
        (None, "uk-tps"),
        (Callee.TRADER, "uk-tps"),
        (Callee.COMPANY, "uk-ctps"),
    ],
)
def test_each_callee_has_a_list_that_serves_28_days_and_yields_to_a_consent(
    callee: Callee | None, list_name: str
) -> None:
    def speaking(age: timedelta, listed: bool, **known: object) -> list[str]:
        return against(BRITISH, NOON, callee=callee, lists={list_name: Listing(NOON - age, listed)}, **known)

    assert speaking(timedelta(days=28), listed=False, consent=None) == []
    assert speaking(timedelta(days=28, seconds=1), listed=False, consent=None) == [list_name]
    assert speaking(timedelta(), listed=True, consent=None) == [list_name]
    assert speaking(timedelta(), listed=True) == []
    expired = Consent(NOON - timedelta(days=9), expires=NOON - timedelta(days=1))
    assert list_name in speaking(timedelta(), listed=True, consent=expired)


@pytest.mark.parametrize("sector", [Sector.CLAIMS_MANAGEMENT, Sector.PENSIONS])
def test_claims_management_and_pensions_need_consent(sector: Sector) -> None:
    assert against(BRITISH, NOON, sector=sector) == []
    assert against(BRITISH, NOON, sector=sector, consent=None) == [sector.value]


@pytest.mark.parametrize(
    ("hours_ago", "agent_waiting", "speaks_against"),
    [(71, False, ["after-abandoned"]), (71, True, []), (72, False, [])],
)
def test_72_hours_after_an_abandoned_call_unless_an_agent_is_guaranteed(
    hours_ago: int, agent_waiting: bool, speaks_against: list[str]
) -> None:
    contacts = Contacts(last_abandoned=NOON - timedelta(hours=hours_ago))
    known = {"contacts": contacts, "agent_waiting": agent_waiting, "abandoned": {30: Share(0, 100)}}
    assert against(BRITISH, NOON, **known) == speaks_against


def test_one_abandoned_call_stops_a_campaign_that_guarantees_no_agent() -> None:
    assert against(BRITISH, NOON, agent_waiting=False, abandoned={30: Share(0, 1_000)}) == []
    assert against(BRITISH, NOON, agent_waiting=False, abandoned={30: Share(1, 1_000)}) == ["abandoned-calls"]
    assert against(BRITISH, NOON, agent_waiting=False) == ["abandoned-calls"]
    assert findings(BRITISH, NOON, abandoned={30: Share(1, 1_000)})["abandoned-calls"].passed
