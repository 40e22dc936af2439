"""One person, found by number: whether they may be called, what is on file, the calls to them, what they asked for.

The number is sent in a form: it stands in no address and in no log. What is shown back is masked. What a person asks
for becomes a request with a name of its own, under which it is handled (`pages.requests`).
"""

from datetime import date, datetime
from typing import Final, Literal

from aiohttp import web

from callgate.core import phone, written
from callgate.core.events import Kind
from callgate.core.phone import Number
from callgate.core.requests import IDENTIFIED, Correction, Ground, Right
from callgate.office.onfile import OnFile, on_file
from callgate.rights import limiting
from callgate.rights.desk import Asked, NotAllowed, Unfit
from callgate.stores.ledger.questions import Question
from callgate.web.api.fields import In, Line, MaybeLine, Name, Proof
from callgate.web.api.suppressions import Removal, take_back
from callgate.web.api.tenancy import for_controller
from callgate.web.pages.calls import call_of
from callgate.web.pages.site import OFFICERS, Visit, act, go, page
from callgate.web.routing import Route, Tenant

CALLS_MOST: Final = 200
DONE: Final = {
    Right.OBJECTION: "person.objected", Right.RESTRICTION: "person.restricted",
    Right.RECTIFICATION: "person.rectified",
}  # fmt: skip
"""What is done at once, and what the page says then."""


class Search(In):
    """Whom it is about."""

    number: MaybeLine


class Wish(Search):
    """What they want of which company, how that was said (a letter, and of which day), and when it came.

    `ground`: of a restriction; `what` is right from `now` on: of a rectification.
    """

    controller: Name
    right: Right
    because: Line
    received: date | Literal[""] = ""
    ground: Ground = Ground.ACCURACY
    what: Correction = Correction.STATEMENT
    now: MaybeLine = ""


class Lift(Search):
    """An objection is taken back: of which company ("": everybody's), on what proof of the person's own wish, and why
    the officer believes it."""

    controller: Name | Literal[""]
    proof: Proof
    because: Line
    asked: Literal["yes"]


async def ask(visit: Visit) -> web.StreamResponse:
    """The empty form."""
    return visit.show("person.html", at="person", controllers=_controllers(visit), number=None, wrong="")


async def show(visit: Visit) -> web.StreamResponse:
    """What is known of the person whose number was sent."""
    number = _number(visit, visit.ask.said(Search).number)
    return _wrong(visit) if number is None else await _shown(visit, number)


async def enter(visit: Visit) -> web.StreamResponse:
    """They want something. What needs no identity is done when the page comes back; the rest is a request then."""
    wish = visit.ask.said(Wish)
    for_controller(visit.ask, wish.controller)
    number = _number(visit, wish.number)
    if number is None:
        return _wrong(visit)
    asked = Asked(number.e164, wish.controller, wish.because, wish.received or None)
    try:
        if wish.right in IDENTIFIED:
            opened = await visit.services.desk.open(visit.principal, wish.right, asked)
            raise go(f"/requests/{opened.id}")
        await _at_once(visit, wish, asked)
    except (NotAllowed, Unfit) as error:
        return await _shown(visit, number, wrong=visit.why(error))
    return await _shown(visit, number, done=DONE[wish.right])


async def _at_once(visit: Visit, wish: Wish, asked: Asked) -> None:
    desk, who = visit.services.desk, visit.principal
    match wish.right:
        case Right.RESTRICTION:
            await limiting.restrict(desk, who, asked, wish.ground)
        case Right.RECTIFICATION:
            await limiting.rectify(desk, who, asked, wish.what, wish.now)
        case _:
            await limiting.object_(desk, who, asked)
            masked = phone.mask(asked.number)
            visit.services.live.tell("objection", number=masked, controller=asked.controller, by=who.name)


async def lift(visit: Visit) -> web.StreamResponse:
    """They may be called again, at their own wish: as by the API, in person and with a reason."""
    said = visit.ask.said(Lift)
    number = _number(visit, said.number)
    if number is None:
        return _wrong(visit)
    removal = Removal(
        number=number.e164, controller=said.controller or None, scope="controller" if said.controller else "all",
        proof=said.proof, reason=said.because, at_the_persons_request=True,
    )  # fmt: skip
    await take_back(visit.ask, removal)
    return await _shown(visit, number, done="person.lifted")


async def _shown(visit: Visit, number: Number, wrong: str = "", done: str = "") -> web.StreamResponse:
    services, controllers = visit.services, _controllers(visit)
    for controller in controllers[:1]:
        visit.ask.number, visit.ask.controller = number.e164, controller
    await visit.ask.enter()
    found = await on_file(services.ledger, services.cache.tokens, number.e164)
    file = [one for one in found if not one.controller or one.controller in controllers]
    question = Question(number=number.e164, controllers=controllers, kinds=[Kind.VERDICT], limit=CALLS_MOST)
    calls = [call_of(entry.event) for entry in await services.ledger.search(question)]
    seen = [call for call in calls if visit.sees(call.controller or None, call.said["centre"] or None)]
    requests = [one for one in await services.desk.requests(visit.principal) if one.number == number.e164]
    return visit.show(
        "person.html", at="person", controllers=controllers, number=number, file=file[::-1], calls=seen[::-1],
        requests=requests[::-1], standing=_standing(file), wrong=wrong, done=done, today=services.clock().date(),
        rights=[Right.OBJECTION, Right.ACCESS, Right.ERASURE], grounds=list(Ground), corrections=list(Correction),
        restricted=[one for one in requests if one.restricts], everyones=visit.sees(None, None),
    )  # fmt: skip


def _standing(file: list[OnFile]) -> dict[str, datetime]:
    """By company ("" is all of them), the objections that were not taken back."""
    found: dict[str, datetime] = {}
    for one in file:
        if one.event == Kind.OBJECTION:
            found[one.controller] = one.at
        elif one.event == Kind.OBJECTION_REMOVED:
            found.pop(one.controller, None)
    return found


def _controllers(visit: Visit) -> list[str]:
    return sorted(name for name in visit.services.policy().controllers if visit.sees(name, None))


def _number(visit: Visit, text: str) -> Number | None:
    try:
        return written.read(text[:60], visit.services.policy().home)
    except phone.NotANumber:
        return None


def _wrong(visit: Visit) -> web.StreamResponse:
    wrong = visit.text("person.no-number")
    return visit.show("person.html", at="person", controllers=_controllers(visit), number=None, wrong=wrong, status=422)


ROUTES: Final[tuple[Route, ...]] = (
    page("/person", ask, OFFICERS, "Find a person.", tenant=Tenant.NOBODYS),
    act("/person", show, OFFICERS, "What is known of a person.", Search, act="person-shown"),
    act("/person/wish", enter, OFFICERS, "A person wants something.", Wish, tenant=Tenant.NAMED, act="person-shown"),
    act("/person/lift", lift, OFFICERS, "Take an objection back.", Lift, tenant=Tenant.NAMED, act="person-shown"),
)
