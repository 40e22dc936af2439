"""Objections: enter one, see what is on file for a person, take one back."""

from datetime import datetime
from typing import Final, Literal

from callgate.core.access import Area, Role
from callgate.core.events import Event, Kind
from callgate.core.gate import Scope
from callgate.core.objecting import Door, objection
from callgate.office.onfile import standing
from callgate.web.api.fields import Entered, In, Line, Name, Number, Out, Person, Proof
from callgate.web.api.tenancy import acting_for, for_controller, number_of
from callgate.web.problems import invalid, not_permitted
from callgate.web.routing import Ask, Route, Tenant

ANYONE_WHO_CALLS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER, Role.MACHINE})
OFFICERS: Final = frozenset({Role.OFFICER})
_WHOSE: Final = {"number": "+33 1 99 00 12 01", "controller": "acme"}
_EXAMPLE: Final = _WHOSE | {"reason": "letter of 2026-11-20"}


class Objection(In):
    """A person's objection to a company's calls; with the scope `campaign` to those of one campaign of the company
    alone; with the scope `all` to everyone's, which takes an officer."""

    number: Number
    controller: Name | None = None
    scope: Literal["controller", "campaign", "all"] = "controller"
    campaign: Name | None = None
    reason: Line


class Removal(Objection):
    """An objection is taken back: at the person's own request. `proof`: of that, such as which letter of theirs."""

    proof: Proof
    at_the_persons_request: Literal[True]


class OnFile(Out):
    """One objection, or one that was taken back."""

    event: str
    at: datetime
    scope: str
    campaign: str
    by: str
    reason: str


class Suppressed(Out):
    """What speaks against calls of a company to a person. `otherwise`: scopes in force through a pattern, or of a
    person whose data was erased."""

    number: str
    controller: str
    objects: bool
    events: list[OnFile]
    otherwise: list[str]


async def add(ask: Ask) -> Entered:
    return await _enter(ask, Kind.OBJECTION, ask.said(Objection))


async def remove(ask: Ask) -> Entered:
    return await take_back(ask, ask.said(Removal))


async def take_back(ask: Ask, said: Removal) -> Entered:
    """Take an objection back; the page of a person does so too. Raises `Problem`, and what the office raises."""
    return await _enter(ask, Kind.OBJECTION_REMOVED, said, proof=said.proof)


async def _enter(ask: Ask, kind: Kind, said: Objection, proof: str = "") -> Entered:
    _check_audience(ask, kind, said)
    number, who = number_of(ask, said.number), ask.principal
    whose, at = said.controller, ask.services.clock()
    event = objection(
        number.e164,
        at,
        Door.API,
        by=who.name,
        controller=whose,
        campaign=said.campaign,
        reason=said.reason,
        kind=kind,
        proof=proof,
    )
    await ask.services.office.suppress(event)
    if kind is Kind.OBJECTION:
        ask.services.live.tell("objection", number=number.masked, controller=whose, by=who.name)
    return Entered(event=kind, number=number.masked, scope=said.scope, controller=whose, at=at)


def _check_audience(ask: Ask, kind: Kind, said: Objection) -> None:
    """Raises `Problem` where they may not speak for this audience, or it is none."""
    if (said.scope == "campaign") != (said.campaign is not None):
        raise invalid("/campaign", "the scope campaign names a campaign, and no other scope does")
    if said.scope == "all":
        who = ask.principal
        if who.role is not Role.OFFICER or who.controllers is not None or who.centres is not None:
            raise not_permitted("the scope all ends every company's calls: an officer of all of them enters it")
        if said.controller is not None:
            raise invalid("/controller", "the scope all names no company")
    elif said.controller is None:
        raise invalid("/controller", "say whose calls the person objects to")
    elif kind is Kind.OBJECTION:
        acting_for(ask, said.controller)
    else:
        for_controller(ask, said.controller)
    campaigns = ask.services.policy().campaigns
    if said.campaign and (said.campaign not in campaigns or campaigns[said.campaign].controller != said.controller):
        raise invalid("/campaign", "the company has no such campaign in the configuration")


async def show(ask: Ask) -> Suppressed:
    said = ask.said(Person)
    for_controller(ask, said.controller)
    number = number_of(ask, said.number)
    ask.number, ask.controller = number.e164, said.controller
    found = await standing(ask.services.ledger, ask.services.cache, number.e164, said.controller)
    return Suppressed(
        number=number.masked,
        controller=said.controller,
        objects=bool(found.hits),
        events=[_shown(ask, event) for event in found.events],
        otherwise=sorted({str(hit.scope) for hit in found.unnamed}),
    )


def _shown(ask: Ask, event: Event) -> OnFile:
    """Who entered what concerns everyone, and why, is for those who are not confined."""
    scope = str(event.payload.get("scope", Scope.CONTROLLER))
    whole = scope != Scope.ALL or ask.principal.sees(None, None)
    by, reason = event.payload.get("by", ""), event.personal.get("reason", "")
    return OnFile(
        event=event.kind,
        at=event.at,
        scope=scope,
        campaign=str(event.payload.get("campaign", "")),
        by=str(by) if whole else "",
        reason=str(reason) if whole else "",
    )


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/suppressions", handler=add,
        summary="Enter an objection: durable, and in force at every centre, on return.", who=ANYONE_WHO_CALLS,
        area=Area.SUPPRESSIONS, tenant=Tenant.NAMED, body=Objection, answer=Entered, example=_EXAMPLE, idempotent=True,
        enters=True,
    ),
    Route(
        method="POST", path="/api/v1/suppressions/search", handler=show,
        summary="What speaks against calls of a company to a person.", who=frozenset({Role.OFFICER, Role.MACHINE}),
        area=Area.SUPPRESSIONS, tenant=Tenant.NAMED, body=Person, answer=Suppressed, example=_WHOSE,
        act="suppressions-shown",
    ),
    Route(
        method="POST", path="/api/v1/suppressions/removals", handler=remove,
        summary="Take an objection back, at the person's own request; stays in the ledger with who did it.",
        who=OFFICERS, person=True, tenant=Tenant.NAMED, body=Removal, answer=Entered, idempotent=True, enters=True,
        example=_EXAMPLE | {"proof": "their letter of 2026-11-20", "at_the_persons_request": True},
    ),
)  # fmt: skip
