"""The clock, injected wherever time decides something, so that a test moves it instead of waiting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Says what time it is: aware, in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def shifted_clock(start: datetime) -> Clock:
    """A clock that reads `start` now and runs on from there: the lab's, so that the demo passes at any hour."""
    offset: timedelta = start.astimezone(UTC) - system_clock()
    return lambda: system_clock() + offset
