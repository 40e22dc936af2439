"""What was sent: read within its bounds, from our own pages where a session came with it, and well formed.

A browser adds the cookie of a session to whatever a page elsewhere lets it send. So a change that is made with a
session must come from our own pages: the browser says where it comes from (Fetch Metadata, Origin), and it brings a
token that only they can have.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from callgate.web import problems
from callgate.web.problems import Problem
from callgate.web.routing import FORM_WITH_FILE, Ask

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
BODY_WITHIN_S: Final = 30.0
"""For the whole of a body that is taken at once, and for each piece of one that is streamed."""
PIECE: Final = 256 << 10
FIELDS_MOST: Final = 100
FIELD_MOST: Final = 4096
"""Bytes of a field before a file."""
_BROKEN: Final = (web.RequestPayloadError, HttpProcessingError, ValueError)
"""What a body raises that breaks off, or that is no form (aiohttp)."""


async def receive(ask: Ask) -> bytes:
    """Read what was sent, see that it comes from our own pages, and validate it; the body where the route takes a
    model. Raises `Problem`."""
    if ask.route.takes == FORM_WITH_FILE:
        fields = await _before_file(ask)
        _check_origin(ask, fields)
        _validate(ask, lambda model: model.model_validate(_without_token(fields)))
        return b""
    raw = await _read(ask)
    _check_origin(ask, _fields(ask.request, raw))
    _validate(ask, lambda model: _model(ask.request, model, raw, form=ask.route.page))
    return raw


async def _read(ask: Ask) -> bytes:
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
        raise _too_slow() from None
    return bytes(raw)


async def pieces(ask: Ask) -> AsyncIterator[bytes]:
    """What a route takes as a stream, as it comes: the body, or the file behind the fields of a form.

    Raises `Problem` where it is too large, stops coming, or does not end as it should: what is cut short is not whole.
    """
    if ask.file is None and ask.request.content_type.startswith("multipart/"):
        raise Problem(415, "media-type", "the file itself is the body here, and no form: curl --data-binary @FILE")
    seen = 0
    while chunk := await _piece(ask):
        seen += len(chunk)
        if seen > ask.route.most:
            raise Problem(413, "too-large", f"a file of more than {ask.route.most >> 20:,} MiB is not taken here")
        yield chunk


async def _piece(ask: Ask) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            if ask.file is None:
                return await ask.request.content.readany()
            while not ask.file.at_eof():
                if chunk := await ask.file.read_chunk(PIECE):
                    return chunk
            return b""
    except TimeoutError:
        raise _too_slow() from None
    except _BROKEN:
        raise Problem(400, "unreadable", "the file broke off, or the form with it cannot be read") from None


def _too_slow() -> Problem:
    return Problem(408, "too-slow", f"for {BODY_WITHIN_S:g} s nothing came, or not all that was to come")


async def _before_file(ask: Ask) -> Mapping[str, str]:
    """The fields of a form up to the file, which has to be the last of it and is left to be read."""
    if ask.request.content_type != FORM_WITH_FILE:
        raise Problem(415, "media-type", f"a body of {FORM_WITH_FILE} is needed")
    fields: dict[str, str] = {}
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            form = await ask.request.multipart()
            while isinstance(part := await form.next(), BodyPartReader):
                if part.filename is not None:
                    ask.file = part
                    return fields
                fields[part.name or ""] = await _field(part)
                if len(fields) > FIELDS_MOST:
                    break
    except TimeoutError:
        raise _too_slow() from None
    except _BROKEN:
        pass
    raise Problem(400, "unreadable", "the form cannot be read: its fields come first, and one file behind them")


async def _field(part: BodyPartReader) -> str:
    value = bytearray()
    while not part.at_eof():
        value += await part.read_chunk(PIECE)
        if len(value) > FIELD_MOST:
            raise ValueError
    return value.decode()


def _check_origin(ask: Ask, fields: Mapping[str, str]) -> None:
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
    token = request.headers.get(CSRF_HEADER) or fields.get(CSRF_FIELD, "")
    if not secrets.compare_digest(token.encode(errors="replace"), visitor.csrf.encode()):
        raise problems.not_permitted(f"the {CSRF_HEADER} of this session is missing: GET /api/v1/session tells it")


def _fields(request: web.Request, raw: bytes) -> Mapping[str, str]:
    """The fields of a form; none where it is no form."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=FIELDS_MOST))
    except ValueError:
        raise Problem(400, "unreadable", "the form cannot be read") from None


def _without_token(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name != CSRF_FIELD}


def _validate(ask: Ask, made: Callable[[type[BaseModel]], BaseModel]) -> None:
    """Query and body as the route's models. Raises `Problem`."""
    request, route = ask.request, ask.route
    try:
        if route.query is not None:
            ask.query = route.query.model_validate(dict(request.query))
        if route.body is not None:
            ask.body = made(route.body)
    except ValidationError as error:
        raise problems.of_validation(error) from None


def _model(request: web.Request, model: type[BaseModel], raw: bytes, *, form: bool) -> BaseModel:
    if form and request.content_type == "application/x-www-form-urlencoded":
        return model.model_validate(_without_token(_fields(request, raw)))
    if request.content_type != "application/json":
        detail = f"a body of {'application/x-www-form-urlencoded' if form else 'application/json'} is needed"
        raise Problem(415, "media-type", detail)
    return model.model_validate_json(raw)
