"""Public holidays, those of parts of a country, and working days."""

from datetime import date

import pytest

from callgate.core.law.daysoff import holidays_of, is_off, national, prepare, working_days_after
from callgate.core.law.terms import DaysOff


@pytest.mark.parametrize(
    ("region", "terms", "day", "off"),
    [
        ("FR", DaysOff(True), date(2026, 7, 14), True),
        ("FR", DaysOff(False), date(2026, 7, 14), False),
        ("FR", DaysOff(True), date(2026, 12, 26), False),
        ("FR", DaysOff(True, regions=("57", "6AE")), date(2026, 12, 26), True),
        ("FR", DaysOff(True, regions=("57", "6AE"), national=False), date(2026, 7, 14), False),
        ("RE", DaysOff(True, regions=("57", "6AE")), date(2026, 12, 26), False),
        ("RE", DaysOff(True), date(2026, 12, 20), True),
        ("DE", DaysOff(True), date(2026, 6, 4), False),
        ("DE", DaysOff(True, regions=("BY",)), date(2026, 6, 4), True),
        ("DE", DaysOff(True, regions=("BE",)), date(2026, 6, 4), False),
        ("DE", DaysOff(True, regions=("*",)), date(2026, 6, 4), True),
        ("DE", DaysOff(True, dates=frozenset({date(2026, 6, 5)})), date(2026, 6, 5), True),
    ],
)
def test_a_day_is_off(region: str, terms: DaysOff, day: date, off: bool) -> None:
    assert is_off(terms, region, day) is off


def test_holidays_have_english_names() -> None:
    assert "All Saints" in holidays_of(DaysOff(True), "FR", 2026)[date(2026, 11, 1)]
    assert holidays_of(DaysOff(True, regions=("*",)), "ES", 2026)[date(2026, 9, 24)]


@pytest.mark.parametrize(
    ("start", "last"),
    [
        (date(2026, 11, 16), date(2026, 11, 21)),  # Monday to Saturday
        (date(2026, 11, 18), date(2026, 11, 24)),  # over a Sunday
        (date(2026, 12, 23), date(2026, 12, 30)),  # over Christmas and a Sunday
    ],
)
def test_five_working_days_count_saturdays_and_no_holidays(start: date, last: date) -> None:
    assert working_days_after(start, 5, "FR") == last


def test_what_was_prepared_is_not_computed_while_somebody_waits() -> None:
    national.cache_clear()
    prepare(["FR", "nowhere"], 2026)
    computed = national.cache_info().misses
    assert date(2026, 7, 14) in national("FR", 2026)
    assert national.cache_info().misses == computed == 1
