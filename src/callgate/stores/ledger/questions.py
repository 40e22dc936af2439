"""The questions of an officer: what happened with this call, this number, this agent, this campaign, since when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from callgate.core.events import DataClass, Kind
from callgate.stores.ledger.backend import Backend
from callgate.stores.ledger.finding import by_token
from callgate.stores.ledger.rows import READING
from callgate.stores.ledger.sealing import KeyRing, Person
from callgate.stores.schema import events, of_kinds, subjects


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for; every part that is given narrows it.

    `number` is an E.164 number, looked for in what is held for each of `controllers`: a person is somebody else for
    each. `agent` and `campaign` are those of a call's verdict, and all that happened in the call is found. `since` and
    `until` are aware times.
    """

    call: str | None = None
    number: str | None = None
    controllers: Sequence[str] = ()
    agent: str | None = None
    campaign: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: Collection[Kind] = ()
    after_seq: int = 0
    limit: int = 1000


def select(question: Question, backend: Backend, ring: KeyRing) -> sa.Select[Any]:
    """The query that answers it, in the order of the events."""
    narrowing: list[sa.ColumnElement[bool]] = [events.c.seq > question.after_seq]
    if question.kinds:
        narrowing.append(of_kinds(question.kinds))
    if question.call is not None:
        narrowing.append(events.c.call == question.call)
    if question.number is not None:
        narrowing.append(events.c.subject.in_(subjects_of(question.number, question.controllers, ring)))
    said = {"agent": question.agent, "campaign": question.campaign}
    if of_verdict := [backend.said(key) == value for key, value in said.items() if value is not None]:
        verdicts = sa.select(events.c.call).where(events.c.kind == Kind.VERDICT, *_during(question), *of_verdict)
        # Where only verdicts are asked for, each is asked itself: then the first `limit` end the search.
        narrowing += of_verdict if set(question.kinds) == {Kind.VERDICT} else [events.c.call.in_(verdicts)]
    narrowing += _during(question)
    return READING.where(*narrowing).order_by(events.c.seq).limit(question.limit)


def _during(question: Question) -> list[sa.ColumnElement[bool]]:
    between = []
    if question.since is not None:
        between.append(events.c.at >= question.since.astimezone(UTC).isoformat(timespec="microseconds"))
    if question.until is not None:
        between.append(events.c.at < question.until.astimezone(UTC).isoformat(timespec="microseconds"))
    return between


def subjects_of(number: str, controllers: Sequence[str], ring: KeyRing) -> sa.CompoundSelect[Any]:
    """The subjects that a number has, for each of the controllers and for none."""
    people = (Person(number, controller, of) for controller in ("", *controllers) for of in DataClass)
    return by_token(sa.select(subjects.c.subject), [ring.token(person) for person in people])
