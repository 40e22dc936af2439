"""What all pages have in common: what they show it from, who looks, and how a page is put together.

A page is a line of `pages.table`: path, handler, and the roles that may open it. Its handler is given a `Visit` and
answers with what `Visit.show` made of a template. Templates escape whatever they are given; they hold no script and no
style, which the content security policy would not run.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Protocol

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from callgate.alarms import Alarms
from callgate.clock import Clock
from callgate.core.access import Principal, Role
from callgate.core.events import Event
from callgate.core.gate import ListState
from callgate.core.policy import Policy
from callgate.live import Live
from callgate.onfile import OnFile
from callgate.stores.ledger import Ledger
from callgate.web.pages.texts import LANGUAGES, Texts, choose, texts
from callgate.web.pages.verifying import Verifying

WATCHERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.ADMIN})
READERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER})
OFFICERS: Final = frozenset({Role.OFFICER})
KEEPERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
CALLERS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER})

NAVIGATION: Final[tuple[tuple[str, str, frozenset[Role]], ...]] = (
    ("live", "/", WATCHERS),
    ("agent", "/agent", frozenset({Role.AGENT})),
    ("calls", "/calls", READERS),
    ("person", "/person", OFFICERS),
    ("lists", "/lists", WATCHERS),
    ("companies", "/companies", WATCHERS),
    ("ledger", "/ledger", KEEPERS),
)
"""Pages by the key of their name, in the order in which they are offered, and to whom."""

THEMES: Final = ("auto", "light", "dark")
LANGUAGE_COOKIE: Final = "language"
THEME_COOKIE: Final = "theme"


class Objecting(Protocol):
    """The office, as far as pages let people object."""

    async def object(self, call: str, by: str) -> None:
        """The callee of that call objects. Raises `NotCommitted`."""

    async def suppress(self, *events: Event) -> None:
        """Enter objections. Raises `NotCommitted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What pages show, and what can be done from them. `on_file` and `lists` raise what the stores raise."""

    live: Live
    ledger: Ledger
    clock: Clock
    policy: Callable[[], Policy]
    alarms: Alarms
    office: Objecting
    on_file: Callable[[str], Awaitable[list[OnFile]]]
    lists: Callable[[], Awaitable[dict[str, ListState]]]
    verifying: Verifying = field(default_factory=Verifying)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page: by whom, in which language and theme. `csrf` goes into each form."""

    request: web.Request
    house: House
    principal: Principal
    text: Texts
    theme: str
    csrf: str

    def show(self, template: str, *, at: str, status: int = 200, **facts: Any) -> web.Response:
        """The page that a template makes; `at` is its place in the navigation."""
        offered = [(key, path) for key, path, who in NAVIGATION if self.principal.role in who]
        body = _templates().get_template(template).render(
            text=self.text, theme=self.theme, csrf=self.csrf, at=at, navigation=offered, principal=self.principal,
            languages=LANGUAGES, themes=THEMES, here=self.request.path_qs, now=self.house.clock(), **facts,
        )  # fmt: skip
        return web.Response(text=body, content_type="text/html", charset="utf-8", status=status)

    def refuse(self, why: str, status: int) -> web.Response:
        """A page that says why there is none; `why` is the key of a text."""
        return self.show("refused.html", at="", status=status, why=self.text(why))

    async def form(self) -> Mapping[str, str]:
        """The fields of the form that was sent, without spaces around them."""
        return {name: value.strip() for name, value in (await self.request.post()).items() if isinstance(value, str)}

    def sees(self, controller: str | None, centre: str | None) -> bool:
        """See `Principal.sees`."""
        return self.principal.sees(controller, centre)


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """A line of the table of pages. `act`: under which name the ledger is told that somebody did this."""

    method: str
    path: str
    handler: Handler
    who: frozenset[Role]
    act: str = ""


def visit(request: web.Request, house: House, principal: Principal, csrf: str) -> Visit:
    """The visit that a request is."""
    language = choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
    theme = request.cookies.get(THEME_COOKIE, "")
    return Visit(request, house, principal, texts(language), theme if theme in THEMES else "auto", csrf)


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


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
