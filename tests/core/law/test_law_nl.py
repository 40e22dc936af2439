"""The Netherlands: consent of natural persons, the customer exception until 2026-06-30, evenings that end early."""

from datetime import datetime, timedelta

import pytest

from callgate.core.law import Callee, CallerId, Consent, Status
from callgate.core.law.terms import Owner, Relation, Sector
from tests.core.law.calls import DUTCH, against, at, findings

AMSTERDAM = "Europe/Amsterdam"
NOON = at("2026-11-24 12:00", AMSTERDAM)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 21:59", []),
        ("2026-11-24 22:00", ["hours"]),
        ("2026-11-28 15:59", []),  # a Saturday
        ("2026-11-28 16:00", ["hours"]),
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2028-12-05 18:29", []),  # Sinterklaas, a Tuesday
        ("2028-12-05 18:30", ["hours"]),
        ("2028-12-06 18:30", []),
        ("2026-12-05 15:59", []),  # Sinterklaas on a Saturday, which ends at 16:00 anyway
        ("2026-12-05 16:00", ["hours"]),
        ("2026-12-24 18:30", ["hours"]),  # Christmas Eve
        ("2027-05-04 18:29", []),  # the dead are remembered
        ("2027-05-04 18:30", ["hours"]),
        ("2026-12-25 12:00", ["days-off"]),
        ("2027-04-27 12:00", ["days-off"]),  # King's Day
        ("2026-10-26 08:59", ["hours"]),  # the clock was put back in the night before
        ("2026-10-26 09:00", []),
    ],
)
def test_the_trades_code_sets_the_hours(moment: str, speaks_against: list[str]) -> None:
    found = findings(DUTCH, at(moment, AMSTERDAM))
    assert [name for name, finding in found.items() if not finding.passed] == speaks_against
    assert found["hours"].status is Status.CODE


@pytest.mark.parametrize(
    ("moment", "callee", "sector", "relation", "speaks_against"),
    [
        ("2026-06-30 12:00", Callee.CONSUMER, Sector.OTHER, None, ["prior-consent"]),
        ("2026-06-30 12:00", Callee.CONSUMER, Sector.OTHER, Relation.CUSTOMER, []),
        ("2026-07-01 12:00", Callee.CONSUMER, Sector.OTHER, Relation.CUSTOMER, ["prior-consent"]),
        ("2026-07-01 12:00", Callee.CONSUMER, Sector.PRESS, Relation.CUSTOMER, []),
        ("2026-07-01 12:00", Callee.CONSUMER, Sector.CHARITY, Relation.CUSTOMER, []),
        ("2026-07-01 12:00", Callee.CONSUMER, Sector.CHARITY_LOTTERY, Relation.CUSTOMER, []),
        ("2026-07-01 12:00", Callee.CONSUMER, Sector.PRESS, None, ["prior-consent"]),
        ("2026-07-01 12:00", Callee.CONSUMER, None, Relation.CUSTOMER, ["prior-consent"]),
        ("2026-07-01 12:00", Callee.TRADER, Sector.OTHER, None, ["prior-consent"]),
        ("2026-07-01 12:00", Callee.COMPANY, Sector.OTHER, None, []),
    ],
)
def test_without_consent_only_what_the_telecommunications_act_excepts(
    moment: str, callee: Callee, sector: Sector | None, relation: Relation | None, speaks_against: list[str]
) -> None:
    when = at(moment, AMSTERDAM)
    relations: dict[Relation, datetime] = {relation: when - timedelta(days=90)} if relation else {}
    known = {"consent": None, "callee": callee, "sector": sector, "relations": relations}
    assert against(DUTCH, when, **known) == speaks_against


@pytest.mark.parametrize(("days", "speaks_against"), [(179, []), (180, ["consent-age"])])
def test_a_consent_serves_six_months(days: int, speaks_against: list[str]) -> None:
    assert against(DUTCH, NOON, consent=Consent(NOON - timedelta(days=days))) == speaks_against


def test_no_number_no_call() -> None:
    assert against(DUTCH, NOON, caller_id=None) == ["caller-id"]


@pytest.mark.parametrize(
    ("kind", "speaks_against"),
    [("fixed", []), ("toll-free", []), ("premium", ["caller-id"]), ("shared-cost", ["caller-id"])],
)
def test_the_number_shown_is_called_back_at_normal_cost_or_none(kind: str, speaks_against: list[str]) -> None:
    assert against(DUTCH, NOON, caller_id=CallerId("+31900123456", kind, Owner.PRINCIPAL)) == speaks_against
