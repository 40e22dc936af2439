"""Who calls back: for whom the number is shown, in which language, and what is known of the caller."""

from dataclasses import replace
from pathlib import Path

import pytest

from callgate.config import load, to_policy
from callgate.core.calledback import called_back, caller_of
from callgate.core.policy import Policy
from tests.core.test_config import GOOD


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "callgate.toml").write_text(GOOD)
    made = to_policy(load(tmp_path / "callgate.toml", {}))
    spring = made.campaigns["spring"]
    others = {
        "winter": replace(spring, id="winter", languages={"FR": "fr"}),
        "autumn": replace(spring, id="autumn", caller_id="+3225550198", controller="other"),
    }
    return replace(made, campaigns={"spring": spring, **others})


@pytest.mark.parametrize("called", ["+3225550199", "3225550199", "003225550199"])
def test_a_number_is_known_however_the_carrier_says_it(policy: Policy, called: str) -> None:
    found = called_back(called, "33199000042", policy)
    assert found is not None
    assert (found.campaigns, found.controllers, found.number) == (("spring", "winter"), ("acme",), "+33199000042")


@pytest.mark.parametrize("called", ["", "+3225550100", "112", "+"])
def test_a_number_that_nobody_shows_is_nobodys(policy: Policy, called: str) -> None:
    assert called_back(called, "33199000042", policy) is None


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("+33199000042", "+33199000042"),
        ("0033199000042", "+33199000042"),
        ("33199000042", "+33199000042"),
        ("0470000077", "+32470000077"),
        ("32470000077", "+32470000077"),
        ("", None),
        ("anonymous", None),
        ("112", None),
        ("99", None),
    ],
)
def test_a_caller_is_read_as_carriers_show_numbers(shown: str, number: str | None) -> None:
    found = caller_of(shown, "BE")
    assert (found.e164 if found else None) == number


def test_in_a_country_without_a_trunk_zero_a_national_number_is_found_all_the_same() -> None:
    found = caller_of("912345678", "ES")
    assert found is not None
    assert found.e164 == "+34912345678"


@pytest.mark.parametrize(
    ("called", "caller", "language"),
    [
        ("3225550198", "33199000042", "fr"),
        ("3225550198", "442079460000", "en"),
        ("3225550198", "", "en"),
        ("3225550199", "442079460000", "fr"),  # the one language of both campaigns that show it
    ],
)
def test_a_caller_is_answered_in_the_language_of_their_country_where_it_is_spoken(
    policy: Policy, called: str, caller: str, language: str
) -> None:
    found = called_back(called, caller, policy)
    assert found is not None
    assert found.language == language
