"""France: prior consent and the end of Bloctel on 2026-08-11, slots, four attempts in thirty days, overseas."""

from datetime import date, timedelta

import pytest

from callgate.core.law import Callee, CallerId, Consent, Contacts, Listing, Status
from callgate.core.law.terms import Owner, Relation, Sector
from tests.core.law.calls import FRENCH, FRENCH_MOBILE, OVERSEAS, REUNION, REUNION_MOBILE, against, at, findings

PARIS = "Europe/Paris"
NOON = at("2026-11-24 12:00", PARIS)
MARTINIQUE, GUYANE, MIQUELON, MAYOTTE = "+596596301234", "+594594101234", "+508410123", "+262269601234"


@pytest.mark.parametrize("dialled", [FRENCH, FRENCH_MOBILE])
@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 09:59", ["hours"]),
        ("2026-11-24 10:00", []),
        ("2026-11-24 12:59", []),
        ("2026-11-24 13:00", ["hours"]),
        ("2026-11-24 13:59", ["hours"]),
        ("2026-11-24 14:00", []),
        ("2026-11-24 19:59", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 12:00", ["hours"]),  # a Saturday
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2027-07-14 12:00", ["days-off"]),
        ("2027-05-17 12:00", ["days-off"]),  # Whit Monday
        ("2027-03-26 12:00", ["days-off-alsace-moselle"]),  # Good Friday
        ("2026-12-25 12:00", ["days-off"]),
        ("2027-05-06 12:00", ["days-off"]),  # Ascension
        ("2026-10-23 09:59", ["hours"]),
        ("2026-10-26 09:59", ["hours"]),  # the clock was put back in the night before
        ("2026-10-26 10:00", []),
        ("2027-03-30 09:59", ["hours"]),  # and forward, over Easter
        ("2027-03-30 10:00", []),
    ],
)
def test_the_slots_of_article_d223_9(dialled: str, moment: str, speaks_against: list[str]) -> None:
    assert against(dialled, at(moment, PARIS)) == speaks_against


@pytest.mark.parametrize(
    ("moment", "consented", "listed", "speaks_against"),
    [
        ("2026-08-10 12:00", False, False, []),
        ("2026-08-10 12:00", False, True, ["fr-bloctel"]),
        ("2026-08-10 12:00", True, True, ["fr-bloctel"]),
        ("2026-08-10 20:30", False, False, ["hours"]),
        ("2026-08-10 20:30", True, False, []),  # any express consent lifted the hours
        ("2026-08-11 12:00", False, False, ["prior-consent"]),
        ("2026-08-11 12:00", True, True, []),  # Bloctel is no more
        ("2026-08-11 20:30", True, False, ["hours"]),
        ("2026-08-12 20:30", True, False, ["hours"]),
    ],
)
def test_the_law_changes_on_11_august_2026(
    moment: str, consented: bool, listed: bool, speaks_against: list[str]
) -> None:
    when = at(moment, PARIS)
    consent = Consent(when - timedelta(days=30)) if consented else None
    lists = {"fr-bloctel": Listing(when, listed, date(2020, 1, 1))}
    assert against(FRENCH, when, consent=consent, lists=lists) == speaks_against


@pytest.mark.parametrize(
    ("dialled", "moment", "clock", "needs_consent"),
    [
        (FRENCH, "2026-08-10 23:59", PARIS, False),
        (FRENCH, "2026-08-11 00:00", PARIS, True),
        (OVERSEAS, "2026-08-11 00:00", PARIS, False),  # 18:00 of the 10th in Guadeloupe
        (OVERSEAS, "2026-08-11 00:00", "America/Guadeloupe", True),
        (REUNION, "2026-08-10 22:00", PARIS, True),  # midnight in Réunion
        (REUNION_MOBILE, "2026-08-10 22:30", PARIS, True),  # 23:30 on Mayotte, but 00:30 in Réunion
        (REUNION_MOBILE, "2026-08-10 21:59", PARIS, False),
    ],
)
def test_that_day_begins_on_the_called_partys_own_clock(
    dialled: str, moment: str, clock: str, needs_consent: bool
) -> None:
    assert ("prior-consent" in against(dialled, at(moment, clock), consent=None)) is needs_consent


def test_an_autumn_weekend_ends_at_ten_on_the_wall() -> None:
    found = findings(FRENCH, at("2026-10-23 20:00", PARIS))
    assert found["hours"].retry_at == at("2026-10-26 10:00", PARIS)


def test_the_call_at_midnight_of_that_day_is_already_under_the_new_law() -> None:
    found = findings(FRENCH, at("2026-08-11 00:00", PARIS), consent=None)
    assert "2025-594" in found["prior-consent"].source
    assert "fr-bloctel" not in found


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-28 19:59", ["hours"]),
        ("2026-11-28 20:00", []),  # the Saturday evening for which the person asked
        ("2026-11-28 20:14", []),
        ("2026-11-28 20:15", ["hours"]),
    ],
)
def test_an_appointment_lifts_the_slots_for_its_moment(moment: str, speaks_against: list[str]) -> None:
    consent = Consent(at("2026-11-20 12:00", PARIS), appointment=at("2026-11-28 20:00", PARIS))
    assert against(FRENCH, at(moment, PARIS), consent=consent) == speaks_against


