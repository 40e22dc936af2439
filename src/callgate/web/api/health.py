"""Whether callgate is alive and ready, what it measures of itself, and the description of its API."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from aiohttp import web

from callgate.core.access import Area, Role
from callgate.watching.metrics import MEDIA_TYPE
from callgate.web.api.fields import Out
from callgate.web.limits import Rate
from callgate.web.openapi import describe
from callgate.web.routing import Ask, Route, Tenant

OFTEN: Final = Rate(6000, 600)


class Alive(Out):
    """The process answers."""

    status: Literal["alive"]


class Ready(Out):
    """Whether calls would be allowed, and if not what is missing; that is told on the machine itself only."""

    ready: bool
    missing: list[str]


async def alive(_: Ask) -> Alive:
    return Alive(status="alive")


async def ready(ask: Ask) -> web.StreamResponse:
    """What is missing names hosts and files: it is told on this machine, and to whom we know."""
    missing = await ask.services.missing()
    told = missing if ask.visitor is not None or ask.reach.is_loopback else []
    return web.json_response(
        text=Ready(ready=not missing, missing=told).model_dump_json(), status=503 if missing else 200
    )


async def metrics(ask: Ask) -> web.StreamResponse:
    return web.Response(body=await ask.services.metrics.text(), headers={"Content-Type": MEDIA_TYPE})


def description(table: Callable[[], Sequence[Route]]) -> Route:
    """The route of the description of this table."""

    async def openapi(_: Ask) -> web.StreamResponse:
        return web.json_response(describe(table()))

    return Route(
        method="GET", path="/openapi.json", handler=openapi, summary="This description.", who=None,
        tenant=Tenant.NOBODYS, gives="application/json",
    )  # fmt: skip


ROUTES: Final = (
    Route(
        method="GET", path="/healthz", handler=alive, summary="Whether the process answers.", who=None,
        tenant=Tenant.NOBODYS, answer=Alive, rate=OFTEN,
    ),
    Route(
        method="GET", path="/readyz", handler=ready,
        summary="Whether calls would be allowed: 200, or 503 with what is missing. Asks the stores.", who=None,
        tenant=Tenant.NOBODYS, answer=Ready, rate=OFTEN,
    ),
    Route(
        method="GET", path="/metrics", handler=metrics, summary="What callgate measures of itself, for Prometheus.",
        who=frozenset({Role.ADMIN, Role.MACHINE}), area=Area.METRICS, tenant=Tenant.WHOLE, gives="text/plain",
    ),
)  # fmt: skip
