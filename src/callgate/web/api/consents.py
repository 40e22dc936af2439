"""Prior consents to be called: enter one, see those of a person, take one back."""

from datetime import datetime
from typing import Final

from callgate.core import consentfile
from callgate.core.access import Area, Role
from callgate.core.consentfile import Given
from callgate.core.events import CONSENTS, Event, Kind
from callgate.office.consenting import ConsentRefused, Desk
from callgate.office.onfile import OnePersons, standing
from callgate.stores.ledger.questions import Question
from callgate.web.api.fields import Entered, In, Line, Moment, Name, Number, Out, Person, Proof
from callgate.web.api.tenancy import acting_for, for_controller, number_of
from callgate.web.problems import Problem, invalid, not_permitted
from callgate.web.routing import Ask, Route, Tenant

OFFICERS_AND_MACHINES: Final = frozenset({Role.OFFICER, Role.MACHINE})
SHOWN_MOST: Final = 1000
_WHOSE: Final = {"number": "+33 1 99 00 12 01", "controller": "acme"}


class Consent(In):
    """A person's consent to be called by a company: when it was given, and where the proof is."""

    number: Number
    controller: Name
    given: Moment
    proof: Proof
    expires: Moment | None = None
    appointment: Moment | None = None
    lift_objection: bool = False


class Withdrawal(Person):
    """A consent is taken back."""

    reason: Line


class ConsentOnFile(Out):
    """One consent, or one that was taken back."""

    event: str
    at: datetime
    given: str
    expires: str
    appointment: str
    by: str
    proof: str
    reason: str


class Consents(Out):
    """The consents of a person for a company."""

    number: str
    controller: str
    events: list[ConsentOnFile]


async def add(ask: Ask) -> Entered:
    said = ask.said(Consent)
    for_controller(ask, said.controller)
    if said.lift_objection and (ask.principal.role is not Role.OFFICER):
        raise not_permitted("only an officer lifts an objection, with the person's own proof")
    number = number_of(ask, said.number)
    now = ask.services.clock()
    try:
        consent = consentfile.consent(said.given.isoformat(), _text(said.expires), _text(said.appointment), now)
    except ValueError as error:
        raise invalid("/given", str(error)) from None
    desk = await _desk(ask, number.e164, said.controller)
    try:
        await desk.add(Given(number.e164, consent, said.proof), lift_objection=said.lift_objection)
    except ConsentRefused as error:
        raise Problem(409, "objected", str(error)) from None
    return _entered(Kind.PRIOR_CONSENT, number.masked, said.controller, now)


async def withdraw(ask: Ask) -> Entered:
    said = ask.said(Withdrawal)
    acting_for(ask, said.controller)
    number = number_of(ask, said.number)
    desk = await _desk(ask, number.e164, said.controller)
    await desk.withdraw(number.e164, said.reason)
    return _entered(Kind.PRIOR_CONSENT_WITHDRAWN, number.masked, said.controller, ask.services.clock())


async def show(ask: Ask) -> Consents:
    said = ask.said(Person)
    for_controller(ask, said.controller)
    number = number_of(ask, said.number)
    ask.number, ask.controller = number.e164, said.controller
    question = Question(number=number.e164, controllers=(said.controller,), kinds=CONSENTS, limit=SHOWN_MOST)
    found = await ask.services.ledger.search(question)
    return Consents(number=number.masked, controller=said.controller, events=[_shown(entry.event) for entry in found])


async def _desk(ask: Ask, number: str, controller: str) -> Desk:
    services = ask.services
    of = OnePersons(await standing(services.ledger, services.cache, number, controller))
    return Desk(services.office, of, controller, ask.principal.name, "api", services.clock)


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _entered(kind: Kind, masked: str, controller: str, at: datetime) -> Entered:
    return Entered(event=kind, number=masked, scope="controller", controller=controller, at=at)


def _shown(event: Event) -> ConsentOnFile:
    said = {**event.payload, **event.personal}
    texts = {name: str(said.get(name) or "") for name in ("given", "expires", "appointment", "by", "proof", "reason")}
    return ConsentOnFile(event=event.kind, at=event.at, **texts)


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/consents", handler=add,
        summary="Enter a prior consent. Refused (409) where the person objects.", who=OFFICERS_AND_MACHINES,
        area=Area.CONSENTS, tenant=Tenant.NAMED, body=Consent, answer=Entered, idempotent=True, enters=True,
        example=_WHOSE | {"given": "2026-11-01T10:00:00+01:00", "proof": "web form 4711"},
    ),
    Route(
        method="POST", path="/api/v1/consents/search", handler=show, summary="The consents of a person for a company.",
        who=OFFICERS_AND_MACHINES, area=Area.CONSENTS, tenant=Tenant.NAMED, body=Person, answer=Consents,
        example=_WHOSE, act="consents-shown",
    ),
    Route(
        method="POST", path="/api/v1/consents/withdrawals", handler=withdraw,
        summary="A consent is taken back; it counts no more on return.",
        who=frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER, Role.MACHINE}), area=Area.CONSENTS,
        tenant=Tenant.NAMED, body=Withdrawal, answer=Entered, idempotent=True, enters=True,
        example=_WHOSE | {"reason": "telephone call of 2026-11-20"},
    ),
)  # fmt: skip
