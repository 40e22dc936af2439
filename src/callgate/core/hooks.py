"""Hooks: programs elsewhere that are told what happens, as it does: blocks, objections, consents, alarms.

A hook gets no person's number but masked, and so cannot do what a partner must (`core.partners`): it is for dashboards,
chats and tickets. What belongs to another company is not told; what belongs to none, such as an alarm about Redis, only
to a hook that is for all of them. Everybody is told of an objection to everybody's calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from callgate.core import phone
from callgate.core.events import Event, Json, Kind


class Topic(StrEnum):
    """What a hook can be told of."""

    BLOCKS = "blocks"
    OBJECTIONS = "objections"
    CONSENTS = "consents"
    ALARMS = "alarms"


KINDS: Mapping[Kind, Topic] = {
    Kind.VERDICT: Topic.BLOCKS,
    Kind.OBJECTION: Topic.OBJECTIONS,
    Kind.OBJECTION_REMOVED: Topic.OBJECTIONS,
    Kind.CONSENT: Topic.CONSENTS,
    Kind.WITHDRAWAL: Topic.CONSENTS,
    Kind.PRIOR_CONSENT: Topic.CONSENTS,
    Kind.PRIOR_CONSENT_WITHDRAWN: Topic.CONSENTS,
    Kind.ALARM: Topic.ALARMS,
}
SAID = ("reason", "detail", "campaign", "centre", "agent", "scope", "source", "alarm", "why", "expires")
"""What of an event's payload is told."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook: of which companies it is told (None: of all), and what."""

    name: str
    controllers: frozenset[str] | None
    topics: frozenset[Topic]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The events that it may be told of."""
        return tuple(kind for kind, topic in KINDS.items() if topic in self.topics)

    def told(self, seq: int, event: Event) -> dict[str, Json] | None:
        """What the hook is told of an event; None where it is not for it."""
        if event.kind not in self.kinds or not self._hears(event):
            return None
        if event.kind is Kind.VERDICT and event.payload.get("outcome") != "block":
            return None
        what = "block" if event.kind is Kind.VERDICT else event.kind.value
        told: dict[str, Json] = {"event": seq, "what": what, "at": event.at.isoformat()}
        told |= {"call": event.call} if event.call else {}
        told |= {"controller": event.controller} if event.controller else {}
        told |= {"number": phone.mask(event.number)} if event.number else {}
        return told | {name: event.payload[name] for name in SAID if event.payload.get(name) is not None}

    def _hears(self, event: Event) -> bool:
        if self.controllers is None or event.controller in self.controllers:
            return True
        return event.controller is None and event.kind in (Kind.OBJECTION, Kind.OBJECTION_REMOVED)
