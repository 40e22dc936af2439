"""The United States: eight to nine on the clock of the area code, the registry within 31 days, consent for machines."""

from datetime import timedelta

import pytest

from callgate.core.law import Contacts, Listing, Share, Status
from tests.core.law.calls import HAWAII, NEW_YORK, against, at, findings

EASTERN = "America/New_York"
NOON = at("2026-11-24 12:00", EASTERN)
FLORIDA_PANHANDLE = "+18505550123"  # in both Eastern and Central time
TOLL_FREE = "+18005550123"
PHOENIX = "+16025550123"


@pytest.mark.parametrize(
    ("dialled", "moment", "speaks_against"),
    [
        (NEW_YORK, "2026-11-24 07:59", ["hours"]),
        (NEW_YORK, "2026-11-24 08:00", []),
        (NEW_YORK, "2026-11-24 20:59", []),
        (NEW_YORK, "2026-11-24 21:00", ["hours"]),
        (NEW_YORK, "2026-11-29 12:00", []),  # a Sunday
        (NEW_YORK, "2026-11-26 12:00", ["days-off"]),  # Thanksgiving: callgate's default
        (HAWAII, "2026-11-24 12:59", ["hours"]),
        (HAWAII, "2026-11-24 13:00", []),  # eight in Honolulu
        (HAWAII, "2026-11-25 01:59", []),
        (FLORIDA_PANHANDLE, "2026-11-24 08:59", ["hours"]),  # seven in Pensacola
        (FLORIDA_PANHANDLE, "2026-11-24 09:00", []),
        (FLORIDA_PANHANDLE, "2026-11-24 21:00", ["hours"]),  # nine in Tallahassee
        (TOLL_FREE, "2026-11-24 12:59", ["hours"]),  # could be anywhere, Honolulu included
        (TOLL_FREE, "2026-11-24 13:00", []),
        (NEW_YORK, "2026-10-31 08:00", []),
        (NEW_YORK, "2026-11-01 07:59", ["hours"]),  # the clock was put back in the night
        (NEW_YORK, "2026-11-01 08:00", []),
        (NEW_YORK, "2027-03-14 07:59", ["hours"]),  # and forward
        (NEW_YORK, "2027-03-14 08:00", []),
        (PHOENIX, "2026-07-01 10:59", ["hours"]),  # Arizona knows no summer time: three hours behind
        (PHOENIX, "2026-07-01 11:00", []),
        (PHOENIX, "2026-11-24 09:59", ["hours"]),  # and two in winter
        (PHOENIX, "2026-11-24 10:00", []),
    ],
)
def test_eight_to_nine_where_the_person_may_be(dialled: str, moment: str, speaks_against: list[str]) -> None:
    assert against(dialled, at(moment, EASTERN), consent=None) == speaks_against


@pytest.mark.parametrize(
    ("age", "listed", "speaks_against"),
    [
        (timedelta(days=31), False, []),
        (timedelta(days=31, seconds=1), False, ["us-dnc"]),
        (timedelta(), True, ["us-dnc"]),
    ],
)
def test_the_registry_serves_31_days(age: timedelta, listed: bool, speaks_against: list[str]) -> None:
    assert against(NEW_YORK, NOON, consent=None, lists={"us-dnc": Listing(NOON - age, listed)}) == speaks_against


def test_a_consent_outweighs_the_registry() -> None:
    assert against(NEW_YORK, NOON, lists={"us-dnc": Listing(NOON, True)}) == []


def test_what_a_machine_dials_needs_consent() -> None:
    assert against(NEW_YORK, NOON, automated=True) == []
    assert against(NEW_YORK, NOON, automated=True, consent=None) == ["prior-consent-automated"]
    assert against(NEW_YORK, NOON, automated=False, consent=None) == []


@pytest.mark.parametrize(("abandoned", "speaks_against"), [(3, []), (4, ["abandoned-calls"])])
def test_three_of_a_hundred_over_thirty_days(abandoned: int, speaks_against: list[str]) -> None:
    known = {"agent_waiting": False, "abandoned": {30: Share(abandoned, 100)}}
    assert against(NEW_YORK, NOON, **known) == speaks_against


def test_the_territories_have_no_pack() -> None:
    found = findings("+17875550123", NOON)
    assert not found["pack"].passed
    assert "PR" in found["pack"].saw


@pytest.mark.parametrize(
    ("attempts", "speaks_against"),
    [
        (["2026-11-23 20:00", "2026-11-23 20:30"], []),
        (["2026-11-23 19:00", "2026-11-23 20:00", "2026-11-23 20:30"], ["contact-cap"]),  # within 24 hours
        (["2026-11-23 20:30", "2026-11-24 09:00", "2026-11-24 10:00"], ["contact-cap"]),
        (["2026-11-22 20:00", "2026-11-22 20:30", "2026-11-22 20:45"], []),
    ],
)
def test_three_attempts_in_any_24_hours_as_in_florida_until_the_operator_decides(
    attempts: list[str], speaks_against: list[str]
) -> None:
    contacts = Contacts(tuple(at(moment, EASTERN) for moment in attempts))
    assert against(NEW_YORK, NOON, consent=None, contacts=contacts) == speaks_against
    assert findings(NEW_YORK, NOON)["contact-cap"].status is Status.NONE_FOUND
