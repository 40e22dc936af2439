"""What the ledger holds: events, typed and dated, from which every other state is folded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Kind(StrEnum):
    """The kind of an event. A kind never changes its meaning; a changed payload raises `Event.version`."""

    VERDICT = "verdict"
    DIALLED = "dialled"
    ANSWERED = "answered"
    NOTICE = "notice"
    CONSENT = "consent"
    REFUSAL = "refusal"
    CONNECTED = "connected"
    WITHDRAWAL = "withdrawal"
    OBJECTION = "objection"
    OBJECTION_REMOVED = "objection-removed"
    RECORDING_STARTED = "recording-started"
    RECORDING_SEALED = "recording-sealed"
    RECORDING_DESTROYED = "recording-destroyed"
    ABANDONED = "abandoned"
    DROPPED = "dropped"
    CLOSED = "closed"
    LIST_LOADED = "list-loaded"
    ALARM = "alarm"


SUPPRESSING = frozenset({Kind.OBJECTION, Kind.OBJECTION_REMOVED})
"""The kinds that change who may be called; the ledger numbers them, and that number is its mark."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact.

    `at` is an aware time in UTC. `call` is the CALLGATE_ID, `number` the person's E.164 number with its plus; it stands
    beside the payload and never in it, because erasure destroys it and keeps the rest (GDPR Art. 17).
    """

    kind: Kind
    at: datetime
    call: str | None = None
    number: str | None = None
    controller: str | None = None
    payload: Mapping[str, Json] = field(default_factory=dict)
    version: int = 1
