"""What of the ledger goes into a bundle.

A period, one controller, one person, one call: each that is given narrows it. Beside what was asked for stands what
concerns everybody and is about nobody: which policy and which lists were in force, what retention removed. What another
controller's calls, people and alarms are stays out, also where an event names no controller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from callgate.core.events import Json, Kind
from callgate.stores.ledger.questions import subjects_of
from callgate.stores.ledger.sealing import KeyRing
from callgate.stores.schema import events

GENERAL = (Kind.POLICY_LOADED, Kind.LIST_LOADED, Kind.RETENTION, Kind.RESTORED, Kind.GAP_ACCEPTED)
"""The kinds that concern everybody and are about nobody."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for. `number` is an E.164 number, `since` and `until` are aware times; `until` is not in it."""

    since: datetime | None = None
    until: datetime | None = None
    controller: str | None = None
    number: str | None = None
    call: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it takes everything that happened in its time."""
        return self.controller is None and self.number is None and self.call is None

    def told(self) -> dict[str, Json]:
        """For the ledger and the bundle. The number is not in it: only that there was one."""
        return {
            "since": self.since.astimezone(UTC).isoformat() if self.since else None,
            "until": self.until.astimezone(UTC).isoformat() if self.until else None,
            "controller": self.controller,
            "person": self.number is not None,
            "call": self.call,
        }

    def during(self) -> list[sa.ColumnElement[bool]]:
        """The conditions of its time."""
        between = []
        if self.since is not None:
            between.append(events.c.at >= _written(self.since))
        if self.until is not None:
            between.append(events.c.at < _written(self.until))
        return between

    def of(self, controllers: Sequence[str]) -> Sequence[str]:
        """Those of the controllers whose data it is about."""
        return controllers if self.controller is None else (self.controller,)

    def where(self, whose: Sequence[str], ring: KeyRing) -> sa.ColumnElement[bool]:
        """The condition of what goes in; `whose` is what `of` gave: the controllers for which a person is found."""
        asked: list[sa.ColumnElement[bool]] = []
        if self.controller is not None:
            asked.append(sa.or_(events.c.controller == self.controller, _of_its_calls(self.controller)))
        if self.number is not None:
            asked.append(events.c.subject.in_(subjects_of(self.number, whose, ring)))
        if self.call is not None:
            asked.append(events.c.call == self.call)
        about_nobody = events.c.kind.in_([kind.value for kind in GENERAL]) & events.c.subject.is_(None)
        general = about_nobody & events.c.controller.is_(None)
        wanted = sa.and_(*asked) if asked else sa.true()
        return sa.and_(sa.or_(wanted, general), *self.during())


def _of_its_calls(controller: str) -> sa.ColumnElement[bool]:
    """What names no controller and belongs to a call that was made for this one."""
    verdicts = events.alias("verdicts")
    of = sa.exists().where(
        verdicts.c.call == events.c.call, verdicts.c.kind == Kind.VERDICT.value, verdicts.c.controller == controller
    )
    return events.c.controller.is_(None) & events.c.call.is_not(None) & of


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
