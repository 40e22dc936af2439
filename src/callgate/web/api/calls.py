"""Calls that were asked for, and what became of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from callgate.core import phone
from callgate.core.access import Area, Principal, Role
from callgate.core.events import Event, Kind
from callgate.rights import showing
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question
from callgate.stores.schema import Entry
from callgate.web.api.fields import Cursor, In, Line, Moment, Name, Out, PageSize, Person
from callgate.web.api.tenancy import for_controller, number_of
from callgate.web.problems import not_found
from callgate.web.routing import Ask, Route, Tenant

READERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.MACHINE})
LOOKS_MOST: Final = 10
"""Reads of the ledger for one page: a page of which most belongs to others comes back short, and goes on."""
STEPS_MOST: Final = 1000


class CallsQuery(In):
    """Which calls. The oldest come first; a page may hold fewer than `limit` and still have a `next`."""

    campaign: Name | None = None
    agent: Line | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor = "0"
    limit: PageSize = 100


class PersonsCalls(Person):
    """The calls to a person for a company."""

    cursor: Cursor = "0"
    limit: PageSize = 100


class Call(Out):
    """A call that was asked for, and the verdict."""

    call: str
    at: datetime
    outcome: str
    reason: str
    detail: str
    number: str
    controller: str | None
    campaign: str
    centre: str
    agent: str
    policy: str


class Calls(Out):
    """A page of calls. `next` is the cursor of the next page, null where there is none."""

    calls: list[Call]
    next: str | None


class Step(Out):
    """Something that happened in a call."""

    at: datetime
    event: str
    facts: dict[str, object]


class CallInFull(Call):
    """A call with its trail, and all that happened in it."""

    source: str
    trail: list[dict[str, object]]
    events: list[Step]


async def show_all(ask: Ask) -> Calls:
    asked = ask.asked(CallsQuery)
    question = Question(campaign=asked.campaign, agent=asked.agent, since=asked.since, until=asked.until)
    return await _page(ask, question, int(asked.cursor), asked.limit)


async def of_person(ask: Ask) -> Calls:
    said = ask.said(PersonsCalls)
    for_controller(ask, said.controller)
    number = number_of(ask, said.number)
    ask.number, ask.controller = number.e164, said.controller
    question = Question(number=number.e164, controllers=(said.controller,))
    return await _page(ask, question, int(said.cursor), said.limit)


async def show(ask: Ask) -> CallInFull:
    call = ask.request.match_info["call"]
    found = await ask.services.ledger.search(Question(call=call, limit=STEPS_MOST))
    entries = await showing.visible(ask.services.ledger, found, ask.principal)
    verdict = next((entry.event for entry in entries if entry.event.kind is Kind.VERDICT), None)
    if verdict is None or not visible(ask.principal, verdict):
        raise not_found()
    ask.number, ask.controller = verdict.number, verdict.controller
    trail = verdict.payload.get("trail")
    return CallInFull(
        **shown(verdict).model_dump(),
        source=str(verdict.payload.get("source") or ""),
        trail=[dict(rule) for rule in trail if isinstance(rule, dict)] if isinstance(trail, list) else [],
        events=[_step(entry.event) for entry in entries if entry.event is not verdict],
    )


async def _page(ask: Ask, question: Question, after: int, limit: int) -> Calls:
    asked = replace(question, kinds=(Kind.VERDICT,))
    found, following = await page(
        ask.services.ledger, asked, after, limit, lambda entry: visible(ask.principal, entry.event)
    )
    found = await showing.visible(ask.services.ledger, found, ask.principal)
    if ask.number is None:
        people = {(entry.event.controller or "", entry.event.number) for entry in found if entry.event.number}
        ask.people.update(controller for controller, _ in people)
    return Calls(calls=[shown(entry.event) for entry in found], next=following)


async def page(
    ledger: Ledger, question: Question, after: int, limit: int, wanted: Callable[[Entry], bool]
) -> tuple[list[Entry], str | None]:
    """Up to `limit` wanted entries after a seq, and the cursor of the next page. Raises `LedgerUnavailable`."""
    found: list[Entry] = []
    for _ in range(LOOKS_MOST):
        batch = await ledger.search(replace(question, after_seq=after, limit=limit))
        for entry in batch:
            after = entry.seq
            if wanted(entry):
                found.append(entry)
            if len(found) == limit:
                return found, str(after)
        if len(batch) < limit:
            return found, None
    return found, str(after)


def visible(principal: Principal, verdict: Event) -> bool:
    """Whether a call is theirs to see."""
    centre = verdict.payload.get("centre")
    return principal.sees(verdict.controller, str(centre) if centre else None)


def shown(verdict: Event) -> Call:
    """A call as its verdict tells of it. What its retention took away is empty."""
    said = verdict.payload
    texts = {
        name: str(said.get(name) or "")
        for name in ("outcome", "reason", "detail", "campaign", "centre", "agent", "policy")
    }
    number = phone.mask(verdict.number) if verdict.number else ""
    return Call(call=verdict.call or "", at=verdict.at, number=number, controller=verdict.controller, **texts)


def _step(event: Event) -> Step:
    return Step(at=event.at, event=event.kind, facts=dict(event.payload))


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/calls", handler=show_all, summary="Calls that were asked for, the oldest first.",
        who=READERS, area=Area.CALLS, tenant=Tenant.FILTERED, query=CallsQuery, answer=Calls, act="calls-listed",
    ),
    Route(
        method="POST", path="/api/v1/calls/search", handler=of_person, summary="The calls to a person for a company.",
        who=frozenset({Role.OFFICER, Role.MACHINE}), area=Area.CALLS, tenant=Tenant.NAMED, body=PersonsCalls,
        answer=Calls, example={"number": "+33 1 99 00 12 01", "controller": "acme"}, act="calls-of-person-shown",
    ),
    Route(
        method="GET", path="/api/v1/calls/{call}", handler=show,
        summary="A call, with the trail of its verdict and all that happened in it.", who=READERS, area=Area.CALLS,
        tenant=Tenant.HIDDEN, answer=CallInFull, act="call-shown",
    ),
)  # fmt: skip
