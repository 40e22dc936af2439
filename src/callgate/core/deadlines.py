"""By when a request of a person must be answered (GDPR Art. 12(3)), and a breach be notified (Art. 33(1)).

The law gives one month from receipt, and two further months where the request is complex, if the person is told within
the first. Periods are counted as Regulation (EEC, Euratom) 1182/71 says: the day of receipt does not count (Art. 3(1));
a period in months ends on the same date, or on the last day of a month that has no such date (Art. 3(2)(c)); one whose
last day is a holiday, a Saturday or a Sunday ends with the next working day (Art. 3(4)).

callgate promises the earlier of that and 30 days, which roll to no later day. The 72 hours of Art. 33(1) are counted
from the moment itself, and over weekends and holidays: that is never later than any reading of Regulation 1182/71.
"""

import calendar
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from callgate.core.refusals import Refusal, Refused

PROMISED = timedelta(days=30)
"""What the French authority gave in SAN-2019-010, whatever the length of the month."""

FIRST, FURTHER = 1, 2
"""Months to answer, and months by which that may be extended once."""

NOTIFIED_WITHIN = timedelta(hours=72)
"""From when a controller is aware of a breach until the authority must know (GDPR Art. 33(1))."""

_SATURDAY = 5


class CannotExtend(Refused, ValueError):
    """The time cannot be extended; the message says why."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A request's dates: the day of receipt, the last day to answer, the day on which an extension was announced."""

    received: date
    due: date
    announced: date | None = None


def deadline(received: date, holidays: Container[date]) -> Deadline:
    """The last day to answer a request that came on `received`. `holidays` are those of the controller's country."""
    return Deadline(received, min(received + PROMISED, months_after(received, FIRST, holidays)))


def extend(given: Deadline, announced: date, holidays: Container[date]) -> Deadline:
    """Two further months, once, where the person was told why on `announced`. Raises `CannotExtend`."""
    if given.announced is not None:
        raise CannotExtend(Refusal.EXTENDED_ALREADY, day=given.announced)
    if not given.received <= announced <= given.due:
        raise CannotExtend(Refusal.EXTENDED_TOO_LATE, received=given.received, due=given.due, day=announced)
    return replace(given, due=months_after(given.received, FIRST + FURTHER, holidays), announced=announced)


def notify_by(aware: datetime) -> datetime:
    """The last moment to notify a breach of which a controller became `aware`, an aware time; in the same zone."""
    # In UTC, since an hour may be put in or left out meanwhile.
    return (aware.astimezone(UTC) + NOTIFIED_WITHIN).astimezone(aware.tzinfo)


def months_after(day: date, months: int, holidays: Container[date]) -> date:
    """The last day of a period of `months` months that an event on `day` began (Regulation 1182/71 Art. 3)."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    end = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    while end.weekday() >= _SATURDAY or end in holidays:
        end += timedelta(days=1)
    return end
