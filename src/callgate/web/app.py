"""callgate over HTTP: health, readiness, the pages and their stream. On loopback only, for now.

Pages show masked numbers, and ask nothing of anyone but this server.
"""

import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from callgate.boundary import NotCommitted
from callgate.core.access import Principal, Role
from callgate.stores.errors import LedgerUnavailable, StoreUnavailable
from callgate.web.pages.files import static_files
from callgate.web.pages.site import House, Page, visit
from callgate.web.pages.table import PAGES
from callgate.web.stream import NoPlace, follow

_HOST: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:]+))(?::[0-9]+)?", re.ASCII)
"""A Host header: an IPv6 address in brackets, or a name, and perhaps a port (RFC 9110, 7.2)."""

# With `no-referrer` a browser sends `Origin: null` with a form, even one of our own (Fetch standard, 3.2).
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

PRINCIPAL: Final = web.RequestKey("principal", Principal)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Readiness = Callable[[], list[str]]
"""What stands between callgate and allowing calls; empty when nothing does."""


def make_app(house: House, readiness: Readiness) -> web.Application:
    """The application."""
    app = web.Application(middlewares=[_secure])
    app.on_response_prepare.append(_headers)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        missing = readiness()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def events(request: web.Request) -> web.StreamResponse:
        try:
            return await follow(request, house.live, who(request))
        except NoPlace as error:
            raise web.HTTPBadRequest(text=f"Last-Event-ID: {error}\n") from None

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/v1/events", events)
    for page in PAGES:
        app.router.add_route(page.method, page.path, _serve(page, house))
    for name, kind, body in static_files():
        app.router.add_get(f"/static/{name}", _file(kind, body))
    return app


def who(request: web.Request) -> Principal:
    """Who asks: until there are users, a supervisor of everything, on this machine."""
    return request.get(PRINCIPAL) or Principal("loopback", Role.SUPERVISOR)


def _serve(page: Page, house: House) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        visiting = visit(request, house, who(request), csrf="")
        if visiting.principal.role not in page.who:
            return visiting.refuse("site.forbidden", 403)
        try:
            return await page.handler(visiting)
        except (LedgerUnavailable, StoreUnavailable, NotCommitted):
            return visiting.refuse("site.unavailable", 503)

    return serve


@web.middleware
async def _secure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page elsewhere must not read this one by a name that resolves to loopback (DNS rebinding), nor send a form."""
    host = _HOST.fullmatch(request.host)
    if host is None or not _is_loopback(host[1] or host[2]):
        raise web.HTTPForbidden(text="callgate answers on loopback addresses only\n")
    if request.method not in ("GET", "HEAD"):
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site not in (None, "same-origin") or (origin is not None and urlsplit(origin).netloc != request.host):
            raise web.HTTPForbidden(text="this came from a page that is not callgate's\n")
    return await handler(request)


async def _headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def _is_loopback(host: str) -> bool:
    """Exactly: `127.example.org` is anybody's name."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _file(kind: str, body: bytes) -> Handler:
    async def file(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return file
