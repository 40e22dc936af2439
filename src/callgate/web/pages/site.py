"""What all pages have in common: who looks, how a page is put together, and how one is entered in the table of routes.

A page is a `Route` like any other, made by `page` or `act`. Its handler is given a `Visit` and answers with what
`Visit.show` made of a template. Templates escape whatever they are given; they hold no script and no style, which the
content security policy would not run. What goes wrong is a page too (`refusal`).

A person's number is never in an address or a log: a page about somebody is the answer to a form.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from callgate.core.access import Principal, Role
from callgate.core.refusals import Refused
from callgate.web.api.fields import In
from callgate.web.pages.texts import LANGUAGES, Texts, choose, texts
from callgate.web.problems import Problem
from callgate.web.routing import Ask, Route, Tenant
from callgate.web.services import Services

WATCHERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.ADMIN})
READERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER})
OFFICERS: Final = frozenset({Role.OFFICER})
ADMINS: Final = frozenset({Role.ADMIN})
KEEPERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
CALLERS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER})

NAVIGATION: Final[tuple[tuple[str, str, frozenset[Role]], ...]] = (
    ("live", "/", WATCHERS),
    ("agent", "/agent", frozenset({Role.AGENT})),
    ("calls", "/calls", READERS),
    ("person", "/person", OFFICERS),
    ("requests", "/requests", OFFICERS),
    ("recordings", "/recordings", READERS),
    ("partners", "/partners", OFFICERS),
    ("lists", "/lists", WATCHERS),
    ("companies", "/companies", WATCHERS),
    ("users", "/users", ADMINS),
    ("ledger", "/ledger", KEEPERS),
)
"""Pages by the key of their name, in the order in which they are offered, and to whom."""

THEMES: Final = ("auto", "light", "dark")
LANGUAGE_COOKIE: Final = "language"
THEME_COOKIE: Final = "theme"


class Nothing(In):
    """A form that only says: do it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, in the reader's language and theme."""

    ask: Ask
    text: Texts

    @property
    def principal(self) -> Principal:
        """Who looks."""
        return self.ask.principal

    @property
    def services(self) -> Services:
        """What pages show, and what can be done from them."""
        return self.ask.services

    def show(self, template: str, *, at: str, status: int = 200, **facts: Any) -> web.Response:
        """The page that a template makes; `at` is its place in the navigation."""
        visitor = self.ask.visitor
        return _rendered(
            self.ask.request, template, status, at=at, now=self.services.clock(),
            principal=visitor.principal if visitor else None, csrf=visitor.csrf if visitor else "", **facts,
        )  # fmt: skip

    def why(self, error: Refused) -> str:
        """Why something was refused, in the reader's language."""
        return self.text(f"refusal.{error.refusal}", **error.fields)

    def sees(self, controller: str | None, centre: str | None) -> bool:
        """See `Principal.sees`."""
        return self.principal.sees(controller, centre)


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


def page(path: str, handler: Handler, who: frozenset[Role], summary: str, **more: Any) -> Route:
    """A page that is looked at; `more` as `Route` takes it."""
    return _route("GET", path, handler, who=who, summary=summary, **more)


def act(path: str, handler: Handler, who: frozenset[Role], summary: str, body: type[BaseModel], **more: Any) -> Route:
    """A form that does something, or that asks what stands in no address; `more` as `Route` takes it."""
    return _route("POST", path, handler, who=who, summary=summary, body=body, **more)


def _route(method: str, path: str, handler: Handler, **more: Any) -> Route:
    async def serve(ask: Ask) -> web.StreamResponse:
        return await handler(visit(ask))

    usual = {"tenant": Tenant.FILTERED, "gives": "text/html"}
    return Route(method=method, path=path, handler=serve, page=True, person=True, **{**usual, **more})


def visit(ask: Ask) -> Visit:
    """The visit that a request is."""
    return Visit(ask, texts_of(ask.request))


def texts_of(request: web.Request) -> Texts:
    """The texts in the reader's language."""
    return texts(choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", "")))


def refusal(request: web.Request, problem: Problem) -> web.Response:
    """A problem as a page: what went wrong in the reader's language, and the sentence of whoever found it."""
    text = texts_of(request)
    why = text.by_key.get(f"problem.{problem.kind}") or text("problem.other")
    answer = _rendered(
        request, "refused.html", problem.status, at="", principal=None, csrf="", why=why, problem=problem
    )  # fmt: skip
    answer.headers.update(problem.headers)
    return answer


def _rendered(request: web.Request, template: str, status: int, /, **facts: Any) -> web.Response:
    principal, theme = facts["principal"], request.cookies.get(THEME_COOKIE, "")
    offered = [(key, path) for key, path, who in NAVIGATION if principal is not None and principal.role in who]
    body = _templates().get_template(template).render(
        text=texts_of(request), theme=theme if theme in THEMES else "auto", navigation=offered, languages=LANGUAGES,
        themes=THEMES, here=_here(request, facts["at"]), **facts,
    )  # fmt: skip
    return web.Response(text=body, content_type="text/html", charset="utf-8", status=status)


def _here(request: web.Request, at: str) -> str:
    """Where choosing a language leads back to: what a form asked for is not shown again."""
    if request.method != "GET":
        return "/"
    return request.path_qs if at else request.path


def go(place: str) -> web.HTTPSeeOther:
    """To be raised once something was done: the reader is sent on, so that a page loaded again does it not twice."""
    return web.HTTPSeeOther(place)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("callgate.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "day": _day, "iso": _iso}
    return environment


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _day(at: date) -> str:
    return f"{at:%Y-%m-%d}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
