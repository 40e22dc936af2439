"""`/api/v1/partners/NAME/feed` and `…/acknowledge`: a partner fetches what it is to be told, and says what it did.

Who asks is known by a bearer token (RFC 6750). Somebody else's feed looks like one that there is not.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiohttp import web

from callgate.core.access import Principal
from callgate.core.events import Json
from callgate.core.partners import MOST_BYTES, BadReply, NotForYou

USUAL: Final = 100
"""Items of an answer where the question does not say how many."""
_DIGITS: Final = 18

Who = Callable[[str], Principal | None]
"""Whose a token is."""
Asking = Callable[[Principal, str], Awaitable[dict[str, Json]]]


class Feeds(Protocol):
    """What answers: see `callgate.partners.feed.Feed`. Both raise `NotForYou`; `acknowledge` also raises `BadReply`."""

    async def feed(self, principal: Principal, partner: str, after: int, limit: int) -> dict[str, Json]:
        """Items after a place, and the place to go on from."""

    async def acknowledge(self, principal: Principal, partner: str, raw: bytes) -> dict[str, Json]:
        """Take the partner's word."""


def feed_routes(feeds: Feeds, who: Who) -> list[web.RouteDef]:
    """The routes."""

    async def feed(request: web.Request) -> web.Response:
        after, limit = _whole(request, "after", 0), _whole(request, "limit", USUAL)
        return await _answer(request, who, lambda principal, name: feeds.feed(principal, name, after, limit))

    async def acknowledge(request: web.Request) -> web.Response:
        raw = await _body(request)
        return await _answer(request, who, lambda principal, name: feeds.acknowledge(principal, name, raw))

    return [
        web.get("/api/v1/partners/{name}/feed", feed),
        web.post("/api/v1/partners/{name}/acknowledge", acknowledge),
    ]


async def _answer(request: web.Request, who: Who, ask: Asking) -> web.Response:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    principal = who(token) if scheme.lower() == "bearer" and token else None
    if principal is None:
        raise web.HTTPUnauthorized(
            text="show your token: Authorization: Bearer …\n", headers={"WWW-Authenticate": "Bearer"}
        )
    try:
        said = await ask(principal, request.match_info["name"])
    except NotForYou:
        raise web.HTTPNotFound(text="there is no such feed\n") from None
    except BadReply as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None
    return web.json_response(said, headers={"Cache-Control": "no-store"})


def _whole(request: web.Request, name: str, otherwise: int) -> int:
    asked = request.query.get(name, str(otherwise))
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= _DIGITS):
        raise web.HTTPBadRequest(text=f"{name} is a whole number\n")
    return int(asked)


async def _body(request: web.Request) -> bytes:
    raw = bytearray()
    async for block in request.content.iter_any():
        raw += block
        if len(raw) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(raw))
    return bytes(raw)
