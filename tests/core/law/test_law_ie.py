"""Ireland: a mobile needs consent, a fixed line is called unless it opted out in the National Directory Database."""

from datetime import timedelta

import pytest

from callgate.core.law import Callee, Listing, Status
from tests.core.law.calls import IRISH, IRISH_MOBILE, against, at, findings

DUBLIN = "Europe/Dublin"
NOON = at("2026-11-24 12:00", DUBLIN)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-07-01 19:59", []),  # in summer time
        ("2026-11-28 17:59", []),  # a Saturday
        ("2026-11-28 18:00", ["hours"]),
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2027-03-17 12:00", ["days-off"]),  # Saint Patrick's
    ],
)
def test_the_hours_are_callgates_own_until_the_operator_decides(moment: str, speaks_against: list[str]) -> None:
    assert against(IRISH, at(moment, DUBLIN), consent=None) == speaks_against


@pytest.mark.parametrize(
    ("dialled", "callee", "speaks_against"),
    [
        (IRISH, Callee.CONSUMER, []),
        (IRISH_MOBILE, Callee.CONSUMER, ["prior-consent"]),
        (IRISH, Callee.COMPANY, []),
        (IRISH_MOBILE, Callee.COMPANY, ["prior-consent"]),  # a mobile may be a consumer's
    ],
)
def test_mobiles_consent_before(dialled: str, callee: Callee, speaks_against: list[str]) -> None:
    assert against(dialled, NOON, consent=None, callee=callee) == speaks_against
    assert against(dialled, NOON, callee=callee) == []


def test_what_holds_for_businesses_was_not_verified() -> None:
    assert findings(IRISH, NOON, callee=Callee.COMPANY)["prior-consent-business"].status is Status.NONE_FOUND


@pytest.mark.parametrize(
    ("age", "listed", "speaks_against"),
    [
        (timedelta(days=28), False, []),
        (timedelta(days=28, seconds=1), False, ["ie-ndd"]),
        (timedelta(), True, ["ie-ndd"]),
    ],
)
def test_the_opt_out_register_serves_28_days(age: timedelta, listed: bool, speaks_against: list[str]) -> None:
    assert against(IRISH, NOON, consent=None, lists={"ie-ndd": Listing(NOON - age, listed)}) == speaks_against
