"""When may this person be called: hours and days off together, on every clock that may be theirs.

A moment is open when each rule about hours and days off that is in force on the local date lets it pass, on each of
the clocks. Rules are about the wall clock, so that a window which falls into the hour that a spring night skips is that
much shorter, and one in the hour that an autumn night repeats comes twice.

The open moments are spans that begin at few kinds of places: a window's start, a midnight, the jump of a clock, the
start of what lifts a rule. So the next open moment is the first of these places that is open.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from callgate.core.law import daysoff
from callgate.core.law.rule import Rule
from callgate.core.law.terms import DaysOff, Hours, MonthDay, Terms, Windows, YieldsTo

HORIZON = 366
"""Days after which a next open moment is no longer looked for."""

APPOINTMENT = timedelta(minutes=15)
"""How long after the precise moment that a person asked for a call still keeps the appointment: callgate's reading."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


Moment = tuple[datetime, ...]
"""One moment on each of the clocks that may be the called party's."""


def on(clocks: tuple[tzinfo, ...], at: datetime) -> Moment:
    """A moment on each of the clocks."""
    return tuple(at.astimezone(clock) for clock in clocks)


class Span(NamedTuple):
    """From `start` to before `end`."""

    start: datetime
    end: datetime

    def includes(self, at: datetime) -> bool:
        """Whether a moment is in the span."""
        return self.start <= at < self.end


class Opening(NamedTuple):
    """The rules about hours and days off that bind a call into `region`, the clocks, and what lifts rules, and when."""

    rules: tuple[Rule, ...]
    clocks: tuple[tzinfo, ...]
    region: str
    lifts: Mapping[YieldsTo, Span]

    def closed(self, rule: Rule, moment: Moment) -> str:
        """Why `rule` does not let a call pass at a moment: what a clock shows where it is closed; "" where it does."""
        for local in moment:
            if rule.in_force(local.date()) and (says := self._says(rule.terms, local)):
                return f"{says} ({shown(local)})"
        return ""

    def _says(self, terms: Terms, local: datetime) -> str:
        if isinstance(terms, Hours):
            says = self._out_of_hours(terms, local)
        elif isinstance(terms, DaysOff):
            says = self._off(terms, local.date())
        else:
            return ""
        return "" if says and self._lifted(terms.yields_to, local) else says

    def is_open(self, at: datetime) -> bool:
        """Whether every rule lets a call pass at a moment."""
        moment = on(self.clocks, at)
        return not any(self.closed(rule, moment) for rule in self.rules)

    def next_open(self, after: datetime) -> datetime | None:
        """The first open moment after one that is closed, in UTC; None where there is none within `HORIZON` days."""
        return next((edge for edge in self._edges(after.astimezone(UTC)) if self.is_open(edge)), None)

    def windows(self, terms: Hours, day: date) -> Windows:
        """What a rule about hours leaves of a day."""
        windows = terms.week[day.weekday()]
        if terms.days and (cut := terms.days.get(MonthDay(day.month, day.day))) is not None:
            windows = common(windows, cut)
        if terms.eves is not None and self._is_off(day + _DAY):
            windows = common(windows, terms.eves)
        return windows

    def _is_off(self, day: date) -> bool:
        return any(
            isinstance(rule.terms, DaysOff) and rule.in_force(day) and daysoff.is_off(rule.terms, self.region, day)
            for rule in self.rules
        )

    def _off(self, terms: DaysOff, day: date) -> str:
        if not daysoff.is_off(terms, self.region, day):
            return ""
        return f"{day} is {daysoff.holidays_of(terms, self.region, day.year).get(day, 'a day off')}"

    def _out_of_hours(self, terms: Hours, local: datetime) -> str:
        day = local.date()
        minute = local.hour * 60 + local.minute
        windows = self.windows(terms, day)
        for start, end in windows:
            if start <= minute < end:
                return ""
        return f"{day} allows {', '.join(map(str, windows)) or 'no calls'}"

    def _lifted(self, yields_to: YieldsTo, at: datetime) -> bool:
        if yields_to is YieldsTo.CONSENT:
            return any(span.includes(at) for span in self.lifts.values())
        return yields_to in self.lifts and self.lifts[yields_to].includes(at)

    def _edges(self, after: datetime) -> Iterator[datetime]:
        """In order, everywhere after a moment where an open span may begin."""
        midnight = datetime.combine(after.date(), time(), UTC)
        for _ in range(HORIZON):
            edges = {span.start.astimezone(UTC) for span in self.lifts.values()}
            for clock in self.clocks:
                first, last = (moment.astimezone(clock).date() for moment in (midnight, midnight + _DAY))
                for day in {first, last}:
                    edges |= self._edges_of(clock, day)
            yield from sorted(edge for edge in edges if midnight <= edge < midnight + _DAY and edge > after)
            midnight += _DAY

    def _edges_of(self, clock: tzinfo, day: date) -> set[datetime]:
        starts = {0} | {
            start
            for rule in self.rules
            if isinstance(rule.terms, Hours) and rule.in_force(day)
            for start, _ in self.windows(rule.terms, day)
        }
        edges = {
            datetime.combine(day, time(start // 60, start % 60, fold=fold), clock).astimezone(UTC)
            for start in starts
            for fold in (0, 1)
        }
        jump = _jump(clock, day)
        return edges | {jump} if jump else edges


def shown(local: datetime) -> str:
    """`Tue 20:30 in Europe/Paris`."""
    return f"{WEEKDAYS[local.weekday()]} {local.hour:02}:{local.minute:02} in {local.tzinfo}"


def common(one: Windows, other: Windows) -> Windows:
    """What two sets of windows of a day share."""
    shared = (type(a)(max(a.start, b.start), min(a.end, b.end)) for a in one for b in other)
    return tuple(window for window in shared if window.start < window.end)


def _jump(clock: tzinfo, day: date) -> datetime | None:
    """The minute at which a clock is put forward or back on a day, if it is, in UTC."""
    low = datetime.combine(day, time(), clock).astimezone(UTC)
    high = datetime.combine(day + _DAY, time(), clock).astimezone(UTC)
    before = low.astimezone(clock).utcoffset()
    if high.astimezone(clock).utcoffset() == before:
        return None
    while high - low > _MINUTE:
        middle = low + (high - low) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle.astimezone(clock).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
