"""From the table of routes to an application: who may, what was sent, how often, and what the ledger is told.

The order, for every request:

1. How it came (`reach`): a name that is not ours, or an open network, is refused before anything is looked at.
2. Who asks: a token, or else a session. A token that is wrong is refused, also where nobody need be logged in.
3. May they: the role, the token's area, and whether they are confined.
4. How often.
5. What was sent (`sent`): whole, within its bounds, from our own pages, well formed.
6. The answer, once for each idempotency key; the ledger is told before anything is shown.

What goes wrong is a problem (RFC 9457). A store that is away is one too: nothing was done then.
"""

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from callgate.boundary import NotCommitted
from callgate.core.access import Area, Principal, Role
from callgate.core.faults import place_of
from callgate.stores.answers import Answer, Answers, KeyReused, UnderWay
from callgate.stores.errors import Behind, LedgerUnavailable, NotReady, StoreUnavailable
from callgate.web import problems, sent
from callgate.web.auth.door import Visitor
from callgate.web.limits import Limits, Rate
from callgate.web.pages.site import refusal
from callgate.web.problems import Problem
from callgate.web.reach import Reach, reach
from callgate.web.routing import Ask, Route, Tenant
from callgate.web.services import Services

log = structlog.stdlib.get_logger()

COOKIE: Final = "__Host-callgate"
"""Over TLS. A browser takes it from this very host only, for all of it, and sends it over TLS only."""
COOKIE_ON_LOOPBACK: Final = "callgate"
KEY_MOST: Final = 64
"""Characters of an idempotency key."""
UNKNOWN: Final = Rate(120, 40)
"""Requests of one address that nobody is known to send, or that have a wrong token."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with that a browser says of our own forms that they come from nowhere (Origin: null).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS: Final = "max-age=31536000"
LOGIN_PAGE: Final = "/login"

_PART: Final = re.compile(r"[0-9A-Za-z.:_-]{1,120}", re.ASCII)
"""What may stand for a part of a path: the id of a call, of a list."""

_FAILURES: Final = (LedgerUnavailable, NotCommitted, StoreUnavailable, NotReady, Behind)

MOUNTED: Final = web.AppKey("mounted", dict[object, Route])
"""The handlers of an application that have a route: no other is called."""

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(services: Services, table: Iterable[Route], now: Callable[[], float]) -> web.Application:
    """The application that serves this table. `now` gives seconds that only grow."""
    serving = _Serving(services, Limits(now))
    app = web.Application(middlewares=[serving.around()])
    app.on_response_prepare.append(_secure)
    for route in table:
        app.router.add_route(route.method, route.path, serving.mount(route))
    app[MOUNTED] = serving.mounted
    return app


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    """The headers that every answer has."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Which versions of what serve here is nobody's business.
    response.headers["Server"] = "callgate"


