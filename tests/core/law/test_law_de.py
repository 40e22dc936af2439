"""Germany: express consent of consumers, presumed consent of others, the trade's code for hours and attempts."""

from datetime import timedelta

import pytest

from callgate.core.law import Callee, CallerId, Contacts, Origin, Status
from callgate.core.law.terms import Owner, Relation
from tests.core.law.calls import GERMAN, against, at, findings

BERLIN = "Europe/Berlin"
NOON = at("2026-11-24 12:00", BERLIN)


@pytest.mark.parametrize(
    ("moment", "speaks_against"),
    [
        ("2026-11-24 07:59", ["hours"]),
        ("2026-11-24 08:00", []),
        ("2026-11-24 20:00", ["hours"]),
        ("2026-11-28 09:00", []),  # a Saturday
        ("2026-11-28 18:00", ["hours"]),
        ("2026-11-29 12:00", ["hours"]),  # a Sunday
        ("2026-10-03 12:00", ["days-off"]),  # German Unity
        ("2027-01-06 12:00", ["days-off"]),  # Epiphany, in three Länder: the number does not tell which
        ("2026-11-18 12:00", ["days-off"]),  # the day of repentance, in Saxony
    ],
)
def test_the_trades_code_sets_the_hours(moment: str, speaks_against: list[str]) -> None:
    found = findings(GERMAN, at(moment, BERLIN))
    assert [name for name, finding in found.items() if not finding.passed] == speaks_against
    assert found["hours"].status is Status.CODE


@pytest.mark.parametrize(
    ("callee", "relation", "speaks_against"),
    [
        (Callee.CONSUMER, None, ["prior-consent"]),
        (Callee.CONSUMER, Relation.CUSTOMER, ["prior-consent"]),
        (None, Relation.CUSTOMER, ["prior-consent"]),
        (Callee.TRADER, None, ["prior-consent-business"]),
        (Callee.TRADER, Relation.CUSTOMER, ["prior-consent-business"]),
        (Callee.COMPANY, Relation.ENQUIRY, ["prior-consent-business"]),
        (Callee.TRADER, Relation.INTEREST, []),
        (Callee.COMPANY, Relation.INTEREST, []),
    ],
)
def test_consent_is_express_of_consumers_and_presumed_of_others_only_for_a_reason(
    callee: Callee | None, relation: Relation | None, speaks_against: list[str]
) -> None:
    relations = {relation: NOON - timedelta(days=10)} if relation else {}
    assert against(GERMAN, NOON, consent=None, callee=callee, relations=relations) == speaks_against


@pytest.mark.parametrize(
    ("hours_ago", "of_campaign", "speaks_against"),
    [
        ([1, 2], 0, []),
        ([1, 2, 3], 0, ["contact-cap-day"]),
        ([13, 14, 15], 0, []),  # yesterday
        ([day * 24 for day in range(1, 7) for _ in range(3)][:14], 0, []),
        ([day * 24 for day in range(1, 7) for _ in range(3)][:15], 0, ["contact-cap-week"]),
        ([], 29, []),
        ([], 30, ["contact-cap-campaign"]),
    ],
)
def test_three_attempts_a_day_fifteen_a_week_thirty_a_campaign(
    hours_ago: list[int], of_campaign: int, speaks_against: list[str]
) -> None:
    attempts = tuple(NOON - timedelta(hours=hours) for hours in hours_ago)
    contacts = Contacts(attempts, (NOON - timedelta(days=40),) * of_campaign)
    assert against(GERMAN, NOON, contacts=contacts) == speaks_against


@pytest.mark.parametrize(
    ("kind", "owner", "speaks_against"),
    [
        ("fixed", Owner.CENTRE, []),
        ("fixed", Owner.PRINCIPAL, ["caller-id-owner"]),
        ("fixed", None, ["caller-id", "caller-id-owner"]),
        ("premium", Owner.CENTRE, ["caller-id"]),
    ],
)
def test_the_number_shown_is_the_callers_own(kind: str, owner: Owner | None, speaks_against: list[str]) -> None:
    assert against(GERMAN, NOON, caller_id=CallerId("+493012345", kind, owner)) == speaks_against


def test_whether_the_principals_number_may_be_lent_is_the_operators_to_decide() -> None:
    found = findings(GERMAN, NOON)["caller-id-owner"]
    assert (found.status, found.origin) == (Status.NONE_FOUND, Origin.PACK)
