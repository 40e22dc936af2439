"""What was sent: read within its bounds, from our own pages where a session came with it, and well formed.

A browser adds the cookie of a session to whatever a page elsewhere lets it send. So a change that is made with a
session must come from our own pages: the browser says where it comes from (Fetch Metadata, Origin), and it brings a
token that only they can have.
"""

import asyncio
import secrets
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from pydantic import BaseModel, ValidationError

from callgate.web import problems
from callgate.web.problems import Problem
from callgate.web.routing import Ask

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
BODY_WITHIN_S: Final = 30.0


async def read(ask: Ask) -> bytes:
    """The body, where the route takes a model. Raises `Problem` where it is too large or too slow."""
    if ask.route.body is None:
        return b""
    content, most = ask.request.content, ask.route.most
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in content.iter_any():
                raw += chunk
                if len(raw) > most:
                    raise Problem(413, "too-large", f"a body of more than {most:,} bytes is not taken here")
    except TimeoutError:
        raise Problem(408, "too-slow", f"the body did not arrive within {BODY_WITHIN_S:g} s") from None
    return bytes(raw)


def check_origin(ask: Ask, raw: bytes) -> None:
    """Against forged requests. Raises `Problem`.

    What a token came with is no browser's doing; a log-in has no session to be forged with, but might be made for
    somebody.
    """
    visitor, request = ask.visitor, ask.request
    if ask.route.safe or (visitor is not None and visitor.scopes is not None):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin") or (origin is not None and urlsplit(origin).netloc != request.host):
        raise problems.not_permitted("this came from a page that is not callgate's")
    if visitor is None or ask.route.who is None:
        return
    token = request.headers.get(CSRF_HEADER) or dict(_fields(request, raw)).get(CSRF_FIELD, "")
    if not secrets.compare_digest(token.encode(errors="replace"), visitor.csrf.encode()):
        raise problems.not_permitted(f"the {CSRF_HEADER} of this session is missing: GET /api/v1/session tells it")


def _fields(request: web.Request, raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form; none where it is no form."""
    if request.content_type != "application/x-www-form-urlencoded":
        return []
    return parse_qsl(raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=100)


def validate(ask: Ask, raw: bytes) -> None:
    """Body and query as the route's models. Raises `Problem`."""
    request, route = ask.request, ask.route
    try:
        if route.query is not None:
            ask.query = route.query.model_validate(dict(request.query))
        if route.body is not None:
            ask.body = _body(request, route.body, raw, form=route.page)
    except ValidationError as error:
        raise problems.of_validation(error) from None
    except ValueError:
        raise Problem(400, "unreadable", "the form cannot be read") from None


def _body(request: web.Request, model: type[BaseModel], raw: bytes, *, form: bool) -> BaseModel:
    if form and request.content_type == "application/x-www-form-urlencoded":
        return model.model_validate({name: value for name, value in _fields(request, raw) if name != CSRF_FIELD})
    if request.content_type != "application/json":
        detail = f"a body of {'application/x-www-form-urlencoded' if form else 'application/json'} is needed"
        raise Problem(415, "media-type", detail)
    return model.model_validate_json(raw)
