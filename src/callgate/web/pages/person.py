"""One person, found by number: whether they may be called, what is on file, the calls to them, and their objection.

The number is sent in a form: it stands in no address and in no log. What is shown back is masked.
"""

from datetime import datetime
from typing import Final

from aiohttp import web

from callgate.core import phone, written
from callgate.core.events import Event, Kind
from callgate.core.phone import Number
from callgate.onfile import OnFile
from callgate.stores.ledger.questions import Question
from callgate.web.pages.calls import call_of
from callgate.web.pages.site import Visit

CALLS_MOST: Final = 200


async def ask(visit: Visit) -> web.StreamResponse:
    """The empty form."""
    return visit.show("person.html", at="person", controllers=_controllers(visit), number=None, wrong="")


async def show(visit: Visit) -> web.StreamResponse:
    """What is known of the person whose number was sent."""
    number = _number(visit, (await visit.form()).get("number", ""))
    if number is None:
        return _wrong(visit, "person.no-number")
    return await _shown(visit, number)


async def object_(visit: Visit) -> web.StreamResponse:
    """The person objects, as they wrote or said. In force when the page comes back."""
    form = await visit.form()
    number, controller, reason = (
        _number(visit, form.get("number", "")),
        form.get("controller", ""),
        form.get("reason", ""),
    )
    if number is None:
        return _wrong(visit, "person.no-number")
    if controller not in _controllers(visit):
        return visit.refuse("site.not-found", 404)
    if not reason:
        return await _shown(visit, number, wrong="person.no-reason")
    payload = {"scope": "controller", "by": visit.principal.name, "source": "page"}
    event = Event(
        Kind.OBJECTION, visit.house.clock(), None, number.e164, controller, payload, personal={"reason": reason[:500]}
    )
    await visit.house.office.suppress(event)
    return await _shown(visit, number, done="person.objected")


async def _shown(visit: Visit, number: Number, wrong: str = "", done: str = "") -> web.StreamResponse:
    controllers = _controllers(visit)
    file = [
        one for one in await visit.house.on_file(number.e164) if not one.controller or one.controller in controllers
    ]
    question = Question(number=number.e164, controllers=controllers, kinds=[Kind.VERDICT], limit=CALLS_MOST)
    calls = [call_of(entry.event) for entry in await visit.house.ledger.search(question)]
    seen = [call for call in calls if visit.sees(call.controller or None, call.said["centre"] or None)]
    return visit.show(
        "person.html", at="person", controllers=controllers, number=number, file=file[::-1], calls=seen[::-1],
        standing=_standing(file), wrong=wrong, done=done,
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
    return sorted(name for name in visit.house.policy().controllers if visit.sees(name, None))


def _number(visit: Visit, text: str) -> Number | None:
    try:
        return written.read(text[:60], visit.house.policy().home)
    except phone.NotANumber:
        return None


def _wrong(visit: Visit, why: str) -> web.StreamResponse:
    return visit.show("person.html", at="person", controllers=_controllers(visit), number=None, wrong=why, status=422)
