"""How often somebody may ask: a bucket of tokens for each who asks and each limit, in memory.

A bucket holds as many as may be asked at once, and fills evenly. Who finds it empty is told when it will not be.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

KEPT = 10_000
"""Buckets. One that is forgotten was not used for longest, and so is most likely full."""


class Rate(NamedTuple):
    """So many a minute in the long run, and so many at once."""

    a_minute: int
    at_once: int


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """The buckets. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def take(self, who: str, what: str, rate: Rate) -> float:
        """Take one; seconds until there is one where there is none, else 0."""
        now = self._now()
        bucket = self._buckets.pop((who, what), None) or _Bucket(rate.at_once, now)
        a_second = rate.a_minute / 60
        bucket.left = min(float(rate.at_once), bucket.left + (now - bucket.at) * a_second)
        bucket.at = now
        self._buckets[who, what] = bucket
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) / a_second
        bucket.left -= 1
        return 0.0
