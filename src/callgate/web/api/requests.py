"""Requests of persons: entered, looked at, and done, by the officer of the company that is asked (docs/rights.md)."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final, Literal

from aiohttp import web
from pydantic import JsonValue

from callgate.core.access import Area, Role
from callgate.core.callback import NoCallBack
from callgate.core.requests import Answer, Correction, Ground, Request, Right
from callgate.rights import certificate as certificates
from callgate.rights.access import give_access
from callgate.rights.desk import Asked, Desk, NotAllowed, Unfit
from callgate.rights.erasing import erase
from callgate.rights.limiting import lift, object_, rectify, restrict
from callgate.rights.pages import access_page, certificate_page
from callgate.web.api.fields import In, Name, Out, Person, Text
from callgate.web.api.printed import printed
from callgate.web.api.tenancy import for_controller, number_of
from callgate.web.problems import Problem, not_found, not_permitted, unavailable
from callgate.web.routing import Ask, Route, Tenant

OFFICERS: Final = frozenset({Role.OFFICER})
STEPS_MOST: Final = 1000

Language = Literal["nl", "fr", "de", "en"]
_WHOSE: Final = {"number": "+33 1 99 00 12 01", "controller": "acme", "because": "letter of 2026-11-20"}


class RequestsQuery(In):
    """Which requests: those that are open, the late ones among them, or all."""

    which: Literal["open", "late", "all"] = "open"


class RequestState(Out):
    """A request as it stands. `outstanding`: the partners that were asked to erase and have not answered."""

    request: str
    right: Right
    controller: str
    person: str
    stage: str
    late: bool
    received: date
    due: date
    extended: bool
    identified: bool
    language: str
    outstanding: list[str]
    restricts: bool
    by: str


class Requests(Out):
    """Requests, the next to be answered first."""

    requests: list[RequestState]


class RequestStep(Out):
    """Something that was entered of a request."""

    at: datetime
    event: str
    by: str


class RequestInFull(RequestState):
    """A request, and what was entered of it."""

    events: list[RequestStep]


class Opening(Person):
    """A person asks a company for something. `because`: what is to be known of it, such as which letter it was;
    `received`: the day on which it came, today unless said otherwise; `language`: of letters."""

    because: Text
    received: date | None = None
    language: Language | None = None


class NewRequest(Opening):
    """Erasure or access: done later, once the person is identified."""

    right: Literal[Right.ERASURE, Right.ACCESS]


class Restriction(Opening):
    """The data may only be kept (GDPR Art. 18)."""

    ground: Ground


class Rectification(Opening):
    """What is right from now on (GDPR Art. 16)."""

    what: Correction
    now: Text


class Identity(In):
    """How it was seen that the person is who they say."""

    how: Text


class Reason(In):
    """Why; the person is told."""

    because: Text


class Lifting(Reason):
    """Why, and how the person was told before (GDPR Art. 18(3))."""

    told: Text


class PartnerAnswer(In):
    """What a partner did that was asked to erase."""

    partner: Name
    answer: Answer


class AccessGiven(Out):
    """The request, which is closed; the document; and the same as a page that the person can read and print."""

    request: RequestState
    document: dict[str, JsonValue]
    page: str


class CertificateQuery(In):
    """As what the certificate is given."""

    format: Literal["json", "html"] = "json"


async def show_all(ask: Ask) -> Requests:
    which = ask.asked(RequestsQuery).which
    today = ask.services.clock().date()
    found = await ask.services.desk.requests(ask.principal)
    wanted = [one for one in found if which == "all" or (one.late(today) if which == "late" else not one.answered)]
    wanted.sort(key=lambda one: (one.answered, one.deadline.due))
    people = {(one.controller, one.number or one.id) for one in wanted}
    ask.people.update(controller for controller, _ in people)
    return Requests(requests=[_state(ask, one) for one in wanted])


async def show(ask: Ask) -> RequestInFull:
    found = await _found(ask)
    entries = [entry async for batch in ask.services.ledger.requests(found.id) for entry in batch]
    steps = [
        RequestStep(at=entry.event.at, event=entry.event.kind, by=str(entry.event.payload.get("by", "")))
        for entry in entries[:STEPS_MOST]
    ]
    return RequestInFull(**_state(ask, found).model_dump(), events=steps)


async def open_(ask: Ask) -> RequestState:
    said = ask.said(NewRequest)
    asked = _asked(ask, said)
    desk, who = ask.services.desk, ask.principal
    with _told():
        pending = await desk.pending(who, said.right, asked.number, asked.controller)
        return _state(ask, pending or await desk.open(who, said.right, asked))


async def object_by_letter(ask: Ask) -> RequestState:
    return await _at_once(ask, ask.said(Opening), lambda desk, asked: object_(desk, ask.principal, asked))


async def restrict_(ask: Ask) -> RequestState:
    said = ask.said(Restriction)
    return await _at_once(ask, said, lambda desk, asked: restrict(desk, ask.principal, asked, said.ground))


async def rectify_(ask: Ask) -> RequestState:
    said = ask.said(Rectification)
    return await _at_once(ask, said, lambda desk, asked: rectify(desk, ask.principal, asked, said.what, said.now))


async def identify(ask: Ask) -> RequestState:
    how = ask.said(Identity).how
    return await _act(ask, lambda desk, one: desk.identify(ask.principal, one, how))


async def call_back(ask: Ask) -> RequestState:
    return await _act(ask, lambda desk, one: desk.call_back(ask.principal, one))


async def extend(ask: Ask) -> RequestState:
    because = ask.said(Reason).because
    return await _act(ask, lambda desk, one: desk.extend(ask.principal, one, because))


async def refuse(ask: Ask) -> RequestState:
    because = ask.said(Reason).because
    return await _act(ask, lambda desk, one: desk.refuse(ask.principal, one, because))


async def erase_(ask: Ask) -> RequestState:
    return await _act(ask, lambda desk, one: erase(desk, ask.principal, one))


async def acknowledge(ask: Ask) -> RequestState:
    said = ask.said(PartnerAnswer)
    return await _act(ask, lambda desk, one: desk.acknowledge(ask.principal, one, said.partner, said.answer))


async def lift_(ask: Ask) -> RequestState:
    said = ask.said(Lifting)
    return await _act(ask, lambda desk, one: lift(desk, ask.principal, one, because=said.because, told=said.told))


async def access(ask: Ask) -> AccessGiven:
    """Both forms in one answer: the request is closed by it, and a second answer would be another document."""
    found = await _found(ask)
    with _told():
        document = await give_access(ask.services.desk, ask.principal, found)
        closed = await ask.services.desk.request(ask.principal, found.id)
    return AccessGiven(request=_state(ask, closed), document=document, page=access_page(document))


async def certificate(ask: Ask) -> web.StreamResponse:
    found, desk = await _found(ask), ask.services.desk
    known = desk.policy().controllers.get(found.controller)
    name = known.name if known else found.controller
    with _told():
        made = certificates.sign(found, name, desk.ledger.identity, desk.ledger.ring.keys.signing)
    await ask.enter()
    if ask.asked(CertificateQuery).format == "html":
        return printed(certificate_page(made))
    return web.json_response(made)


async def _found(ask: Ask) -> Request:
    """The request that is asked for. Raises `Problem` where it is not theirs, or not there."""
    try:
        found = await ask.services.desk.request(ask.principal, ask.request.match_info["request"])
    except Unfit:
        raise not_found() from None
    ask.number, ask.controller = found.number, found.controller
    return found


async def _act(ask: Ask, act: Callable[[Desk, Request], Awaitable[Request]]) -> RequestState:
    found = await _found(ask)
    with _told():
        return _state(ask, await act(ask.services.desk, found))


async def _at_once(ask: Ask, said: Opening, act: Callable[[Desk, Asked], Awaitable[Request]]) -> RequestState:
    asked = _asked(ask, said)
    with _told():
        return _state(ask, await act(ask.services.desk, asked))


def _asked(ask: Ask, said: Opening) -> Asked:
    for_controller(ask, said.controller)
    number = number_of(ask, said.number).e164
    return Asked(number, said.controller, said.because, said.received, said.language or "")


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be done, as a problem."""
    try:
        yield
    except NotAllowed as error:
        raise not_permitted(str(error)) from None
    except (Unfit, NoCallBack) as error:
        raise Problem(409, "unfit", str(error)) from None
    except OSError:
        raise unavailable("a file cannot be written; what was begun is gone on with when it can be") from None


