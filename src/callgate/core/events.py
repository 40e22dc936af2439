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
    PRIOR_CONSENT = "prior-consent"
    PRIOR_CONSENT_WITHDRAWN = "prior-consent-withdrawn"
    RELATIONS = "relations"
    PATTERN = "pattern"
    PATTERN_REMOVED = "pattern-removed"
    RECORDING_STARTED = "recording-started"
    RECORDING_PAUSED = "recording-paused"
    RECORDING_RESUMED = "recording-resumed"
    RECORDING_SEALED = "recording-sealed"
    RECORDING_DESTROYED = "recording-destroyed"
    RECORDING_PLAYED = "recording-played"
    ABANDONED = "abandoned"
    DROPPED = "dropped"
    CLOSED = "closed"
    OUTCOME = "outcome"
    NOTE = "note"
    NOTES_RESCREENED = "notes-rescreened"
    LIST_LOADED = "list-loaded"
    POLICY_LOADED = "policy-loaded"
    ALARM = "alarm"
    ALARM_TAKEN = "alarm-taken"
    ERASURE = "erasure"
    RETENTION = "retention"
    RESTORED = "restored"
    GAP_ACCEPTED = "gap-accepted"
    DELIVERY_DONE = "delivery-done"
    DELIVERY_DEAD = "delivery-dead"
    DELIVERY_RETRIED = "delivery-retried"
    DELIVERY_DROPPED = "delivery-dropped"
    PARTNER_FETCHED = "partner-fetched"
    LOGIN = "login"
    LOGIN_FAILED = "login-failed"
    ACT = "act"
    REQUEST_OPENED = "request-opened"
    REQUEST_IDENTIFIED = "request-identified"
    REQUEST_EXTENDED = "request-extended"
    REQUEST_REMINDED = "request-reminded"
    REQUEST_ESCALATED = "request-escalated"
    REQUEST_CARRIED_OUT = "request-carried-out"
    REQUEST_REFUSED = "request-refused"
    REQUEST_CLOSED = "request-closed"
    ERASURE_ASKED = "erasure-asked"
    ERASURE_ACKNOWLEDGED = "erasure-acknowledged"
    RESTRICTION = "restriction"
    RESTRICTION_LIFTED = "restriction-lifted"
    RECTIFICATION = "rectification"
    CALL_BACK = "call-back"
    EXPORTED = "exported"


OBJECTIONS = frozenset({Kind.OBJECTION, Kind.OBJECTION_REMOVED})
CONSENTS = frozenset({Kind.PRIOR_CONSENT, Kind.PRIOR_CONSENT_WITHDRAWN})
PATTERNS = frozenset({Kind.PATTERN, Kind.PATTERN_REMOVED})
"""The kinds that name no person, but `payload["pattern"]`: the beginning of numbers (see `core.patterns`)."""

RESTRICTIONS = frozenset({Kind.RESTRICTION, Kind.RESTRICTION_LIFTED})

SUPPRESSING = OBJECTIONS | CONSENTS | PATTERNS | RESTRICTIONS | {Kind.RELATIONS}
"""The kinds that change who may be called; the ledger numbers them, and that number is its mark.

Consents to be called are among them, since they do not commute with objections: which came later decides. So are
relations, which may spare a call from asking for a consent.
"""

DELIVERIES = frozenset({Kind.DELIVERY_DONE, Kind.DELIVERY_DEAD, Kind.DELIVERY_RETRIED, Kind.DELIVERY_DROPPED})
"""The kinds that tell what became of what partners were told: with a partner and ids, and about nobody (Art. 19)."""
ACCESSES = frozenset({Kind.NOTES_RESCREENED, Kind.RECORDING_PLAYED, Kind.EXPORTED})
"""The kinds that say that somebody saw or took out what is held on people: what a breach is measured by (GDPR Art. 33).

Each says `by` in its payload. Where it concerns one person it has their `number` or their `call`; where it concerns
many, `people` in its payload counts them by controller. So do the others for which `is_access` holds.
"""


REQUESTS = frozenset(
    {
        Kind.REQUEST_OPENED,
        Kind.REQUEST_IDENTIFIED,
        Kind.REQUEST_EXTENDED,
        Kind.REQUEST_REMINDED,
        Kind.REQUEST_ESCALATED,
        Kind.REQUEST_CARRIED_OUT,
        Kind.REQUEST_REFUSED,
        Kind.REQUEST_CLOSED,
        Kind.ERASURE_ASKED,
        Kind.ERASURE_ACKNOWLEDGED,
        Kind.RECTIFICATION,
        Kind.CALL_BACK,
        *RESTRICTIONS,
    }
)
"""The kinds that tell of a request of a person (see `core.requests`): each names it in `payload["request"]`."""


RECORDINGS = frozenset(
    {
        Kind.RECORDING_STARTED,
        Kind.RECORDING_PAUSED,
        Kind.RECORDING_RESUMED,
        Kind.RECORDING_SEALED,
        Kind.RECORDING_DESTROYED,
        Kind.RECORDING_PLAYED,
    }
)
"""The kinds that tell of a recording."""


class DataClass(StrEnum):
    """What personal data is kept for. Each class of a person's data has a key of its own, so that it can end alone."""

    CONTACT = "contact"
    RECORDING = "recording"
    PROOF = "proof"


_CLASSES = {
    DataClass.RECORDING: RECORDINGS,
    DataClass.PROOF: {*SUPPRESSING, *REQUESTS, *DELIVERIES, Kind.CONSENT, Kind.REFUSAL, Kind.WITHDRAWAL},
}


def class_of(kind: Kind) -> DataClass:
    """The class that the personal data of an event of this kind belongs to."""
    return _CLASS_OF.get(kind, DataClass.CONTACT)


_CLASS_OF = {kind: which for which, kinds in _CLASSES.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact.

    `at` is an aware time in UTC. `call` is the CALLGATE_ID. What says something about the person who was called stands
    in `number`, their E.164 number with its plus, and in `personal`, never in `payload`: erasure destroys the former
    and keeps the rest (GDPR Art. 17). An event with something `personal` needs a `number`, under whose key it lies.
    """

    kind: Kind
    at: datetime
    call: str | None = None
    number: str | None = None
    controller: str | None = None
    payload: Mapping[str, Json] = field(default_factory=dict)
    version: int = 1
    personal: Mapping[str, Json] = field(default_factory=dict)


def is_access(event: Event) -> bool:
    """Whether somebody saw or took out what is held on people: by its kind, by an act that says that it `shows`, or by
    the document that answers a request for access, which says of how many `events` it was made."""
    if event.kind is Kind.ACT:
        return event.payload.get("shows") is True
    return event.kind in ACCESSES or (event.kind is Kind.REQUEST_CARRIED_OUT and "events" in event.payload)
