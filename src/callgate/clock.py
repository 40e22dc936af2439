"""The clock, injected wherever time decides something, so that a test moves it instead of waiting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

Clock = Callable[[], datetime]
"""Says what time it is: aware, in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@cache
def shifted_clock(start: datetime, since: datetime | None = None) -> Clock:
    """A clock that read `start` when the machine's read `since`, and runs on from there.

    The lab's, so that the demo passes at any hour: its processes agree on the time where they are told `since`. Without
    it that is the moment at which this process first asked.
    """
    offset: timedelta = start.astimezone(UTC) - (since.astimezone(UTC) if since else system_clock())
    return lambda: system_clock() + offset
