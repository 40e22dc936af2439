"""What stands on the live page at this moment, folded from what was told: calls under way, the latest blocks, the
latest moments (somebody objected, an emergency call passed), alarms that nobody has taken, verdicts counted, and the
health of what callgate stands on.

Whoever opens the page, or missed too much, is given this whole, with the number of the last happening in it; from there
on the happenings themselves are enough. All of it is bounded. Numbers of people are masked before they come here.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from callgate.core.access import Principal
from callgate.core.call import On, State
from callgate.core.events import Json
from callgate.core.reasons import Reason
from callgate.core.tally import Kind, Tally

BLOCKS_MOST: Final = 200
MOMENTS_MOST: Final = 50
"""Of each company: a busy one does not push another's out of sight."""
CALLS_MOST: Final = 5_000
ALARMS_MOST: Final = 500

FOR_ALL: Final = frozenset({"health", "pbx"})
"""What is told of callgate itself, and of nobody's calls."""

MOMENTS: Final = frozenset({"objection", "withdrawal", "sealed", "emergency", "called-back"})
"""What is told once and is worth a line of its own; beside it, that a recording was paused or goes on (`moment_of`)."""

_CIRCUMSTANCES: Final = frozenset({"call", "number", "campaign", "on", "state", "detail", "late", "id"})
"""Facts of an alarm that do not make it another alarm."""

Facts = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that nobody has taken. `times`: how often it was raised, from `first` to `last` (aware times)."""

    id: str
    alarm: str
    first: datetime
    last: datetime
    times: int
    facts: Facts


def alarm_id(alarm: str, facts: Facts) -> str:
    """The same for the same alarm about the same thing, today and when it is read back from the ledger."""
    call = facts.get("call")
    about = {"call": call} if call else {key: facts[key] for key in sorted(facts.keys() - _CIRCUMSTANCES - {"alarm"})}
    return hashlib.sha256(json.dumps([alarm, about]).encode()).hexdigest()[:16]


def concerns(principal: Principal, what: str, facts: Facts) -> bool:
    """Whether a happening is theirs to see."""
    return what in FOR_ALL or principal.sees(_text(facts, "controller") or None, _text(facts, "centre") or None)


def moment_of(what: str, facts: Facts) -> str:
    """The name of the moment that a happening is; empty where it is none."""
    if what == "call" and facts.get("on") in (On.PAUSED, On.RESUMED):
        return str(facts["on"])
    return what if what in MOMENTS else ""


class _Latest:
    """The latest of a kind, bounded for each company."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[str, deque[Facts]] = {}

    def of(self, facts: Facts) -> deque[Facts]:
        """Those of the company that these facts concern, the newest last."""
        return self._of.setdefault(_text(facts, "controller"), deque(maxlen=self._most))

    def seen_by(self, principal: Principal, what: str) -> list[Facts]:
        """As many as are kept of one company, of all that somebody may see; the newest first."""
        found = [one for of in self._of.values() for one in reversed(of) if concerns(principal, what, one)]
        return sorted(found, key=lambda one: _text(one, "at"), reverse=True)[: self._most]


class Board:
    """The state of the live page."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.health: list[Json] = []
        self._calls: dict[str, Facts] = {}
        self._blocks = _Latest(BLOCKS_MOST)
        self._moments = _Latest(MOMENTS_MOST)
        self._alarms: dict[str, Alarm] = {}

    def take(self, at: datetime, what: str, facts: Facts) -> None:
        """Something happened. What is not known here changes nothing."""
        if moment := moment_of(what, facts):
            self._moments.of(facts).append({"at": at.isoformat(), **facts, "what": moment})
        match what:
            case "block":
                self.count(at, facts)
                self.block(at, facts)
            case "allow":
                self.count(at, facts)
                self._stage(at, {**facts, "stage": State.ALLOWED})
            case "call":
                self._stage(at, facts)
            case "objection" if (call := self._calls.get(_text(facts, "call"))) is not None:
                self._calls[_text(facts, "call")] = {**call, "objected": True}
            case "alarm":
                self.alarm(at, facts)
            case "alarm-taken":
                self._alarms.pop(_text(facts, "id"), None)
            case "health":
                parts = facts.get("parts")
                self.health = parts if isinstance(parts, list) else []

    def count(self, at: datetime, facts: Facts, verdicts: int = 1) -> None:
        """Count a verdict."""
        reason = _text(facts, "reason") or Reason.CLEAR
        kind = Kind(_text(facts, "controller"), _text(facts, "centre"), _text(facts, "campaign"), reason)
        self.tally.add(at, kind, verdicts)

    def block(self, at: datetime, facts: Facts) -> None:
        """Put a blocked call on the board."""
        self._blocks.of(facts).append({"at": at.isoformat(), **facts})

    def earlier_block(self, at: datetime, facts: Facts) -> None:
        """Put one on the board that was before all that are there, if there is room."""
        of = self._blocks.of(facts)
        if len(of) < BLOCKS_MOST:
            of.appendleft({"at": at.isoformat(), **facts})

    def alarm(self, at: datetime, facts: Facts) -> None:
        """Raise an alarm, or raise one again that stands."""
        alarm = _text(facts, "alarm")
        id_ = alarm_id(alarm, facts)
        standing = self._alarms.get(id_)
        if standing is not None:
            self._alarms[id_] = replace(standing, last=max(at, standing.last), times=standing.times + 1)
            return
        if len(self._alarms) >= ALARMS_MOST:
            del self._alarms[next(iter(self._alarms))]
        self._alarms[id_] = Alarm(id_, alarm, at, at, 1, {key: facts[key] for key in facts if key != "alarm"})

    def standing(self, alarm: str) -> Alarm | None:
        """The alarm of this id, while nobody has taken it."""
        return self._alarms.get(alarm)

    def _stage(self, at: datetime, facts: Facts) -> None:
        call = _text(facts, "call")
        before = self._calls.pop(call, None)
        if facts.get("stage") == State.CLOSED:
            return
        if before is None and len(self._calls) >= CALLS_MOST:
            del self._calls[next(iter(self._calls))]
        self._calls[call] = {"since": at.isoformat(), **(before or {}), **facts}

    # What somebody may see of it.

    def calls(self, principal: Principal) -> Iterator[Facts]:
        """Calls under way; the latest to change comes last."""
        return (call for call in self._calls.values() if concerns(principal, "call", call))

    def blocks(self, principal: Principal) -> list[Facts]:
        """The latest blocked calls, the newest first."""
        return self._blocks.seen_by(principal, "block")

    def moments(self, principal: Principal) -> list[Facts]:
        """The latest moments, the newest first; `what` is the name of each (`moment_of`)."""
        return self._moments.seen_by(principal, "moment")

    def alarms(self, principal: Principal) -> Iterator[Alarm]:
        """Alarms that nobody has taken."""
        return (alarm for alarm in self._alarms.values() if concerns(principal, "alarm", alarm.facts))


def _text(facts: Facts, key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""
