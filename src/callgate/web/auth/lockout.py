"""Guessing is slowed down: after some failures, each next try has to wait twice as long as the one before.

Failures are counted by user, so that many addresses do not help, and by address, so that many users do not. A name
that no user has is counted like any other, so that nothing is learnt from having to wait.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

FREE = {"user": 5, "address": 20}
"""Failures after which there is no wait yet."""
LONGEST = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
KEPT = 10_000
"""Keys. Whoever floods this with names pushes out the counts of others, not that of their own address."""

Key = tuple[str, str]
"""`user` or `address`, and which."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: datetime


class Lockout:
    """The failures in memory: a restart forgets them."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()

    def wait(self, keys: tuple[Key, ...], now: datetime) -> timedelta:
        """How long these have to wait before the next try; nothing where they may try now."""
        return max(self._wait(key, now) for key in keys)

    def _wait(self, key: Key, now: datetime) -> timedelta:
        failures = self._failures.get(key)
        if failures is None or now - failures.last > FORGOTTEN_AFTER:
            return timedelta()
        over = failures.count - FREE[key[0]]
        pause = timedelta() if over < 0 else min(LONGEST, timedelta(seconds=2.0 ** min(over, 20)))
        return max(timedelta(), failures.last + pause - now)

    def failed(self, keys: tuple[Key, ...], now: datetime) -> None:
        """Count a failure against each."""
        for key in keys:
            before = self._failures.pop(key, None)
            fresh = before is not None and now - before.last <= FORGOTTEN_AFTER
            self._failures[key] = _Failures(before.count + 1 if before is not None and fresh else 1, now)
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, user: str) -> None:
        """Forget the failures of a user who got in; those of the address stay, since it may guess at others."""
        self._failures.pop(("user", user), None)
