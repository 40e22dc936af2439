"""A request of a person, as it stands: folded from what was entered of it, and what it asks for today.

A person asks one controller for one thing: erasure (GDPR Art. 17), access (Art. 15, 20), restriction (Art. 18),
rectification (Art. 16), or that they are not called any more (Art. 21). The events of a request say when it came, how
the person was identified, whether more time was taken, what was done, which partners were asked and what they answered;
nothing else is kept, so a restart forgets nothing and doubles nothing.

An event that does not fit (a second end, an answer of nobody who was asked) changes nothing. Whoever enters events asks
first whether they fit: `callgate.rights`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from callgate.core.deadlines import Deadline
from callgate.core.events import Event, Json, Kind

REMINDED_ON = (7, 14, 21)
"""Days after receipt on which a request that is still open is brought to mind."""


class Right(StrEnum):
    """What a person asks for."""

    ERASURE = "erasure"
    ACCESS = "access"
    RESTRICTION = "restriction"
    RECTIFICATION = "rectification"
    OBJECTION = "objection"


IDENTIFIED = frozenset({Right.ERASURE, Right.ACCESS})
"""What is done only for a person whose identity was checked; an objection has no such hurdle (Art. 12(2), 21)."""


class Stage(StrEnum):
    """Where a request stands. It is answered by then where it is closed or refused, and not before."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"
    REFUSED = "refused"


class Ground(StrEnum):
    """Why data may only be kept (GDPR Art. 18(1)(a) to (d))."""

    ACCURACY = "accuracy"
    UNLAWFUL = "unlawful"
    CLAIMS = "claims"
    OBJECTION = "objection"


class Correction(StrEnum):
    """What can be rectified: the language of letters, an objection that was entered for a wrong number, what a lead
    says of the person, or a statement of theirs that is kept beside it (GDPR Art. 16)."""

    LANGUAGE = "language"
    OBJECTION = "objection"
    LEAD = "lead"
    STATEMENT = "statement"


