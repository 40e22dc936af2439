"""Which days are public holidays, as sets of dates that are computed once."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache

import holidays

from callgate.core.law.terms import DaysOff, MonthDay

ALL = "*"
_SUNDAY = 6
_LANGUAGE = "en_US"


def is_off(terms: DaysOff, region: str, day: date) -> bool:
    """Whether `day` is a day off in `region` (ISO 3166), by these terms."""
    if not terms.block:
        return False
    if day in holidays_of(terms, region, day.year) or day in terms.dates:
        return True
    return bool(terms.also) and MonthDay(day.month, day.day) in terms.also


def holidays_of(terms: DaysOff, region: str, year: int) -> Mapping[date, str]:
    """The public holidays of a year that these terms are about → what each is called, in English."""
    if not terms.regions:
        return national(region, year) if terms.national else {}
    return _of_parts(region, terms.regions, year, terms.national)


def has_holidays(region: str) -> bool:
    """Whether the holidays of a region (ISO 3166) are known."""
    return region in holidays.list_supported_countries(include_aliases=False)


def prepare(regions: Iterable[str], year: int) -> None:
    """Compute the holidays of these regions: the first of a process takes a third of a second."""
    for region in regions:
        if has_holidays(region):
            national(region, year)


@cache
def national(region: str, year: int) -> Mapping[date, str]:
    """The public holidays of a year that all of `region` has."""
    return dict(holidays.country_holidays(region, years=year, language=_LANGUAGE))


@cache
def _of_parts(region: str, parts: tuple[str, ...], year: int, with_national: bool) -> Mapping[date, str]:
    everywhere = national(region, year)
    found = dict(everywhere) if with_national else {}
    known = holidays.country_holidays(region).subdivisions
    for part in known if ALL in parts else (part for part in parts if part in known):
        for day, name in holidays.country_holidays(region, subdiv=part, years=year, language=_LANGUAGE).items():
            if day not in everywhere:
                found.setdefault(day, name)
    return found


def working_days_after(start: date, days: int, region: str) -> date:
    """The last of `days` working days after `start`. Saturdays count: that keeps a period which spares calls short."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() != _SUNDAY and day not in national(region, day.year)
    return day
