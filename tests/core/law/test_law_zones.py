"""Which clocks may be the called party's."""

import pytest

from callgate.core import phone
from callgate.core.law import zones
from tests.core.law.calls import PACKS


def keys(dialled: str) -> set[str]:
    number = phone.parse(dialled, "BE")
    return {clock.key for clock in zones(number, PACKS[number.country].zones[number.country])}


@pytest.mark.parametrize(
    ("dialled", "clocks"),
    [
        ("+34912345678", {"Europe/Madrid"}),
        ("+34922123456", {"Atlantic/Canary"}),
        ("+34828123456", {"Atlantic/Canary"}),
        ("+34612345678", {"Europe/Madrid", "Atlantic/Canary"}),  # a mobile does not tell
        ("+34900123456", {"Europe/Madrid", "Atlantic/Canary"}),  # nor does a toll-free number
        ("+33612345678", {"Europe/Paris"}),
        ("+590690123456", {"America/Guadeloupe"}),
        ("+262262123456", {"Indian/Reunion"}),
        ("+262269601234", {"Indian/Mayotte"}),
        ("+262692123456", {"Indian/Reunion", "Indian/Mayotte"}),
        ("+353851234567", {"Europe/Dublin"}),
        ("+393312345678", {"Europe/Rome"}),
        ("+12125550123", {"America/New_York"}),
        ("+18085550123", {"Pacific/Honolulu"}),
        ("+14805550123", {"America/Phoenix"}),
        ("+18505550123", {"America/New_York", "America/Chicago"}),  # Florida's panhandle
        ("+14485550123", {"America/New_York", "America/Chicago"}),  # the code laid over it
        ("+15415550123", {"America/Los_Angeles", "America/Denver"}),
        ("+18125550123", {"America/New_York", "America/Chicago"}),
    ],
)
def test_a_number_tells_its_clock_or_all_of_its_region_count(dialled: str, clocks: set[str]) -> None:
    assert keys(dialled) == clocks


def test_a_toll_free_number_of_the_united_states_could_be_anywhere() -> None:
    assert keys("+18005550123") == {clock.key for clock in PACKS["US"].zones["US"]}
