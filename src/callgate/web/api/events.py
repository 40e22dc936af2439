"""What happens now, as server-sent events, each to those whom it concerns.

A stream ends when the session or token does that it was opened with: it is asked again at every heartbeat.
"""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from callgate.core.access import Area, Role
from callgate.live import Happening
from callgate.web.api.fields import In
from callgate.web.api.tenancy import sees_happening
from callgate.web.problems import invalid
from callgate.web.routing import Ask, Route, Tenant

HEARTBEAT_S: Final = 15.0
"""Proxies end a stream that is silent for long."""
WATCHERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.ADMIN, Role.MACHINE})


class EventsQuery(In):
    """`after`: the number of the last event that was seen; 0 for all that is kept. So does the header Last-Event-ID."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")] | None = None


async def stream(ask: Ask) -> web.StreamResponse:
    """`Last-Event-ID` asks for what came after it, `?after=0` for all that is kept."""
    asked = ask.request.headers.get("Last-Event-ID") or ask.asked(EventsQuery).after
    if asked is not None and not (asked.isascii() and asked.isdecimal() and len(asked) < 16):
        raise invalid("/Last-Event-ID", "the id of an event is a whole number")
    await ask.enter()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(ask.request)
    with suppress(ConnectionResetError):
        await _follow(ask, response, int(asked) if asked is not None else None)
    return response


async def _follow(ask: Ask, response: web.StreamResponse, seen: int | None) -> None:
    happenings = aiter(ask.services.live.watch(seen))
    following = asyncio.ensure_future(anext(happenings))
    loop = asyncio.get_running_loop()
    asked = loop.time()
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=HEARTBEAT_S)
            if loop.time() - asked >= HEARTBEAT_S:
                asked = loop.time()
                if not await ask.still_in():
                    return
            if not done:
                await response.write(b": still here\n\n")
                continue
            happening = following.result()
            following = asyncio.ensure_future(anext(happenings))
            if sees_happening(ask.principal, happening.facts, ask.services.policy()):
                await response.write(_frame(happening))
    finally:
        following.cancel()


def _frame(happening: Happening) -> bytes:
    data = json.dumps({"at": happening.at.isoformat(), "what": happening.what, **happening.facts})
    return f"id: {happening.id}\nevent: {happening.what}\ndata: {data}\n\n".encode()


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/events", handler=stream, summary="What happens now, as server-sent events.",
        who=WATCHERS, area=Area.EVENTS, tenant=Tenant.FILTERED, query=EventsQuery, gives="text/event-stream",
        act="events-followed",
    ),
)  # fmt: skip
