"""The public form by which anybody objects to calls: no proof, no account, no script, no cookie (GDPR Art. 12(2), 21).

Every number that is one gets the same answer, in force before it is given: whether it was ever called, or objects
already, nobody learns here. So anybody can enter anybody's number; it stands in the ledger that it came by this door,
and an officer can take it back. What keeps a machine from entering a telephone book is a limit for each address.

There is no session that another site could borrow. Yet it could send the form from its visitors' addresses, past the
limit: so a form is taken from our own page only (`Sec-Fetch-Site`, `Origin`), with a token that holds for its address
and an hour."""

import hmac
import secrets
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from callgate.core import written
from callgate.core.phone import NotANumber
from callgate.web.limiting import Limit

OFTEN: Final = 10
EVERY: Final = timedelta(minutes=15)
"""Objections from one address, and in what time."""
TOKEN_HOLDS: Final = timedelta(hours=1)
MOST_BYTES: Final = 4096
"""Of a form."""
DEFAULT_LANGUAGE: Final = "en"

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}
_STATUS: Final = {"": 200, "noted": 200, "unreadable": 422, "again": 403, "often": 429, "failed": 503}

Object = Callable[[str, str], Awaitable[bool]]
"""Enters the objection of a number (E.164) to a controller's calls; whether it is committed and in force."""


def address_of(request: web.Request) -> str:
    """From where a request comes: what a proxy on this machine says of it, which is the last that it added, or the
    peer.

    What came to that proxy in the same header is anybody's to write, and stands before it.
    """
    peer = request.remote or ""
    said = request.headers.getall("X-Forwarded-For", [])
    return said[-1].rpartition(",")[2].strip() if said and _is_local(peer) else peer


def _is_local(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody sent, as it came."""

    number: str = ""
    controller: str = ""
    token: str = ""


class Objecting:
    """The page. `companies` are the controllers by id, with their names; national numbers are those of `home`.

    `address` says from where a request comes.
    """

    def __init__(
        self,
        enter: Object,
        companies: Callable[[], Mapping[str, str]],
        home: str,
        *,
        clock: Callable[[], datetime],
        address: Callable[[web.Request], str] = address_of,
    ) -> None:
        self._enter = enter
        self._companies = companies
        self._home = home
        self._clock = clock
        self._address = address
        self._limit = Limit(OFTEN, EVERY, clock)
        self._key = secrets.token_bytes(32)

    @property
    def routes(self) -> list[web.RouteDef]:
        """Where it is mounted."""
        return [
            web.get("/objection", self._show),
            web.post("/objection", self._take),
            web.get("/objection.css", _style),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return self._page(request, "", Form(controller=request.query.get("controller", "")))

    async def _take(self, request: web.Request) -> web.Response:
        form = await _form(request)
        outcome = await self._outcome(request, form)
        return self._page(request, outcome, form)

    async def _outcome(self, request: web.Request, form: Form) -> str:
        if not _from_our_page(request) or not self._holds(form.token, self._address(request)):
            return "again"
        if not self._limit.allows(self._address(request)):
            return "often"
        try:
            number = written.read(form.number, self._home).e164
        except NotANumber:
            return "unreadable"
        if form.controller not in self._companies():
            return "again"
        return "noted" if await self._enter(number, form.controller) else "failed"

    def _page(self, request: web.Request, outcome: str, form: Form) -> web.Response:
        language = _language(request)
        says = texts()
        text = template().render(
            language=language,
            says=says[language],
            outcome=outcome,
            token=self._token(self._address(request), self._clock()),
            number="" if outcome == "noted" else form.number,
            controller=form.controller,
            companies=sorted(self._companies().items(), key=lambda one: one[1].casefold()),
            languages=[(code, one["name"]) for code, one in says.items()],
        )
        headers = {**_HEADERS, "Content-Language": language}
        return web.Response(text=text, content_type="text/html", status=_STATUS[outcome], headers=headers)

    def _token(self, address: str, at: datetime) -> str:
        moment = str(int(at.timestamp()))
        return f"{moment}.{hmac.digest(self._key, f'{moment} {address}'.encode(), 'sha256').hex()}"

    def _holds(self, token: str, address: str) -> bool:
        moment = token.partition(".")[0]
        if not (moment.isascii() and moment.isdecimal() and len(moment) <= 12):
            return False
        at = datetime.fromtimestamp(int(moment), self._clock().tzinfo)
        fresh = timedelta() <= self._clock() - at <= TOKEN_HOLDS
        return fresh and hmac.compare_digest(token.encode(errors="replace"), self._token(address, at).encode())


async def _form(request: web.Request) -> Form:
    """What was sent; empty where it is no form of ours."""
    raw = await request.content.read(MOST_BYTES + 1)
    while len(raw) <= MOST_BYTES and (more := await request.content.read(MOST_BYTES + 1)):
        raw += more
    try:
        said = dict(parse_qsl(raw[:MOST_BYTES].decode(), max_num_fields=10)) if len(raw) <= MOST_BYTES else {}
    except ValueError:
        said = {}
    return Form(said.get("number", "")[:40], said.get("controller", ""), said.get("token", ""))


def _from_our_page(request: web.Request) -> bool:
    """What a browser says of where a form stands; whatever is no browser says nothing, and borrows nobody's address.

    `Sec-Fetch-Site` is asked first: behind a proxy our own name may be another than that in `Origin`.
    """
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _language(request: web.Request) -> str:
    """The language that was asked for, or the first that the browser wants and we speak (RFC 9110, 12.5.4, by
    order)."""
    wanted = [request.query.get("lang", ""), *request.headers.get("Accept-Language", "").split(",")]
    codes = (one.strip()[:2].lower() for one in wanted)
    return next((code for code in codes if code in texts()), DEFAULT_LANGUAGE)


async def _style(_: web.Request) -> web.Response:
    text = files("callgate.web").joinpath("static", "objection.css").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/css", charset="utf-8")


@cache
def texts() -> dict[str, dict[str, str]]:
    """What the page says, by language."""
    return tomllib.loads(files("callgate.web").joinpath("objection", "texts.toml").read_text(encoding="utf-8"))


@cache
def template() -> Template:
    """The page."""
    loader = PackageLoader("callgate.web", "objection")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html")