class Answer(StrEnum):
    """What a partner did when it was asked to erase (GDPR Art. 19)."""

    ERASED = "erased"
    NOTHING_HELD = "nothing-held"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Identity:
    """That the person was identified, by whom; how is personal, and empty once it was erased."""

    at: datetime
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a partner answered, and who entered that."""

    at: datetime
    answer: str
    by: str


@dataclass(frozen=True, slots=True)
class Done:
    """What was carried out; `facts` are the event's own."""

    at: datetime
    by: str
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `number` is None once the person's key is destroyed, and `masked` stays.

    `asked` are the partners that were asked to erase, None until that began, at `begun`. `reminded` is the last of the
    days on which somebody was reminded.
    """

    id: str
    right: Right
    controller: str
    number: str | None
    masked: str
    opened: datetime
    by: str
    deadline: Deadline
    country: str
    language: str
    identity: Identity | None = None
    reminded: int = 0
    escalated: datetime | None = None
    begun: datetime | None = None
    asked: tuple[str, ...] | None = None
    asking: Mapping[str, Json] = field(default_factory=dict)
    acknowledged: Mapping[str, Acknowledged] = field(default_factory=dict)
    done: Done | None = None
    refused: Done | None = None
    closed: datetime | None = None
    lifted: Done | None = None
    call_backs: tuple[datetime, ...] = ()

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        if self.refused is not None:
            return Stage.REFUSED
        if self.closed is not None:
            return Stage.CLOSED
        return Stage.WAITING if self.done is not None else Stage.OPEN

    @property
    def answered(self) -> bool:
        """Whether nothing is left to do."""
        return self.stage in (Stage.CLOSED, Stage.REFUSED)

    @property
    def outstanding(self) -> tuple[str, ...]:
        """The partners that were asked and have not answered."""
        return tuple(name for name in self.asked or () if name not in self.acknowledged)

    @property
    def restricts(self) -> bool:
        """Whether it restricts the person's data now."""
        return self.right is Right.RESTRICTION and self.done is not None and self.lifted is None

    def late(self, today: date) -> bool:
        """Whether it should have been answered before `today`."""
        return not self.answered and today > self.deadline.due


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be said of a request today: that so many days have passed since it came, or that it is late."""

    kind: Kind
    days: int


def due(request: Request, today: date) -> Due | None:
    """What is to be said of it, if that was not said. Of reminders that nobody could give in time only the last is."""
    if request.answered:
        return None
    if request.late(today):
        return None if request.escalated else Due(Kind.REQUEST_ESCALATED, (today - request.deadline.received).days)
    passed = [days for days in REMINDED_ON if request.deadline.received + timedelta(days=days) <= today]
    if passed and passed[-1] > request.reminded:
        return Due(Kind.REQUEST_REMINDED, passed[-1])
    return None


def fold(events: Iterable[Event], before: Mapping[str, Request] | None = None) -> dict[str, Request]:
    """The requests that these events, in their order, tell of; by id, in the order in which they were opened.

    `before` is what earlier events told.
    """
    requests = dict(before or {})
    for event in events:
        name = event.payload.get("request")
        if not isinstance(name, str):
            continue  # past its term: nobody knows of what it told
        if event.kind is Kind.REQUEST_OPENED:
            requests.setdefault(name, _opened(name, event))
        elif name in requests:
            requests[name] = _step(requests[name], event)
    return requests


def _opened(name: str, event: Event) -> Request:
    said = event.payload
    return Request(
        id=name,
        right=Right(str(said["right"])),
        controller=event.controller or "",
        number=event.number,
        masked=str(said["masked"]),
        opened=event.at,
        by=str(said["by"]),
        deadline=Deadline(_day(said["received"]), _day(said["due"])),
        country=str(said["country"]),
        language=str(said["language"]),
    )


def _step(request: Request, event: Event) -> Request:
    said, by = event.payload, str(event.payload.get("by", ""))
    match event.kind:
        case Kind.REQUEST_IDENTIFIED if request.identity is None:
            return replace(request, identity=Identity(event.at, by, str(event.personal.get("how", ""))))
        case Kind.REQUEST_EXTENDED if request.deadline.announced is None:
            announced, until = _day(said["announced"]), _day(said["due"])
            return replace(request, deadline=replace(request.deadline, due=until, announced=announced))
        case Kind.REQUEST_REMINDED:
            return replace(request, reminded=max(request.reminded, int(str(said["days"]))))
        case Kind.REQUEST_ESCALATED:
            return replace(request, escalated=request.escalated or event.at)
        case Kind.CALL_BACK:
            return replace(request, call_backs=(*request.call_backs, event.at))
        case Kind.RESTRICTION_LIFTED:
            return replace(request, lifted=request.lifted or Done(event.at, by, said))
        case _:
            return _ended(request, event, Done(event.at, by, said))


def _ended(request: Request, event: Event, done: Done) -> Request:
    """What brings a request to its end."""
    match event.kind:
        case Kind.ERASURE_ASKED if request.asked is None:
            partners = tuple(_names(event.payload.get("partners")))
            return replace(request, begun=event.at, asked=partners, asking=event.payload)
        case Kind.ERASURE_ACKNOWLEDGED:
            partner = str(event.payload["partner"])
            if partner not in request.outstanding:
                return request
            answer = Acknowledged(event.at, str(event.payload["answer"]), done.by)
            return replace(request, acknowledged={**request.acknowledged, partner: answer})
        case Kind.REQUEST_CARRIED_OUT if request.done is None:
            return replace(request, done=done)
        case Kind.REQUEST_REFUSED if not request.answered:
            return replace(request, refused=done)
        case Kind.REQUEST_CLOSED if not request.answered:
            return replace(request, closed=event.at)
    return request


def _day(written: Json) -> date:
    return date.fromisoformat(str(written))


def _names(written: Json) -> Iterator[str]:
    return (str(name) for name in written) if isinstance(written, list) else iter(())
