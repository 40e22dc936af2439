"""Austria: nobody is called without consent, and the number shown is that of the centre that calls."""

import pytest

from callgate.core.law import Callee, CallerId
from callgate.core.law.terms import Owner
from tests.core.law.calls import AUSTRIAN, against, at

VIENNA = "Europe/Vienna"
NOON = at("2026-11-24 12:00", VIENNA)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 08:59", ["hours"]),
        ("2026-11-24 09:00", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 12:00", ["hours"]),  # a Saturday
        ("2026-10-26 12:00", ["days-off"]),  # the national day
    ],
)
def test_the_hours_are_callgates_own_until_the_operator_decides(moment: str, speaks_against: list[str]) -> None:
    assert against(AUSTRIAN, at(moment, VIENNA)) == speaks_against


@pytest.mark.parametrize("callee", [*Callee, None])
def test_everybody_consents_before_businesses_too(callee: Callee | None) -> None:
    assert against(AUSTRIAN, NOON, callee=callee) == []
    assert against(AUSTRIAN, NOON, callee=callee, consent=None) == ["prior-consent"]


@pytest.mark.parametrize(
    ("owner", "speaks_against"),
    [(Owner.CENTRE, []), (Owner.PRINCIPAL, ["caller-id"]), (None, ["caller-id"])],
)
def test_the_number_shown_is_the_centres_own(owner: Owner | None, speaks_against: list[str]) -> None:
    assert against(AUSTRIAN, NOON, caller_id=CallerId("+4313051234", "fixed", owner)) == speaks_against