def _state(ask: Ask, one: Request) -> RequestState:
    return RequestState(
        request=one.id, right=one.right, controller=one.controller, person=one.masked, stage=one.stage,
        late=one.late(ask.services.clock().date()), received=one.deadline.received, due=one.deadline.due,
        extended=one.deadline.announced is not None, identified=one.identity is not None, language=one.language,
        outstanding=[*one.outstanding], restricts=one.restricts, by=one.by,
    )  # fmt: skip


def _opens(path: str, handler: Callable[[Ask], Awaitable[RequestState]], body: type[Opening], summary: str,
           **more: str) -> Route:  # fmt: skip
    """A route by which a person's wish is entered."""
    return Route(
        method="POST", path=f"/api/v1/requests{path}", handler=handler, summary=summary, who=OFFICERS,
        area=Area.REQUESTS, tenant=Tenant.NAMED, body=body, answer=RequestState, example=_WHOSE | more,
        idempotent=True, enters=True,
    )  # fmt: skip


def _acts(act: str, handler: Callable[[Ask], Awaitable[RequestState]], body: type[In] | None, summary: str,
          **example: str) -> Route:  # fmt: skip
    """A route by which something is done with a request."""
    return Route(
        method="POST", path=f"/api/v1/requests/{{request}}/{act}", handler=handler, summary=summary, who=OFFICERS,
        area=Area.REQUESTS, tenant=Tenant.HIDDEN, body=body, answer=RequestState, example=example, enters=True,
    )  # fmt: skip


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/requests", handler=show_all,
        summary="Requests of persons, the next to be answered first.", who=OFFICERS, area=Area.REQUESTS,
        tenant=Tenant.FILTERED, query=RequestsQuery, answer=Requests, act="requests-listed",
    ),
    _opens("", open_, NewRequest, "A person asks for erasure or access; the time runs.", right="erasure"),
    _opens("/objection", object_by_letter, Opening, "An objection by letter; in force at every centre on return."),
    _opens("/restriction", restrict_, Restriction, "A company may only keep a person's data.", ground="accuracy"),
    _opens(
        "/rectification", rectify_, Rectification, "What is right of a person from now on.", what="language", now="fr"
    ),
    Route(
        method="GET", path="/api/v1/requests/{request}", handler=show, summary="A request, and what was entered of it.",
        who=OFFICERS, area=Area.REQUESTS, tenant=Tenant.HIDDEN, answer=RequestInFull, act="request-shown",
    ),
    _acts("identity", identify, Identity, "How the person was identified.", how="identity card shown on 2026-11-20"),
    _acts("call-back", call_back, None, "The person is called back to see that the number is theirs; then dial it."),
    _acts("extension", extend, Reason, "Two more months, once; the person is told today.", because="many requests"),
    _acts("refusal", refuse, Reason, "The request is refused; the person is told why.", because="not of this person"),
    _acts("erasure", erase_, None, "Erase what the company holds on the person. It cannot be taken back."),
    _acts(
        "acknowledgement", acknowledge, PartnerAnswer, "What a partner answered that was asked to erase.",
        partner="crm", answer="erased",
    ),
    _acts("lifting", lift_, Lifting, "Lift a restriction; the person was told before.", because="it was right",
          told="letter of 2026-11-21"),
    Route(
        method="POST", path="/api/v1/requests/{request}/access", handler=access,
        summary="Everything that the company holds on the person, as JSON and as a page; closes the request.",
        who=OFFICERS, area=Area.REQUESTS, tenant=Tenant.HIDDEN, answer=AccessGiven, enters=True,
    ),
    Route(
        method="GET", path="/api/v1/requests/{request}/certificate", handler=certificate,
        summary="The signed certificate of an erasure that is closed.", who=OFFICERS, area=Area.REQUESTS,
        tenant=Tenant.HIDDEN, query=CertificateQuery, gives="application/json", act="certificate-made",
    ),
)  # fmt: skip
