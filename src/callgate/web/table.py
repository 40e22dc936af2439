"""The table of routes: everything that callgate answers over HTTP. A new route is a line of its file, and a new file a
line here."""

from importlib.resources import files
from typing import Final

from aiohttp import web

from callgate.core.access import Role
from callgate.web import objecting
from callgate.web.api import (
    accounts,
    calls,
    configured,
    consents,
    events,
    gate,
    health,
    notes,
    partners,
    recordings,
    requests,
    scrub,
    session,
    suppressions,
)
from callgate.web.routing import Ask, Handler, Route, Tenant

WATCHERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.ADMIN})

_FILES: Final = {
    "/": ("live.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
}


def _file(name: str, kind: str) -> Handler:
    text = files("callgate.web").joinpath("static", name).read_text(encoding="utf-8")

    async def show(_: Ask) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return show


def _pages() -> tuple[Route, ...]:
    """The live page, for those who may follow it; its style and script are no secret, and the log-in page uses one."""
    return tuple(
        Route(
            method="GET", path=path, handler=_file(name, kind), summary=f"The live page: {name}.",
            who=WATCHERS if kind == "text/html" else None, tenant=Tenant.NOBODYS, gives=kind, page=True,
        )
        for path, (name, kind) in _FILES.items()
    )  # fmt: skip


TABLE: Final[tuple[Route, ...]] = (
    *_pages(),
    *session.ROUTES,
    *gate.ROUTES,
    *calls.ROUTES,
    *suppressions.ROUTES,
    *consents.ROUTES,
    *recordings.ROUTES,
    *events.ROUTES,
    *scrub.ROUTES,
    *configured.ROUTES,
    *notes.ROUTES,
    *requests.ROUTES,
    *partners.ROUTES,
    *accounts.ROUTES,
    *objecting.ROUTES,
    *health.ROUTES,
    health.description(lambda: TABLE),
)
