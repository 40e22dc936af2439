"""How old a list is, and what is said of it; the same bounds at which the gate blocks."""

from datetime import UTC, datetime, timedelta

import pytest

from callgate.core.ages import Age, aged, all_aged
from callgate.core.gate import ListState
from callgate.core.policy import ListRule

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
RULE = ListRule("be-dncm", "BE", 5)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("old", "age"),
    [
        (timedelta(0), Age.FRESH),
        (timedelta(days=2.5), Age.FRESH),
        (timedelta(days=2.5) + SECOND, Age.HALF),
        (timedelta(days=5), Age.HALF),
        (timedelta(days=5) + SECOND, Age.STALE),
    ],
)
def test_a_list_is_warned_of_past_half_its_age_and_stale_past_all_of_it(old: timedelta, age: Age) -> None:
    found = aged(RULE, ListState("v", NOW - old), NOW)
    assert (found.list, found.version, found.age) == ("be-dncm", "v", age)
    assert "5 are allowed" in found.says
    assert "callgate lists import" in found.way_out


def test_every_configured_list_is_spoken_of_and_no_other() -> None:
    rules = {name: ListRule(name, "BE", 5) for name in ("a", "b")}
    found = all_aged(rules, {"b": ListState("v", NOW), "c": ListState("v", NOW)}, NOW)
    assert [(one.list, one.age) for one in found] == [("a", Age.MISSING), ("b", Age.FRESH)]
