"""Belgium: no prior consent, one list for consumers and businesses, which a later consent outweighs."""

from datetime import date, timedelta

import pytest

from callgate.core.law import Callee, Listing, Status
from tests.core.law.calls import BELGIAN, against, at, findings

BRUSSELS = "Europe/Brussels"
NOON = at("2026-11-24 12:00", BRUSSELS)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 19:59", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 10:00", []),  # a Saturday
        ("2026-11-28 18:00", ["hours"]),
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2026-07-21 12:00", ["days-off"]),  # the national day
        ("2026-11-11 12:00", ["days-off"]),
    ],
)
def test_the_hours_are_callgates_own_until_the_operator_decides(moment: str, speaks_against: list[str]) -> None:
    found = findings(BELGIAN, at(moment, BRUSSELS), consent=None)
    assert [name for name, finding in found.items() if not finding.passed] == speaks_against
    assert found["hours"].status is Status.NONE_FOUND


@pytest.mark.parametrize("callee", [*Callee, None])
@pytest.mark.parametrize(
    ("age", "listed", "speaks_against"),
    [
        (timedelta(days=5), False, []),
        (timedelta(days=5, seconds=1), False, ["be-dncm"]),
        (timedelta(), True, ["be-dncm"]),
    ],
)
def test_the_list_binds_for_everybody_and_a_copy_serves_five_days(
    callee: Callee | None, age: timedelta, listed: bool, speaks_against: list[str]
) -> None:
    lists = {"be-dncm": Listing(NOON - age, listed)}
    assert against(BELGIAN, NOON, consent=None, callee=callee, lists=lists) == speaks_against


@pytest.mark.parametrize(
    ("listed_since", "speaks_against"),
    [(date(2026, 10, 24), []), (date(2026, 10, 25), ["be-dncm"]), (None, ["be-dncm"])],
)
def test_a_consent_outweighs_the_list_only_if_it_came_later(
    listed_since: date | None, speaks_against: list[str]
) -> None:
    lists = {"be-dncm": Listing(NOON, True, listed_since)}  # the consent is of 2026-10-25
    assert against(BELGIAN, NOON, lists=lists) == speaks_against
