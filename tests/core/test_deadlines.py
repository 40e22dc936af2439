"""By when a request must be answered: month ends, holidays, 30 days, one extension."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.deadlines import CannotExtend, deadline, extend, months_after, notify_by
from callgate.core.law.daysoff import national

BELGIAN = {day for year in (2026, 2027, 2028) for day in national("BE", year)}


@pytest.mark.parametrize(
    ("received", "month_ends"),
    [
        (date(2026, 11, 2), date(2026, 12, 2)),
        (date(2026, 8, 31), date(2026, 9, 30)),  # no 31 September
        (date(2027, 1, 29), date(2027, 3, 1)),  # 28 February is a Sunday
        (date(2028, 1, 31), date(2028, 2, 29)),  # a leap year
        (date(2026, 11, 25), date(2026, 12, 28)),  # Christmas is a Friday
        (date(2026, 12, 1), date(2027, 1, 4)),  # New Year's Day is a Friday
        (date(2026, 10, 11), date(2026, 11, 12)),  # Armistice Day
        (date(2026, 12, 31), date(2027, 2, 1)),  # 31 January is a Sunday
    ],
)
def test_a_month_ends_on_the_same_date_or_the_next_working_day(received: date, month_ends: date) -> None:
    assert months_after(received, 1, BELGIAN) == month_ends


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 11, 2), date(2026, 12, 2)),  # both
        (date(2026, 10, 5), date(2026, 11, 4)),  # 30 days: the month would be a day more
        (date(2026, 11, 25), date(2026, 12, 25)),  # 30 days, which wait for no holiday to end
        (date(2027, 2, 1), date(2027, 3, 1)),  # the month of 28 days
        (date(2027, 1, 31), date(2027, 3, 1)),  # 28 February is a Sunday; 30 days would be 2 March
    ],
)
def test_a_request_is_due_at_the_earlier_of_a_month_and_thirty_days(received: date, due: date) -> None:
    assert deadline(received, BELGIAN).due == due


def test_two_further_months_if_announced_within_the_first() -> None:
    asked = deadline(date(2026, 11, 2), BELGIAN)
    extended = extend(asked, date(2026, 12, 2), BELGIAN)
    assert (extended.due, extended.announced) == (date(2027, 2, 2), date(2026, 12, 2))


@pytest.mark.parametrize("announced", [date(2026, 11, 1), date(2026, 12, 3)])
def test_an_extension_is_announced_in_time_or_not_at_all(announced: date) -> None:
    with pytest.raises(CannotExtend, match="between 2026-11-02 and 2026-12-02"):
        extend(deadline(date(2026, 11, 2), BELGIAN), announced, BELGIAN)


def test_there_is_one_extension() -> None:
    extended = extend(deadline(date(2026, 11, 2), BELGIAN), date(2026, 11, 20), BELGIAN)
    with pytest.raises(CannotExtend, match="already extended on 2026-11-20"):
        extend(extended, date(2026, 11, 21), BELGIAN)


@given(st.dates(date(2026, 1, 1), date(2028, 9, 1)))
def test_a_deadline_is_never_later_than_thirty_days_and_an_extension_never_earlier(received: date) -> None:
    asked = deadline(received, BELGIAN)
    assert received + timedelta(days=28) <= asked.due <= received + timedelta(days=30)
    extended = extend(asked, received, BELGIAN)
    assert extended.due >= received + timedelta(days=89)
    assert extended.due.weekday() < 5
    assert extended.due not in BELGIAN


def test_a_breach_is_notified_within_72_hours_over_weekends_and_changes_of_the_clock() -> None:
    friday = datetime(2026, 10, 23, 17, 30, tzinfo=ZoneInfo("Europe/Brussels"))
    assert notify_by(friday).astimezone(UTC) == datetime(2026, 10, 26, 15, 30, tzinfo=UTC)
