"""The public form by which anybody objects to calls: no proof, no account, no script, no cookie (GDPR Art. 12(2), 21).

Every number that is one gets the same answer, in force before it is given: whether it was ever called, or objects
already, nobody learns here. So anybody can enter anybody's number; it stands in the ledger that it came by this door,
and an officer can take it back. What keeps a machine from entering a telephone book is a limit for each address.

There is no session that another site could borrow. Yet it could send the form from its visitors' addresses, past the
limit: so a form is taken from our own page only (`sent.receive`), with a token that holds for its address and an
hour."""

import hmac
import tomllib
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import BaseModel, StringConstraints

from callgate.core import written
from callgate.core.phone import NotANumber
from callgate.web.limits import Rate
from callgate.web.routing import Ask, Route, Tenant

OFTEN: Final = Rate(10 / 15, 10)
"""Objections from one address."""
TOKEN_HOLDS: Final = timedelta(hours=1)
MOST_BYTES: Final = 4096
"""Of a form."""
DEFAULT_LANGUAGE: Final = "en"

_STATUS: Final = {"": 200, "noted": 200, "unreadable": 422, "again": 403, "often": 429, "failed": 503}

_Written = Annotated[str, StringConstraints(max_length=200)]


class Form(BaseModel):
    """What somebody sent, as it came."""

    number: _Written = ""
    controller: _Written = ""
    token: _Written = ""


class FormQuery(BaseModel):
    """The language of the page, and the company that is chosen on it. What else links carry is nobody's concern."""

    lang: str = ""
    controller: str = ""


async def show(ask: Ask) -> web.StreamResponse:
    return _page(ask, "", Form.model_construct(controller=ask.asked(FormQuery).controller))


async def take(ask: Ask) -> web.StreamResponse:
    form = ask.said(Form)
    return _page(ask, await _outcome(ask, form), form)


async def _outcome(ask: Ask, form: Form) -> str:
    if not _holds(ask, form.token):
        return "again"
    if ask.take("objections", OFTEN):
        return "often"
    policy = ask.services.policy()
    try:
        number = written.read(form.number, policy.home).e164
    except NotANumber:
        return "unreadable"
    if form.controller not in policy.controllers:
        return "again"
    return "noted" if await ask.services.office.object_by_form(number, form.controller) else "failed"


def _page(ask: Ask, outcome: str, form: Form) -> web.Response:
    language, says = _language(ask), texts()
    companies = {one.id: one.name for one in ask.services.policy().controllers.values()}
    text = template().render(
        language=language,
        says=says[language],
        outcome=outcome,
        token=_token(ask, ask.services.clock()),
        number="" if outcome == "noted" else form.number,
        controller=form.controller,
        companies=sorted(companies.items(), key=lambda one: one[1].casefold()),
        languages=[(code, one["name"]) for code, one in says.items()],
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(text=text, content_type="text/html", status=_STATUS[outcome], headers=headers)


def _token(ask: Ask, at: datetime) -> str:
    moment = str(int(at.timestamp()))
    said = f"objection form\0{moment} {ask.reach.address}"
    return f"{moment}.{hmac.digest(ask.services.secret, said.encode(), 'sha256').hex()}"


def _holds(ask: Ask, token: str) -> bool:
    moment = token.partition(".")[0]
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= 11):
        return False
    now = ask.services.clock()
    at = datetime.fromtimestamp(int(moment), now.tzinfo)
    fresh = timedelta(seconds=-1) < now - at <= TOKEN_HOLDS
    return fresh and hmac.compare_digest(token.encode(errors="replace"), _token(ask, at).encode())


def _language(ask: Ask) -> str:
    """The language that was asked for, or the first that the browser wants and we speak (RFC 9110, 12.5.4, by
    order)."""
    wanted = [ask.asked(FormQuery).lang, *ask.request.headers.get("Accept-Language", "").split(",")]
    codes = (one.strip()[:2].lower() for one in wanted)
    return next((code for code in codes if code in texts()), DEFAULT_LANGUAGE)


async def style(_: Ask) -> web.StreamResponse:
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


ROUTES: Final = (
    Route(
        method="GET", path="/objection", handler=show, summary="The public form of objection.", who=None,
        tenant=Tenant.NOBODYS, query=FormQuery, gives="text/html", page=True,
    ),
    Route(
        method="POST", path="/objection", handler=take, summary="An objection by the public form.", who=None,
        tenant=Tenant.NOBODYS, query=FormQuery, body=Form, gives="text/html", most=MOST_BYTES, page=True, enters=True,
    ),
    Route(
        method="GET", path="/objection.css", handler=style, summary="The style of the public form.", who=None,
        tenant=Tenant.NOBODYS, gives="text/css", page=True,
    ),
)  # fmt: skip
