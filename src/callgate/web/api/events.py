"""What happens now, as server-sent events, each to those whom it concerns.

A stream ends when the session or token does that it was opened with: it is asked again at every beat.
"""

from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from callgate.core.access import Area, Role
from callgate.web.api.fields import In
from callgate.web.problems import invalid
from callgate.web.routing import Ask, Route, Tenant
from callgate.web.stream import begin, follow

WATCHERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.ADMIN, Role.MACHINE})


class EventsQuery(In):
    """`after`: the id of the last event that was seen; 0 for all that is kept. So does the header Last-Event-ID."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-z-]{1,40}$")] | None = None


async def stream(ask: Ask) -> web.StreamResponse:
    """`Last-Event-ID` asks for what came after it, `?after=0` for all that is kept."""
    named = ask.request.headers.get("Last-Event-ID") or ask.asked(EventsQuery).after
    try:
        begun = begin(ask.services.live, named)
    except ValueError as error:
        raise invalid("/Last-Event-ID", str(error)) from None
    await ask.enter()
    return await follow(ask.request, ask.services.live, ask.principal, begun, ask.still_in)


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/events", handler=stream, summary="What happens now, as server-sent events.",
        who=WATCHERS, area=Area.EVENTS, tenant=Tenant.FILTERED, query=EventsQuery, gives="text/event-stream",
        act="events-followed",
    ),
)  # fmt: skip
