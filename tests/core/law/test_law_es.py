"""Spain: weekdays from nine to nine, no holiday of any region, prefix 400 since 2026-10-17, two clocks for a mobile."""

from datetime import timedelta

import pytest

from callgate.core.law import CallerId, Consent, Contacts, Listing
from callgate.core.law.terms import Owner, Relation, Sector
from tests.core.law.calls import CANARIAN, SPANISH, SPANISH_MOBILE, against, at, findings

MADRID = "Europe/Madrid"
NOON = at("2026-11-24 12:00", MADRID)


@pytest.mark.parametrize(
    ("moment", "mainland", "canaries", "mobile"),
    [
        ("2026-11-24 08:59", ["hours"], ["hours"], ["hours"]),
        ("2026-11-24 09:00", [], ["hours"], ["hours"]),  # eight o'clock on the Canaries
        ("2026-11-24 10:00", [], [], []),
        ("2026-11-24 20:59", [], [], []),
        ("2026-11-24 21:00", ["hours"], [], ["hours"]),
        ("2026-11-24 22:00", ["hours"], ["hours"], ["hours"]),
        ("2026-11-28 12:00", ["hours"], ["hours"], ["hours"]),  # a Saturday
        ("2026-10-26 09:00", [], ["hours"], ["hours"]),  # both clocks were put back in the night before
        ("2026-10-26 10:00", [], [], []),
    ],
)
def test_nine_to_nine_on_the_clock_of_the_person_and_of_both_where_a_mobile_does_not_tell(
    moment: str, mainland: list[str], canaries: list[str], mobile: list[str]
) -> None:
    when = at(moment, MADRID)
    assert (against(SPANISH, when), against(CANARIAN, when), against(SPANISH_MOBILE, when)) == (
        mainland,
        canaries,
        mobile,
    )


@pytest.mark.parametrize("day", ["2026-10-12", "2026-12-08", "2027-07-28", "2027-09-24"])
def test_no_call_on_a_holiday_of_the_nation_or_of_any_region(day: str) -> None:
    """The last two are days of Cantabria and of Barcelona."""
    assert "days-off" in against(SPANISH, at(f"{day} 12:00", MADRID))


@pytest.mark.parametrize(
    ("moment", "shown", "speaks_against"),
    [
        ("2026-10-16 12:00", "+34912345678", []),
        ("2026-10-16 12:00", "+34612345678", ["caller-id"]),
        ("2026-10-17 12:00", "+34912345678", ["hours", "caller-id-prefix"]),  # a Saturday
        ("2026-10-19 12:00", "+34912345678", ["caller-id-prefix"]),
        ("2026-10-19 12:00", "+34400123456", []),
        ("2026-10-19 12:00", "+34712345678", ["caller-id", "caller-id-prefix"]),
    ],
)
def test_the_prefix_400_since_17_october_2026(moment: str, shown: str, speaks_against: list[str]) -> None:
    caller_id = CallerId(shown, "fixed", Owner.PRINCIPAL)
    assert against(SPANISH, at(moment, MADRID), caller_id=caller_id) == speaks_against


def test_a_rule_that_began_on_one_of_two_clocks_binds() -> None:
    """In Madrid it is the 17th, on the Canaries still the 16th."""
    caller_id = CallerId("+34912345678", "fixed", Owner.PRINCIPAL)
    night = at("2026-10-17 00:30", MADRID)
    assert "caller-id-prefix" in against(SPANISH_MOBILE, night, caller_id=caller_id)
    assert "caller-id-prefix" not in against(CANARIAN, night, caller_id=caller_id)


@pytest.mark.parametrize(
    ("relation", "days_ago", "speaks_against"),
    [
        (None, 0, ["prior-consent"]),
        (Relation.CUSTOMER, 364, []),
        (Relation.CUSTOMER, 365, ["prior-consent"]),
        (Relation.ENQUIRY, 364, []),
        (Relation.ENQUIRY, 365, ["prior-consent"]),
        (Relation.INTEREST, 1, ["prior-consent"]),
    ],
)
def test_without_consent_only_who_was_a_customer_or_asked_within_the_year(
    relation: Relation | None, days_ago: int, speaks_against: list[str]
) -> None:
    relations = {relation: NOON - timedelta(days=days_ago)} if relation else {}
    assert against(SPANISH, NOON, consent=None, relations=relations) == speaks_against


@pytest.mark.parametrize(("days", "speaks_against"), [(729, []), (730, ["consent-age"])])
def test_a_consent_serves_two_years(days: int, speaks_against: list[str]) -> None:
    assert against(SPANISH, NOON, consent=Consent(NOON - timedelta(days=days))) == speaks_against


def test_an_attempt_is_forgotten_when_its_day_is_over_on_both_clocks() -> None:
    found = findings(SPANISH_MOBILE, NOON, contacts=Contacts((at("2026-11-01 12:00", MADRID),) * 4))["contact-cap"]
    assert found.retry_at == at("2026-12-01 00:00", "Atlantic/Canary")


def test_the_lista_robinson_binds_whoever_has_no_consent() -> None:
    listed = {"es-robinson": Listing(NOON, True)}
    relations = {Relation.CUSTOMER: NOON - timedelta(days=10)}
    assert against(SPANISH, NOON, lists=listed) == []
    assert against(SPANISH, NOON, lists=listed, consent=None, relations=relations) == ["es-robinson"]


def test_energy_is_offered_to_none_but_those_who_asked_until_the_operator_decides_otherwise() -> None:
    assert against(SPANISH, NOON, sector=Sector.ENERGY_SUPPLY) == ["energy-supply"]
    assert against(SPANISH, NOON, sector=Sector.ENERGY_SUPPLY, relations={Relation.ENQUIRY: NOON}) == []


def test_a_consent_to_an_hour_outside_does_not_lift_article_96_2() -> None:
    late = at("2026-11-24 21:30", MADRID)
    asked = Consent(NOON - timedelta(days=1), appointment=late)
    assert against(SPANISH, late, consent=asked) == ["hours"]
    assert findings(SPANISH, late)["hours"].source == "TRLGDCU, art. 96.2"
