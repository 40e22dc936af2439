"""What holds in every country: what is unknown is not allowed, marketing rules bind marketing, a consumer in doubt."""

from datetime import UTC, datetime, timedelta

import pytest

from callgate.core.law import (
    Callee,
    CallerId,
    CapWindow,
    Consent,
    Contacts,
    Listing,
    Share,
    Situation,
    assess,
    cap_windows,
    next_moment,
)
from callgate.core.law.terms import Counted, Owner, Sector
from callgate.core.phone import Number, parse
from callgate.core.purpose import Purpose
from tests.core.law.calls import (
    BELGIAN,
    BRITISH,
    FRENCH,
    FRENCH_MOBILE,
    GERMAN,
    IRISH,
    NEW_YORK,
    PACKS,
    SPANISH,
    SPANISH_MOBILE,
    against,
    at,
    call,
    findings,
)

PARIS = "Europe/Paris"
NOON = at("2026-11-24 12:00", PARIS)
NIGHT = at("2026-11-24 23:00", PARIS)


@pytest.mark.parametrize(
    ("dialled", "known", "speaks_against"),
    [
        (FRENCH, {"consent": None}, ["prior-consent"]),
        (FRENCH, {"consent": Consent(NOON + timedelta(seconds=1))}, ["prior-consent"]),
        (FRENCH, {"consent": Consent(NOON - timedelta(days=9), expires=NOON)}, ["prior-consent"]),
        (FRENCH, {"contacts": None}, ["contact-cap", "after-refusal", "after-abandoned"]),
        (FRENCH, {"caller_id": None}, ["caller-id"]),
        (FRENCH, {"sector": None}, ["energy-renovation", "training-accounts"]),
        (FRENCH, {"agent_waiting": False}, ["abandoned-calls"]),
        (FRENCH, {"agent_waiting": False, "abandoned": {7: Share(0, 9)}}, ["abandoned-calls"]),
        (GERMAN, {"caller_id": CallerId("+493012345", "fixed", None)}, ["caller-id", "caller-id-owner"]),
        (BELGIAN, {"lists": {}}, ["be-dncm"]),
        (BELGIAN, {"lists": {"uk-tps": Listing(NOON, False)}}, ["be-dncm"]),
    ],
)
def test_what_is_unknown_is_not_allowed(dialled: str, known: dict[str, object], speaks_against: list[str]) -> None:
    assert against(dialled, NOON, **known) == speaks_against


@pytest.mark.parametrize(
    ("dialled", "known", "speaks_against"),
    [
        (BELGIAN, {}, []),
        (BRITISH, {}, []),
        (BRITISH, {"sector": Sector.PENSIONS}, ["pensions"]),
        (NEW_YORK, {}, []),
        (NEW_YORK, {"automated": True}, ["consent-age"]),
        (FRENCH, {"sector": Sector.PRESS}, []),
        (FRENCH, {}, ["consent-age"]),
    ],
)
def test_a_consent_that_is_too_old_is_none_and_no_worse_than_none(
    dialled: str, known: dict[str, object], speaks_against: list[str]
) -> None:
    moment = at("2026-11-24 16:00", PARIS)
    assert against(dialled, moment, consent=Consent(moment - timedelta(days=999)), **known) == speaks_against


def test_a_situation_of_which_nothing_is_known_is_allowed_nowhere() -> None:
    for dialled in (FRENCH, BELGIAN, BRITISH, GERMAN, IRISH, SPANISH, NEW_YORK):
        nothing = Situation(parse(dialled, "BE"), Purpose.MARKETING)
        assert not all(finding.passed for finding in assess(PACKS, nothing, NOON)), dialled


@pytest.mark.parametrize(
    ("number", "moment", "says"),
    [
        (Number("+41225550123", "CH", "fixed"), NOON, "the law of CH is not known"),
        (Number("+80012345678", "", "toll-free"), NOON, "the law of no single country is not known"),
        (Number(BELGIAN, "BE", "fixed"), datetime(2025, 12, 31, 22, 59, tzinfo=UTC), "of days before 2026-01-01"),
    ],
)
def test_where_no_pack_speaks_marketing_is_not_allowed_and_a_service_call_is(
    number: Number, moment: datetime, says: str
) -> None:
    for purpose in Purpose:
        (finding,) = assess(PACKS, Situation(number, purpose), moment)
        assert finding.passed is (purpose is not Purpose.MARKETING)
        assert says in finding.saw


def test_the_first_day_of_a_pack_is_one_of_its_days() -> None:
    assert "hours" in findings(BELGIAN, at("2026-01-01 00:00", "Europe/Brussels"))


@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.RIGHTS, Purpose.INTERNAL])
def test_marketing_rules_bind_marketing_calls_only(purpose: Purpose) -> None:
    bare = Situation(parse(FRENCH, "BE"), purpose)
    (finding,) = assess(PACKS, bare, NIGHT)
    assert (finding.rule, finding.passed) == ("pack", True)


