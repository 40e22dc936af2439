"""One table of routes, from which all the rest comes: what is served, what `/openapi.json` says, who is let in.

A route says who may use it, what it takes, what it answers, how often it may be asked, and what the ledger is told of
it. Nothing else can be mounted: a request whose handler has no route is not answered (`serving`), and the test of
authorisation walks this table.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from aiohttp import BodyPartReader, web
from pydantic import BaseModel

from callgate.core.access import Area, Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.web.auth.door import Visitor
from callgate.web.limits import Rate
from callgate.web.problems import not_permitted
from callgate.web.reach import Reach
from callgate.web.services import Services

M = TypeVar("M", bound=BaseModel)

EVERYONE: Final = frozenset(Role)
SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
BODY_MOST: Final = 64 << 10
"""Bytes of a body, unless a route says otherwise."""

FORM_WITH_FILE: Final = "multipart/form-data"

USUAL: Final = Rate(600, 60)
"""How often, unless a route says otherwise."""


class Tenant(StrEnum):
    """How a route keeps one company's, and one centre's, data from the others."""

    NOBODYS = "nobodys"
    """There is none in it."""
    FILTERED = "filtered"
    """What others own is left out."""
    HIDDEN = "hidden"
    """One thing is asked for: that of another is answered as if it were not there."""
    NAMED = "named"
    """Whose it is, is said in the request: that of another is refused."""
    WHOLE = "whole"
    """It concerns everyone: only who is not confined may."""


@dataclass(slots=True)
class Ask:
    """One request that was let in, and what of it was found to be well formed.

    `again` asks once more who it is that asks, for what lasts long. `take` counts once more towards a limit of their
    own: seconds to wait where that is too often, else 0.
    """

    request: web.Request
    services: Services
    route: "Route"
    visitor: Visitor | None
    reach: Reach
    again: Callable[[], Awaitable[Visitor | None]]
    take: Callable[[str, Rate], float]
    body: BaseModel | None = None
    query: BaseModel | None = None
    file: BodyPartReader | None = None
    """Of a form with a file: the file, which is still to be read (`sent.pieces`)."""
    number: str | None = None
    """The person whom it turned out to be about; so that the ledger can say to them who looked."""
    controller: str | None = None
    people: Counter[str] = field(default_factory=Counter)
    """Where it turned out to be about many: how many, by controller."""
    entered: bool = False

    @property
    def principal(self) -> Principal:
        """Who asks."""
        if self.visitor is None:
            raise not_permitted("nobody is logged in")
        return self.visitor.principal

    async def still_in(self) -> bool:
        """Whether they would still be let in. Raises `LedgerUnavailable`."""
        return await self.again() is not None

    def said(self, model: type[M]) -> M:
        """The body, as the route's model."""
        return _as(self.body, model)

    def asked(self, model: type[M]) -> M:
        """The query, as the route's model."""
        return _as(self.query, model)

    async def enter(self) -> None:
        """Tell the ledger who does this, once, before it is shown. Raises `LedgerUnavailable`."""
        if self.entered or not self.route.act:
            return
        self.entered = True
        facts: dict[str, Json] = {"act": self.route.act, "by": self.principal.name, **self.request.match_info}
        facts |= {"shows": True} if self.route.shows else {}
        facts |= {"people": dict[str, Json](self.people)} if self.people else {}
        event = Event(Kind.ACT, self.services.clock(), None, self.number, self.controller, facts)
        await self.services.ledger.append([event])


Handler = Callable[[Ask], Awaitable[BaseModel | web.StreamResponse | None]]
"""Answers: a model (as JSON), nothing (204), or a response of its own. Raises `Problem`, and what the stores raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table.

    `who`: the roles that may; None is anyone at all, logged in or not. `area`: what a token must be for; None is any.
    `person`: somebody's session is needed, a token will not do. `takes`: the media type of a body that is streamed,
    or `FORM_WITH_FILE` where a file follows the fields of `body`. `gives`: that of an answer which is no model;
    `status`: of one that is. `most`: bytes of the body. `idempotent`: an `Idempotency-Key` is
    heeded. `act`: under which name the ledger is told of it; `enters`: it enters events of its own with `by`. `page`:
    it is for people's eyes, so that who is not logged in is sent to do so, and the API's description leaves it out.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    who: frozenset[Role] | None
    tenant: Tenant
    area: Area | None = None
    person: bool = False
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    takes: str = ""
    gives: str = ""
    status: int = 200
    rate: Rate = USUAL
    most: int = BODY_MOST
    idempotent: bool = False
    act: str = ""
    enters: bool = False
    page: bool = False

    @property
    def safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method in SAFE

    @property
    def shows(self) -> bool:
        """Whether it shows what is held on people, so that a breach is measured by it too."""
        return self.tenant in (Tenant.FILTERED, Tenant.HIDDEN, Tenant.NAMED) and bool(self.act)

    @property
    def name(self) -> str:
        """Method and path: no two routes share it."""
        return f"{self.method} {self.path}"


def _as(value: BaseModel | None, model: type[M]) -> M:
    if not isinstance(value, model):
        raise TypeError(f"the route does not say that it takes a {model.__name__}")
    return value
