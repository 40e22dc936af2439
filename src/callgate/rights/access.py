"""Access (GDPR Art. 15, 20): everything that one controller holds on a person, in one document.

Each event is in exactly one section, so that nothing held is left out and nothing is told twice; what no section is for
stands under `other`. Left out is what tells of somebody else: the agent and the channels (Art. 15(4)).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from callgate.core import phone
from callgate.core.access import Principal
from callgate.core.events import CONSENTS, OBJECTIONS, RECORDINGS, REQUESTS, Event, Json, Kind
from callgate.core.policy import Policy
from callgate.core.refusals import Refusal
from callgate.core.requests import Request, Right
from callgate.core.retention import Terms
from callgate.rights.desk import Desk, Unfit, present
from callgate.rights.holding import Held, held_on

SECTIONS: Mapping[str, frozenset[Kind]] = {
    "calls": frozenset(
        {Kind.VERDICT, Kind.DIALLED, Kind.ANSWERED, Kind.CONNECTED, Kind.ABANDONED, Kind.DROPPED, Kind.CLOSED}
    ),
    "notices": frozenset({Kind.NOTICE}),
    "consents": frozenset({Kind.CONSENT, Kind.REFUSAL, Kind.WITHDRAWAL, *CONSENTS}),
    "objections": OBJECTIONS,
    "recordings": RECORDINGS,
    "notes": frozenset({Kind.OUTCOME, Kind.NOTE}),
    "requests": REQUESTS,
}
"""The sections of the document, and what each tells of."""
OTHER = "other"

OF_OTHERS = frozenset({"agent", "agent_language", "channel", "monotonic", "pbx", "uniqueid"})
"""What events say that is not about the person."""

Document = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Context:
    """What is told besides the events: by which policy calls were made, how long things are kept, which partners got
    the person's data."""

    policy: Policy
    terms: Terms
    partners: tuple[str, ...]


async def give_access(desk: Desk, principal: Principal, request: Request) -> Document:
    """The document, and the request is closed. Raises `NotAllowed`, `Unfit`, `NotCommitted`, `LedgerUnavailable`."""
    desk.allow_identified(principal, request)
    if request.right is not Right.ACCESS:
        raise Unfit(Refusal.ANOTHER_RIGHT, request=request.id, right=request.right, wanted=Right.ACCESS)
    number = present(request)
    held = await held_on(desk.ledger, number, request.controller)
    partners = await desk.partners.recipients(request.controller)
    made = document(request, held, Context(desk.policy(), desk.terms, tuple(partners)), desk.clock().isoformat())
    said: dict[str, Json] = {"events": len(held.entries)}
    await desk.enter(
        desk.event(principal.name, request, Kind.REQUEST_CARRIED_OUT, said),
        desk.event(principal.name, request, Kind.REQUEST_CLOSED),
    )
    return made


def document(request: Request, held: Held, context: Context, made: str) -> Document:
    """The document on the person of a request, as of `made` (ISO 8601)."""
    number = phone.known(present(request), request.country)
    controller = context.policy.controllers[request.controller]
    sections: dict[str, list[Json]] = {name: [] for name in (*SECTIONS, OTHER)}
    for event in held.events:
        sections[section_of(event.kind)].append(record(event))
    identity = request.identity
    return {
        "made": made,
        "request": request.id,
        "language": request.language,
        "controller": {
            "id": controller.id,
            "name": controller.name,
            "privacy_policy": dict[str, Json](controller.privacy_policy),
        },
        "person": {"number": number.e164, "country": number.country, "line": number.kind},
        "identity": {"at": identity.at.isoformat(), "by": identity.by, "how": identity.how} if identity else None,
        **sections,
        "recipients": _recipients(held.events, context),
        "sources": _sources(held.events),
        "purposes": _purposes(held.events, context.policy),
        "terms": {
            "contact": context.terms.contact.days,
            "recording": context.terms.recording.days,
            "proof": context.terms.proof_in(number.country).days,
        },
    }


def section_of(kind: Kind) -> str:
    """The section in which events of this kind stand."""
    return next((name for name, kinds in SECTIONS.items() if kind in kinds), OTHER)


def record(event: Event) -> Document:
    """One event as it is told to the person."""
    told: Document = {"at": event.at.isoformat(), "event": event.kind.value}
    if event.call is not None:
        told["call"] = event.call
    said = {**event.payload, **event.personal}
    return told | {key: _without_others(value) for key, value in said.items() if key not in OF_OTHERS}


def _without_others(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_others(inner) for key, inner in value.items() if key not in OF_OTHERS}
    return [_without_others(inner) for inner in value] if isinstance(value, list) else value


def _recipients(events: Iterable[Event], context: Context) -> list[Json]:
    """Who got the person's data: the centres that called, where they stand and by which contract; the partners."""
    named = dict.fromkeys(
        (str(event.payload["centre"]), event.controller or "")
        for event in events
        if event.kind is Kind.VERDICT and event.payload.get("outcome") == "allow"
    )
    told: list[Json] = []
    for centre, controller in named:
        known, mandate = context.policy.centres.get(centre), context.policy.mandates.get((controller, centre))
        told.append(
            {
                "recipient": known.name if known else centre,
                "country": known.country if known else None,
                "contract": mandate.reference if mandate else None,
            }
        )
    return told + [{"recipient": name, "country": None, "contract": None} for name in sorted(context.partners)]


def _sources(events: Iterable[Event]) -> list[Json]:
    """Where the data came from: consents and where their proof is kept, and the leads of the centres that dialled."""
    sources: dict[tuple[Any, ...], Json] = {}
    for event in events:
        said = event.payload
        if event.kind is Kind.PRIOR_CONSENT:
            key: tuple[Any, ...] = said.get("source"), event.personal.get("proof")
            sources.setdefault(key, {"source": said.get("source"), "proof": event.personal.get("proof")})
        elif event.kind is Kind.VERDICT:
            key = said.get("centre"), said.get("campaign")
            sources.setdefault(key, {"source": "lead", "centre": said.get("centre"), "campaign": said.get("campaign")})
    return list(sources.values())


def _purposes(events: Iterable[Event], policy: Policy) -> list[Json]:
    named = dict.fromkeys(str(event.payload.get("campaign")) for event in events if event.kind is Kind.VERDICT)
    return [
        {"campaign": name, "purpose": policy.campaigns[name].purpose.value, "said": dict[str, Json](spoken)}
        for name in named
        if name in policy.campaigns
        for spoken in [policy.campaigns[name].spoken_purpose]
    ]
