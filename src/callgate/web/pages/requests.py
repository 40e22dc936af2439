"""Requests of persons: which are open and until when, and all that can be done with one.

What is done goes through the desk (`rights.desk`), as by the command line; where a request does not stand so that it
could be done, the page says how it stands.
"""

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal
from zipfile import ZIP_DEFLATED, ZipFile

from aiohttp import web

from callgate.core.callback import NoCallBack
from callgate.core.requests import Answer, Request, Right
from callgate.rights import certificate as certificates
from callgate.rights.access import give_access
from callgate.rights.desk import NotAllowed, Unfit
from callgate.rights.erasing import erase
from callgate.rights.limiting import lift
from callgate.rights.pages import access_page, certificate_page
from callgate.web.api.fields import In, MaybeLine
from callgate.web.pages.site import OFFICERS, Visit, act, go, page
from callgate.web.problems import not_found
from callgate.web.routing import Route, Tenant


class Step(In):
    """What is done with a request. `text`: how, or why; `told`: how the person was told."""

    step: Literal["identify", "call-back", "extend", "refuse", "erase", "access", "acknowledge", "lift"]
    text: MaybeLine = ""
    told: MaybeLine = ""
    partner: MaybeLine = ""
    answer: Answer = Answer.ERASED


Do = Callable[[Visit, Request, Step], Awaitable[Request]]

STEPS: Final[Mapping[str, Do]] = {
    "identify": lambda visit, one, said: visit.services.desk.identify(visit.principal, one, said.text),
    "call-back": lambda visit, one, _: visit.services.desk.call_back(visit.principal, one),
    "extend": lambda visit, one, said: visit.services.desk.extend(visit.principal, one, said.text),
    "refuse": lambda visit, one, said: visit.services.desk.refuse(visit.principal, one, said.text),
    "erase": lambda visit, one, _: erase(visit.services.desk, visit.principal, one),
    "acknowledge": lambda visit, one, said: visit.services.desk.acknowledge(
        visit.principal, one, said.partner, said.answer
    ),
    "lift": lambda visit, one, said: lift(visit.services.desk, visit.principal, one, because=said.text, told=said.told),
}


async def show_all(visit: Visit) -> web.StreamResponse:
    """The open requests, the next to be answered first; with `all`, those that were answered after them."""
    everything = visit.ask.request.query.get("all") == "1"
    today = visit.services.clock().date()
    found = [one for one in await visit.services.desk.requests(visit.principal) if everything or not one.answered]
    found.sort(key=lambda one: (one.answered, one.deadline.due))
    late = sum(one.late(today) for one in found)
    return visit.show("requests.html", at="requests", requests=found, today=today, late=late, everything=everything)


async def show(visit: Visit) -> web.StreamResponse:
    return await _shown(visit, await _request(visit))


async def do(visit: Visit) -> web.StreamResponse:
    request, said = await _request(visit), visit.ask.said(Step)
    try:
        if said.step == "access":
            return await _access(visit, request)
        await STEPS[said.step](visit, request, said)
    except (NotAllowed, Unfit, NoCallBack) as error:
        return await _shown(visit, request, wrong=visit.why(error))
    raise go(f"/requests/{request.id}")


async def certificate(visit: Visit) -> web.StreamResponse:
    """The signed certificate of an erasure, and the page of it, in one file to be kept."""
    request = await _request(visit)
    known, ledger = visit.services.policy().controllers.get(request.controller), visit.services.ledger
    try:
        made = certificates.sign(
            request, known.name if known else request.controller, ledger.identity, ledger.ring.keys.signing
        )
    except Unfit as error:
        return await _shown(visit, request, wrong=visit.why(error))
    return _kept(request, json.dumps(made, indent=2, ensure_ascii=False), certificate_page(made))


async def _access(visit: Visit, request: Request) -> web.StreamResponse:
    document = await give_access(visit.services.desk, visit.principal, request)
    return _kept(request, json.dumps(document, indent=2, ensure_ascii=False), access_page(document))


def _kept(request: Request, data: str, page: str) -> web.Response:
    """What a machine reads and what a person reads, in one archive that is named after the request."""
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        archive.writestr(f"{request.id}.json", data)
        archive.writestr(f"{request.id}.html", page)
    named = {"Content-Disposition": f'attachment; filename="{request.id}.zip"'}
    return web.Response(body=made.getvalue(), content_type="application/zip", headers=named)


async def _request(visit: Visit) -> Request:
    try:
        found = await visit.services.desk.request(visit.principal, visit.ask.request.match_info["request"])
    except Unfit:
        raise not_found() from None
    visit.ask.number, visit.ask.controller = found.number, found.controller
    return found


async def _shown(visit: Visit, request: Request, wrong: str = "") -> web.StreamResponse:
    entries = [entry.event async for batch in visit.services.ledger.requests(request.id) for entry in batch]
    return visit.show(
        "request.html", at="requests", request=request, events=entries, wrong=wrong, answers=list(Answer),
        today=visit.services.clock().date(), rights=Right, status=409 if wrong else 200,
    )  # fmt: skip


ROUTES: Final[tuple[Route, ...]] = (
    page("/requests", show_all, OFFICERS, "Requests of persons.", act="requests-listed"),
    page("/requests/{request}", show, OFFICERS, "One request.", tenant=Tenant.HIDDEN, act="request-shown"),
    act(
        "/requests/{request}", do, OFFICERS, "Do something with a request.", Step, tenant=Tenant.HIDDEN,
        enters=True,
    ),
    page(
        "/requests/{request}/certificate", certificate, OFFICERS, "The certificate of an erasure.",
        tenant=Tenant.HIDDEN, act="request-certified",
    ),
)  # fmt: skip
