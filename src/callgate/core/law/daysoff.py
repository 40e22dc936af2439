"""Which days are public holidays, as sets of dates that are computed once."""

from datetime import date, timedelta
from functools import cache

import holidays

from callgate.core.law.terms import DaysOff, MonthDay

ALL = "*"
_SUNDAY = 6


def is_off(terms: DaysOff, region: str, day: date) -> bool:
    """Whether `day` is a day off in `region` (ISO 3166), by these terms."""
    if not terms.block:
        return False
    if day in public(region, terms.regions, day.year) or day in terms.dates:
        return True
    return bool(terms.also) and MonthDay(day.month, day.day) in terms.also


def name(region: str, parts: tuple[str, ...], day: date) -> str:
    """What the holiday is called, in English; "" for a day that is the operator's own."""
    return public(region, parts, day.year).get(day, "")


@cache
def public(region: str, parts: tuple[str, ...], year: int) -> dict[date, str]:
    """The public holidays of a year, nationwide and in those of `parts` that the region has."""
    calendar = holidays.country_holidays(region, years=year, language="en_US")
    wanted = calendar.subdivisions if ALL in parts else tuple(p for p in parts if p in calendar.subdivisions)
    found = {day: str(label) for day, label in calendar.items()}
    for part in wanted:
        for day, label in holidays.country_holidays(region, subdiv=part, years=year, language="en_US").items():
            found.setdefault(day, str(label))
    return found


def working_days_after(start: date, days: int, region: str) -> date:
    """The last of `days` working days after `start`. Saturdays count: that keeps a period which spares calls short."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() != _SUNDAY and day not in public(region, (), day.year)
    return day
