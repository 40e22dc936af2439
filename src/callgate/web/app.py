"""callgate over HTTP: health, readiness, and the live page that supervisors watch. On loopback only, for now.

The page shows masked numbers, and asks nothing of anyone but this server.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from importlib.resources import files
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from callgate.live import Happening, Live

HEARTBEAT_S: Final = 15.0
"""Proxies end a stream that is silent for long."""

_HOST: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:]+))(?::[0-9]+)?", re.ASCII)
"""A Host header: an IPv6 address in brackets, or a name, and perhaps a port (RFC 9110, 7.2)."""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PAGES: Final = {
    "/": ("live.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Readiness = Callable[[], list[str]]
"""What stands between callgate and allowing calls; empty when nothing does."""


def make_app(live: Live, readiness: Readiness, more: Iterable[web.RouteDef] = ()) -> web.Application:
    """The application; `more` are routes of others."""
    app = web.Application(middlewares=[_secure])

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        missing = readiness()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def events(request: web.Request) -> web.StreamResponse:
        return await _stream(request, live)

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/v1/events", events)
    app.router.add_routes(more)
    for path, (name, kind) in _PAGES.items():
        app.router.add_get(path, _page(name, kind))
    return app


@web.middleware
async def _secure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page elsewhere must not read this one by a name that resolves to loopback (DNS rebinding)."""
    host = _HOST.fullmatch(request.host)
    if host is None or not _is_loopback(host[1] or host[2]):
        raise web.HTTPForbidden(text="callgate answers on loopback addresses only\n")
    return await handler(request)


def _is_loopback(host: str) -> bool:
    """Exactly: `127.example.org` is anybody's name."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _page(name: str, kind: str) -> Handler:
    body = files("callgate.web").joinpath("static", name).read_text(encoding="utf-8")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    return page


async def _stream(request: web.Request, live: Live) -> web.StreamResponse:
    """Server-sent events; `Last-Event-ID` asks for what came after it, `?after=0` for all that is kept."""
    asked = request.headers.get("Last-Event-ID") or request.query.get("after")
    if asked is not None and not (asked.isascii() and asked.isdecimal() and len(asked) < 16):
        raise web.HTTPBadRequest(text="Last-Event-ID is the id of an event: a whole number\n")
    response = web.StreamResponse(headers=_HEADERS | {"Content-Type": "text/event-stream"})
    await response.prepare(request)
    stream = aiter(live.watch(int(asked) if asked is not None else None))
    following = asyncio.ensure_future(anext(stream))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=HEARTBEAT_S)
            if done:
                await response.write(_frame(following.result()))
                following = asyncio.ensure_future(anext(stream))
            else:
                await response.write(b": still here\n\n")
    except ConnectionResetError:
        return response
    finally:
        following.cancel()


def _frame(happening: Happening) -> bytes:
    data = json.dumps({"at": happening.at.isoformat(), "what": happening.what, **happening.facts})
    return f"id: {happening.id}\nevent: {happening.what}\ndata: {data}\n\n".encode()