class _Serving:
    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._limits = limits
        self.mounted: dict[object, Route] = {}
        self._answers = Answers(services.ledger, services.clock)

    def around(self) -> Middleware:
        """What also holds for requests that no route is found for."""

        @web.middleware
        async def around(request: web.Request, handler: Respond) -> web.StreamResponse:
            try:
                return await self._reached(request, handler)
            except Problem as problem:
                return self._said(request, problem)
            except (web.HTTPRedirection, ConnectionResetError):
                raise
            except web.HTTPException as error:
                return self._said(request, problems.of_http(error))
            except _FAILURES as error:
                log.warning("not-served", path=_where(request), error=str(error))
                away = "a store cannot be reached, and nothing was done; try again"
                return self._said(request, problems.unavailable(away))
            except Exception as error:
                log.error("not-served", path=_where(request), error=type(error).__name__, place=place_of(error))
                return self._said(request, Problem(500, "fault", "callgate failed on this request; the log says where"))

        return around

    def _said(self, request: web.Request, problem: Problem) -> web.Response:
        """A problem, for a person where the route is a page."""
        route = self.mounted.get(request.match_info.handler)
        is_page = route is not None and route.page and route.gives == "text/html"
        return refusal(request, problem) if is_page else problem.response()

    async def _reached(self, request: web.Request, handler: Respond) -> web.StreamResponse:
        how = reach(request, self._services.http)
        match = request.match_info
        if match.http_exception is None and match.handler not in self.mounted:
            raise problems.not_found()
        response = await handler(request)
        if how.secure and not response.prepared:
            response.headers["Strict-Transport-Security"] = HSTS
        return response

    def mount(self, route: Route) -> Respond:
        """The route as aiohttp calls it."""

        async def respond(request: web.Request) -> web.StreamResponse:
            return await self.serve(request, route)

        self.mounted[respond] = route
        return respond

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Steps 2 to 6."""
        how = reach(request, self._services.http)
        visitor = await self._visitor(request, how, route)
        if route.page and route.safe and route.who is not None and visitor is None:
            raise web.HTTPSeeOther(f"{LOGIN_PAGE}?next={quote(request.path, safe='/')}")
        _may(route, visitor)
        if not all(map(_PART.fullmatch, request.match_info.values())):
            raise problems.not_found()
        who = visitor.principal.name if visitor else how.address
        ask = Ask(
            request, self._services, route, visitor, how, lambda: self._visitor(request, how, route),
            take=lambda what, rate: self._limits.take(who, what, rate),
        )  # fmt: skip
        self._take(who, route.name, route.rate)
        raw = await sent.receive(ask)
        if route.idempotent and (key := request.headers.get("Idempotency-Key")) is not None:
            return await self._once(ask, key, raw)
        return await _answer(ask)

    def _take(self, who: str, what: str, rate: Rate) -> None:
        if wait := self._limits.take(who, what, rate):
            raise problems.too_many(wait, f"more than {rate.a_minute:g} a minute; wait, then try again")

    async def _visitor(self, request: web.Request, how: Reach, route: Route) -> Visitor | None:
        """Who asks. Raises `Problem` for a token that is none."""
        given = request.headers.get("Authorization")
        if given is not None:
            kind, _, token = given.partition(" ")
            visitor = await self._services.door.by_token(token.strip()) if kind.lower() == "bearer" else None
            if visitor is None:
                self._take(how.address, "tokens", UNKNOWN)
                headers = {"WWW-Authenticate": 'Bearer realm="callgate", error="invalid_token"'}
                raise Problem(401, "not-logged-in", "the token is wrong, expired or taken back", headers=headers)
            return visitor
        if secret := request.cookies.get(cookie(how.secure)):
            return await self._services.door.by_session(secret)
        if route.area is Area.METRICS and self._services.http.metrics_on_loopback and how.is_loopback:
            return Visitor(Principal("loopback", Role.MACHINE), frozenset({Area.METRICS}))
        return None

    async def _once(self, ask: Ask, key: str, raw: bytes) -> web.StreamResponse:
        """Answer, or give the answer that was given before."""
        if not (0 < len(key) <= KEY_MOST and key.isascii() and key.isprintable()):
            raise problems.invalid("/Idempotency-Key", f"1 to {KEY_MOST} printable ASCII characters are needed")
        # With a key of ours, since a hash of a telephone number is easily tried out.
        what = b"\0".join([ask.route.name.encode(), ask.request.path_qs.encode(errors="surrogateescape"), raw])
        fingerprint = hmac.new(self._services.secret, b"idempotency\0" + what, sha256).digest()
        try:
            claim = await self._answers.claim(ask.principal.name, key, fingerprint)
        except KeyReused:
            detail = "this Idempotency-Key came with another request; a new request needs a new key"
            raise Problem(422, "key-reused", detail) from None
        except UnderWay:
            headers = {"Retry-After": "1"}
            raise Problem(409, "under-way", "a request with this key is being answered", headers=headers) from None
        if claim.given is not None:
            return web.json_response(text=claim.given.body, status=claim.given.status)
        try:
            response = await _answer(ask)
        except BaseException:
            await self._answers.forget(claim)
            raise
        if isinstance(response, web.Response):
            await self._answers.keep(claim, Answer(response.status, response.text or ""))
        return response


def cookie(secure: bool) -> str:
    """The name of the cookie with the session."""
    return COOKIE if secure else COOKIE_ON_LOOPBACK


def _where(request: web.Request) -> str:
    """The path as the table has it: what stands in its place may be anything."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"


def _may(route: Route, visitor: Visitor | None) -> None:
    """Raises `Problem` where the visitor may not use the route."""
    if route.who is None:
        return
    if visitor is None:
        headers = {"WWW-Authenticate": 'Bearer realm="callgate"'}
        raise Problem(401, "not-logged-in", "log in, or send an API token", headers=headers)
    principal = visitor.principal
    if principal.role not in route.who:
        raise problems.not_permitted(f"the role {principal.role} may not do this")
    if visitor.scopes is not None:
        if route.person:
            raise problems.not_permitted("a person who logged in may do this, and no token")
        if route.area is not None and route.area not in visitor.scopes:
            raise problems.not_permitted(f"the token is not for {route.area}")
    if route.tenant is Tenant.WHOLE and (principal.controllers is not None or principal.centres is not None):
        raise problems.not_permitted("this concerns all companies and centres, and you are confined to some")


async def _answer(ask: Ask) -> web.StreamResponse:
    """Let the route answer. The ledger is told before anything is shown."""
    answer = await ask.route.handler(ask)
    await ask.enter()
    if isinstance(answer, web.StreamResponse):
        return answer
    if answer is None:
        return web.Response(status=204)
    return web.json_response(
        text=json.dumps(answer.model_dump(mode="json"), ensure_ascii=False), status=ask.route.status
    )
