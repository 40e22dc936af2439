"""How old the lists are: too old to be used, or half way there, when there is still time to do something about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callgate.core.gate import ListState
from callgate.core.policy import ListRule


class Age(StrEnum):
    """What is to be said of a list's age. The values are the names of alarms."""

    FRESH = "list-fresh"
    HALF = "list-half-its-age"
    STALE = "list-stale"
    MISSING = "list-missing"


@dataclass(frozen=True, slots=True)
class Aged:
    """A list that is configured, its version in force (empty for none), and what is to be said of its age."""

    list: str
    version: str
    age: Age
    says: str
    way_out: str = ""


def aged(rule: ListRule, state: ListState | None, now: datetime) -> Aged:
    """What is to be said of a list at this moment. Past its age, calls that it binds are blocked (P6)."""
    way_out = f"fetch a newer file and run `callgate lists import FILE --list {rule.id}`"
    if state is None:
        return Aged(rule.id, "", Age.MISSING, "was never loaded, so calls that it binds are blocked", way_out)
    old, allowed = now - state.scrubbed_at, timedelta(days=rule.max_age_days)
    days = f"is {old / timedelta(days=1):.1f} days old, and {rule.max_age_days} are allowed"
    if old > allowed:
        return Aged(rule.id, state.version, Age.STALE, f"{days}, so calls that it binds are blocked", way_out)
    return Aged(rule.id, state.version, Age.HALF if old > allowed / 2 else Age.FRESH, days, way_out)


def all_aged(rules: Mapping[str, ListRule], states: Mapping[str, ListState], now: datetime) -> tuple[Aged, ...]:
    """What is to be said of every list that is configured, in their order."""
    return tuple(aged(rule, states.get(name), now) for name, rule in rules.items())