@pytest.mark.parametrize(
    ("given", "speaks_against"),
    [
        ("2025-11-28 20:10", []),
        ("2025-11-28 20:05", ["hours", "consent-age"]),  # a year and a moment ago
        ("2026-11-28 20:05", []),
        ("2026-11-28 20:06", ["hours", "prior-consent"]),
    ],
)
def test_an_appointment_lifts_nothing_without_a_consent_that_counts(given: str, speaks_against: list[str]) -> None:
    consent = Consent(at(given, PARIS), appointment=at("2026-11-28 20:00", PARIS))
    assert against(FRENCH, at("2026-11-28 20:05", PARIS), consent=consent) == speaks_against


@pytest.mark.parametrize(
    ("relation", "ago", "sector", "speaks_against"),
    [
        (None, 0, Sector.OTHER, ["prior-consent"]),
        (Relation.CONTRACT, 900, Sector.OTHER, []),
        (Relation.CUSTOMER, 1, Sector.OTHER, ["prior-consent"]),
        (None, 0, Sector.PRESS, []),
        (Relation.ENQUIRY, 6, Sector.OTHER, []),  # Wednesday to Tuesday: five working days, with the Saturday
        (Relation.ENQUIRY, 7, Sector.OTHER, ["prior-consent"]),
        (Relation.ENQUIRY, -1, Sector.OTHER, ["prior-consent"]),
        (Relation.CONTRACT, 900, Sector.ENERGY_RENOVATION, []),
        (None, 0, Sector.HOUSING_ADAPTATION, ["energy-renovation", "prior-consent"]),
        (Relation.CONTRACT, 900, Sector.TRAINING_ACCOUNTS, ["training-accounts"]),
        (Relation.CONTRACT, 900, None, ["energy-renovation", "training-accounts"]),
    ],
)
def test_without_consent_only_what_the_code_excepts(
    relation: Relation | None, ago: int, sector: Sector | None, speaks_against: list[str]
) -> None:
    relations = {relation: NOON - timedelta(days=ago)} if relation else {}
    assert against(FRENCH, NOON, consent=None, relations=relations, sector=sector) == speaks_against


def test_energy_renovation_is_banned_whatever_the_person_consented_to() -> None:
    assert against(FRENCH, NOON, sector=Sector.ENERGY_RENOVATION) == ["energy-renovation"]


@pytest.mark.parametrize(("days", "speaks_against"), [(364, []), (365, ["consent-age"])])
def test_a_consent_serves_a_year(days: int, speaks_against: list[str]) -> None:
    assert against(FRENCH, NOON, consent=Consent(NOON - timedelta(days=days))) == speaks_against


@pytest.mark.parametrize(
    ("days_ago", "speaks_against"),
    [
        ([0, 0, 0], []),
        ([0, 0, 0, 0], ["contact-cap"]),
        ([29, 29, 29, 29], ["contact-cap"]),
        ([30, 29, 29, 29], []),
        ([30, 30, 30, 30, 30], []),
    ],
)
def test_four_attempts_in_thirty_calendar_days(days_ago: list[int], speaks_against: list[str]) -> None:
    attempts = tuple(at("2026-11-24 00:01", PARIS) - timedelta(days=days) for days in days_ago)
    assert against(FRENCH, NOON, contacts=Contacts(attempts)) == speaks_against


def test_of_more_attempts_than_four_as_many_have_to_be_forgotten_as_leave_three() -> None:
    attempts = tuple(at(f"2026-11-{day:02} 11:00", PARIS) for day in (1, 3, 5, 7, 9))
    assert findings(FRENCH, NOON, contacts=Contacts(attempts))["contact-cap"].retry_at == at("2026-12-03 00:00", PARIS)


@pytest.mark.parametrize(
    ("moment", "refused", "consented", "speaks_against"),
    [
        ("2026-08-10 12:00", "2026-06-11 19:00", None, ["after-refusal"]),  # the 60th day
        ("2026-08-10 12:00", "2026-06-10 19:00", None, []),
        ("2026-11-24 12:00", "2026-06-10 19:00", "2026-06-01 12:00", ["after-refusal"]),
        ("2026-11-24 12:00", "2026-06-10 19:00", "2026-06-11 12:00", []),
    ],
)
def test_a_refusal_held_sixty_days_and_now_holds_until_the_person_consents_again(
    moment: str, refused: str, consented: str | None, speaks_against: list[str]
) -> None:
    contacts = Contacts(last_refusal=at(refused, PARIS))
    consent = Consent(at(consented, PARIS)) if consented else None
    assert against(FRENCH, at(moment, PARIS), contacts=contacts, consent=consent) == speaks_against


