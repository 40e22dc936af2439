"""How many verdicts there were, minute by minute, of each reason, company, centre and campaign, for a day.

What the live page counts and draws. A minute counts a bounded number of kinds apart: campaigns are named by whoever
dials, and what comes beyond is counted under its company and reason alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

DAY: Final = timedelta(days=1)
KINDS_MOST: Final = 500
"""Of one minute."""


class Kind(NamedTuple):
    """What is counted apart. "" is none, or one that nobody knows."""

    controller: str
    centre: str
    campaign: str
    reason: str


class Count(NamedTuple):
    """Verdicts of a kind within a slot that begins at `minute` (whole minutes since 1970, UTC)."""

    minute: int
    centre: str
    campaign: str
    reason: str
    verdicts: int


class Tally:
    """The verdicts of the last day."""

    def __init__(self) -> None:
        self._minutes: dict[int, Counter[Kind]] = {}

    def add(self, at: datetime, kind: Kind, verdicts: int = 1) -> None:
        """Count verdicts of a moment (aware)."""
        minute = minute_of(at)
        if minute not in self._minutes:
            self._minutes[minute] = Counter()
            self._forget(before=minute_of(at - DAY))
        counted = self._minutes[minute]
        if kind not in counted and len(counted) >= KINDS_MOST:
            kind = Kind(kind.controller, "", "", kind.reason)
        counted[kind] += verdicts

    def counts(
        self, now: datetime, span: timedelta, minutes: int, sees: Callable[[Kind], bool] = lambda _: True
    ) -> Iterator[Count]:
        """What was counted in the `span` before `now`, in slots of that many minutes, as far as `sees` lets it be seen.

        Companies are added up: who sees two of them sees their sum.
        """
        first, last = minute_of(now - span) + 1, minute_of(now)
        slots: Counter[tuple[int, str, str, str]] = Counter()
        for minute, counted in self._minutes.items():
            if first <= minute <= last:
                for kind, verdicts in counted.items():
                    if sees(kind):
                        slots[minute - minute % minutes, kind.centre, kind.campaign, kind.reason] += verdicts
        yield from (Count(*slot, verdicts) for slot, verdicts in sorted(slots.items()))

    def _forget(self, before: int) -> None:
        for minute in [minute for minute in self._minutes if minute < before]:
            del self._minutes[minute]


def minute_of(at: datetime) -> int:
    """Whole minutes since 1970, UTC."""
    return int(at.timestamp()) // 60
