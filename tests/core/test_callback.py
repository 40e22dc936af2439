"""Who asks to be called back is called at a number that was called lately, once a day, and never at one that costs."""

from datetime import UTC, datetime, timedelta

import pytest

from callgate.core.callback import NoCallBack, may_call_back

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("kind", ["fixed", "mobile", "fixed-or-mobile", "voip"])
def test_a_number_that_was_called_lately_is_called_back(kind: str) -> None:
    may_call_back(kind, [NOW - 30 * DAY], [NOW - DAY], NOW)


@pytest.mark.parametrize(
    ("kind", "called", "called_back", "says"),
    [
        ("premium", [NOW - HOUR], [], "premium"),
        ("shared-cost", [NOW - HOUR], [], "shared-cost"),
        ("personal", [NOW - HOUR], [], "personal"),
        ("mobile", [], [], "was not called"),
        ("mobile", [NOW - 30 * DAY - HOUR], [], "was not called"),
        ("mobile", [NOW + HOUR], [], "was not called"),
        ("mobile", [NOW - HOUR], [NOW - DAY + HOUR], "within the last day"),
    ],
)
def test_any_other_is_not(kind: str, called: list[datetime], called_back: list[datetime], says: str) -> None:
    with pytest.raises(NoCallBack, match=says):
        may_call_back(kind, called, called_back, NOW)
