"""How often somebody may ask: a bucket of tokens for each who asks and each limit, in memory.

A bucket holds as many as may be asked at once, and fills evenly. Who finds it empty is told when it will not be. One
that has filled up is forgotten, since a new one says the same: so no address is kept longer than it counts.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

KEPT = 100_000
"""Buckets. One that is forgotten before it is full was not used for longest, and so is most likely nearly so."""
FORGET_EVERY_S = 60.0


class Rate(NamedTuple):
    """So many a minute in the long run, and so many at once."""

    a_minute: float
    at_once: int


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    rate: Rate

    def fill(self, now: float) -> None:
        self.left = min(float(self.rate.at_once), self.left + (now - self.at) * self.rate.a_minute / 60)
        self.at = now

    def is_full(self, now: float) -> bool:
        return self.left + (now - self.at) * self.rate.a_minute / 60 >= self.rate.at_once


class Limits:
    """The buckets. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._forget_at = -math.inf

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, who: str, what: str, rate: Rate) -> float:
        """Take one; seconds until there is one where there is none, else 0. `who` is a user's name, or an address."""
        now, key = self._now(), (household(who), what)
        self._forget(now)
        bucket = self._buckets.pop(key, None) or _Bucket(rate.at_once, now, rate)
        bucket.fill(now)
        self._buckets[key] = bucket
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) * 60 / rate.a_minute
        bucket.left -= 1
        return 0.0

    def _forget(self, now: float) -> None:
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY_S
            for key in [key for key, bucket in self._buckets.items() if bucket.is_full(now)]:
                del self._buckets[key]


def household(address: str) -> str:
    """An IPv6 network of /64 counts as one, since it is one household's. What is no address stays as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or parsed.packed[:8].hex())