@pytest.mark.parametrize(
    ("dialled", "callee", "treated_as"),
    [
        (FRENCH, None, Callee.CONSUMER),
        (FRENCH, Callee.COMPANY, Callee.COMPANY),
        (FRENCH, Callee.TRADER, Callee.TRADER),
        (FRENCH_MOBILE, Callee.COMPANY, Callee.CONSUMER),
        (FRENCH_MOBILE, Callee.TRADER, Callee.CONSUMER),
        ("+33970123456", Callee.COMPANY, Callee.CONSUMER),  # a box at home has such a number
        (NEW_YORK, Callee.COMPANY, Callee.CONSUMER),
        ("+18005550123", Callee.COMPANY, Callee.COMPANY),
    ],
)
def test_a_line_that_may_be_a_consumers_is_a_consumers(dialled: str, callee: Callee | None, treated_as: Callee) -> None:
    assert call(dialled, NOON, callee=callee).treated_as is treated_as


def test_a_finding_names_its_rule_source_and_what_it_saw() -> None:
    hours = findings(FRENCH, NIGHT)["hours"]
    assert hours.source == "Code de la consommation, art. D223-9 (décret 2026-662)"
    assert hours.saw == "2026-11-24 allows 10:00-13:00, 14:00-20:00 (Tue 23:00 in Europe/Paris)"
    assert hours.retry_at == at("2026-11-25 10:00", PARIS)


def test_no_finding_shows_the_called_number() -> None:
    for dialled in (FRENCH, BELGIAN, BRITISH, SPANISH, NEW_YORK):
        for moment in (NOON, NIGHT):
            for finding in findings(dialled, moment, contacts=None, consent=None).values():
                assert dialled[3:] not in finding.saw


@pytest.mark.parametrize(
    ("moment", "contacts", "next_one"),
    [
        ("2026-11-24 12:00", Contacts(), "2026-11-24 12:00"),
        ("2026-11-24 13:30", Contacts(), "2026-11-24 14:00"),
        ("2026-11-27 20:00", Contacts(), "2026-11-30 10:00"),  # over a weekend
        ("2026-12-24 20:00", Contacts(), "2026-12-28 10:00"),  # over Christmas
        ("2026-11-24 12:00", Contacts((at("2026-11-03 11:00", PARIS),) * 4), "2026-12-03 10:00"),
        ("2026-11-24 12:00", Contacts(last_refusal=at("2026-11-20 11:00", PARIS)), None),
    ],
)
def test_a_dialler_hears_when_to_come_back(moment: str, contacts: Contacts, next_one: str | None) -> None:
    when = at(moment, PARIS)
    situation = call(FRENCH, when, contacts=contacts, consent=Consent(at("2026-10-01 12:00", PARIS)))
    assert next_moment(PACKS, situation, when) == (at(next_one, PARIS) if next_one else None)


def test_a_list_that_goes_stale_over_the_weekend_does_not_hide_the_next_moment() -> None:
    saturday = at("2026-12-24 20:30", "Europe/Brussels")
    situation = call(BELGIAN, saturday, lists={"be-dncm": Listing(saturday - timedelta(days=4), False)})
    assert next_moment(PACKS, situation, saturday) == at("2026-12-26 10:00", "Europe/Brussels")
    stale = call(BELGIAN, saturday, lists={"be-dncm": Listing(saturday - timedelta(days=6), False)})
    assert next_moment(PACKS, stale, saturday) is None


@pytest.mark.parametrize(
    ("dialled", "windows"),
    [
        (FRENCH, (CapWindow("contact-cap", Counted.COMPANY, 4, at("2026-10-26 00:00", PARIS)),)),
        (SPANISH_MOBILE, (CapWindow("contact-cap", Counted.COMPANY, 4, at("2026-10-26 00:00", "Europe/Madrid")),)),
        (
            GERMAN,
            (
                CapWindow("contact-cap-day", Counted.COMPANY, 3, at("2026-11-24 00:00", "Europe/Berlin")),
                CapWindow("contact-cap-week", Counted.COMPANY, 15, at("2026-11-18 00:00", "Europe/Berlin")),
                CapWindow("contact-cap-campaign", Counted.CAMPAIGN, 30, None),
            ),
        ),
        ("+41225550123", ()),
    ],
)
def test_a_store_that_counts_is_told_what_to_count(dialled: str, windows: tuple[CapWindow, ...]) -> None:
    assert cap_windows(PACKS, call(dialled, NOON), NOON) == windows


def test_an_attempt_leaves_the_window_at_midnight_of_its_day() -> None:
    found = findings(FRENCH, NOON, contacts=Contacts((at("2026-11-01 23:59", PARIS),) * 4))["contact-cap"]
    assert found.retry_at == at("2026-12-01 00:00", PARIS)


def test_an_owner_who_is_not_known_is_nobody() -> None:
    found = findings(FRENCH, NOON, caller_id=CallerId("+3225550199", "fixed", None))["caller-id"]
    assert "nobody knows whose" in found.saw
    assert Owner.PRINCIPAL in found.saw
