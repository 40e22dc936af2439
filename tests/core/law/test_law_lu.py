"""Luxembourg: prior consent of natural persons, and nothing found about hours."""

import pytest

from callgate.core.law import Callee, Status
from tests.core.law.calls import LUXEMBOURGISH, against, at, findings

LUXEMBOURG = "Europe/Luxembourg"
NOON = at("2026-11-24 12:00", LUXEMBOURG)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 12:00", ["hours"]),  # a Saturday
        ("2027-06-23 12:00", ["days-off"]),  # the national day
    ],
)
def test_the_hours_are_callgates_own_until_the_operator_decides(moment: str, speaks_against: list[str]) -> None:
    found = findings(LUXEMBOURGISH, at(moment, LUXEMBOURG))
    assert [name for name, finding in found.items() if not finding.passed] == speaks_against
    assert found["hours"].status is Status.NONE_FOUND


@pytest.mark.parametrize(
    ("callee", "speaks_against"),
    [
        (None, ["prior-consent"]),
        (Callee.CONSUMER, ["prior-consent"]),
        (Callee.TRADER, ["prior-consent"]),
        (Callee.COMPANY, []),
    ],
)
def test_natural_persons_consent_before(callee: Callee | None, speaks_against: list[str]) -> None:
    assert against(LUXEMBOURGISH, NOON, consent=None, callee=callee) == speaks_against


def test_no_list_is_asked_for() -> None:
    assert against(LUXEMBOURGISH, NOON, lists={}) == []