@pytest.mark.parametrize(
    ("number", "owner", "automated", "speaks_against"),
    [
        ("+33162000000", Owner.PRINCIPAL, True, []),
        ("+33162000000", Owner.CENTRE, True, ["caller-id"]),  # L221-17: the professional's own
        ("+33162000000", None, True, ["caller-id"]),
        ("+33612345678", Owner.PRINCIPAL, True, ["caller-id-automated", "caller-id-blocks"]),
        ("+33712345678", Owner.PRINCIPAL, True, ["caller-id-automated", "caller-id-blocks"]),
        ("+590690001234", Owner.PRINCIPAL, True, ["caller-id-automated", "caller-id-blocks"]),  # 06 in Guadeloupe
        ("+262692123456", Owner.PRINCIPAL, True, ["caller-id-automated", "caller-id-blocks"]),  # 06 in Réunion
        ("+33612345678", Owner.PRINCIPAL, False, []),
        ("+33949000000", Owner.PRINCIPAL, True, []),
        ("+590947512345", Owner.PRINCIPAL, True, []),  # 09475: the block of Guadeloupe
        ("+33199001234", Owner.PRINCIPAL, True, ["caller-id-blocks"]),
        ("+33199001234", Owner.PRINCIPAL, False, []),
        ("+33937000000", Owner.PRINCIPAL, True, ["caller-id-blocks", "caller-id-platforms"]),
        ("+33937000000", Owner.PRINCIPAL, False, ["caller-id-platforms"]),  # of deliveries, not of telemarketing
        ("+262939912345", Owner.PRINCIPAL, False, ["caller-id-platforms"]),
    ],
)
def test_the_number_shown_is_the_principals_and_of_no_mobile_where_a_machine_dials(
    number: str, owner: Owner | None, automated: bool, speaks_against: list[str]
) -> None:
    shown = CallerId(number, "fixed", owner)
    assert against(FRENCH, NOON, caller_id=shown, automated=automated) == speaks_against


@pytest.mark.parametrize("rule", ["caller-id-blocks", "caller-id-platforms"])
def test_which_numbers_telemarketing_may_show_is_the_operators_to_decide(rule: str) -> None:
    assert findings(FRENCH, NOON)[rule].status is Status.NONE_FOUND


def test_businesses_are_outside_the_consumer_code_but_callgates_own_hours_hold() -> None:
    found = findings(FRENCH, at("2026-11-24 20:30", PARIS), callee=Callee.COMPANY, consent=None)
    assert [name for name, finding in found.items() if not finding.passed] == ["hours-business"]
    assert found["hours-business"].status is Status.NONE_FOUND
    assert "energy-renovation" not in found


@pytest.mark.parametrize(
    ("dialled", "moment_in_paris", "speaks_against"),
    [
        (OVERSEAS, "2026-11-24 12:00", ["hours"]),  # 07:00 in Guadeloupe
        (OVERSEAS, "2026-11-24 15:00", []),  # 10:00
        (OVERSEAS, "2026-11-24 22:00", []),  # 17:00
        (OVERSEAS, "2026-09-01 15:59", ["hours"]),  # Guadeloupe knows no summer time: 09:59
        (OVERSEAS, "2026-09-01 16:00", []),
        (MARTINIQUE, "2026-11-24 14:59", ["hours"]),  # 09:59
        (MARTINIQUE, "2026-11-24 15:00", []),
        (GUYANE, "2026-11-24 13:59", ["hours"]),  # 09:59 in Cayenne
        (GUYANE, "2026-11-24 14:00", []),
        (MIQUELON, "2026-11-24 13:59", ["hours"]),  # 09:59 in Saint-Pierre
        (MIQUELON, "2026-11-24 14:00", []),
        (MAYOTTE, "2026-11-24 10:59", []),  # 12:59 on Mayotte
        (MAYOTTE, "2026-11-24 11:00", ["hours"]),
        (REUNION, "2026-11-24 10:30", ["hours"]),  # 13:30 in Réunion
        (REUNION, "2026-11-24 17:30", ["hours"]),  # 20:30
        (REUNION, "2026-11-24 16:30", []),  # 19:30
        (REUNION_MOBILE, "2026-11-24 16:30", []),  # 18:30 on Mayotte, 19:30 in Réunion: open on both
        (REUNION_MOBILE, "2026-11-24 17:30", ["hours"]),  # 19:30 on Mayotte, 20:30 in Réunion
        (OVERSEAS, "2027-05-27 16:00", ["days-off"]),  # the abolition of slavery in Guadeloupe
        (FRENCH, "2027-05-27 16:00", []),
    ],
)
def test_overseas_france_is_under_the_same_law_on_its_own_clocks_and_holidays(
    dialled: str, moment_in_paris: str, speaks_against: list[str]
) -> None:
    assert against(dialled, at(moment_in_paris, PARIS)) == speaks_against
