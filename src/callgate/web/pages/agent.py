"""An agent's own page: why a call was blocked, and the objection of whoever they have, or had, on the line.

A user who is an agent bears the name of the telephone's `CALLGATE_AGENT`; whoever supervises names an agent.
"""

from datetime import timedelta
from typing import Final

from aiohttp import web

from callgate.core.access import Role
from callgate.core.events import Kind
from callgate.core.phone import mask
from callgate.stores.ledger.history import verdicts
from callgate.stores.ledger.questions import Question
from callgate.stores.schema import Entry
from callgate.web.api.fields import In, Line
from callgate.web.pages.calls import call_of, wanted
from callgate.web.pages.site import CALLERS, Visit, act, go, page
from callgate.web.problems import not_found

MOST: Final = 15
OBJECTED_WITHIN: Final = timedelta(hours=12)
"""How long after a call its agent may still say that the person objected: a shift."""


class OfCall(In):
    """Whose call it is about."""

    call: Line


async def show(visit: Visit) -> web.StreamResponse:
    """The agent's latest calls."""
    agent = _agent(visit)
    found: list[Entry] = []
    if agent:
        last = await visit.services.ledger.last_seq()
        found, _ = await verdicts(visit.services.ledger, wanted(visit, agent=agent), last + 1, MOST)
    call = visit.ask.request.query.get("objected", "")[:80]
    done = bool(call) and bool(await visit.services.ledger.read(kinds=[Kind.OBJECTION], call=call, limit=1))
    now = visit.services.clock()
    return visit.show(
        "agent.html", at="agent", agent=agent, calls=[call_of(entry.event) for entry in found], done=done,
        since=now - OBJECTED_WITHIN,
    )  # fmt: skip


async def object_(visit: Visit) -> web.StreamResponse:
    """The person of that call objects. In force, at every centre, when the page comes back."""
    call, agent = visit.ask.said(OfCall).call, _agent(visit)
    entries = await visit.services.ledger.search(Question(call=call, kinds=[Kind.VERDICT], limit=1)) if call else []
    verdict = entries[0].event if entries else None
    centre = verdict.payload.get("centre") if verdict else None
    if (
        verdict is None
        or verdict.payload.get("agent") != agent
        or verdict.payload.get("outcome") != "allow"
        or verdict.at < visit.services.clock() - OBJECTED_WITHIN
        or not visit.sees(verdict.controller, str(centre) if centre else None)
    ):
        raise not_found()
    await visit.services.office.object(call, visit.principal.name)
    said = {key: verdict.payload.get(key) for key in ("campaign", "centre", "agent")}
    number = mask(verdict.number) if verdict.number else ""
    visit.services.live.tell(
        "objection", call=call, number=number, controller=verdict.controller, **said, by=visit.principal.name
    )
    raise go(str(visit.ask.request.rel_url.update_query(objected=call)))


def _agent(visit: Visit) -> str:
    if visit.principal.role is Role.AGENT:
        return visit.principal.name
    return visit.ask.request.query.get("agent", "")[:80]


ROUTES: Final = (
    page("/agent", show, CALLERS, "An agent's latest calls, and why they were blocked.", act="calls-listed"),
    act("/agent", object_, CALLERS, "The person of a call objects.", OfCall, enters=True),
)
