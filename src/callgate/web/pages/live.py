"""The live page: its frame, the whole state that its script begins with, and the taking of an alarm.

The script folds happenings into the state as `core.board` does here. It is given the state with the page, and asks for
it again when it missed too much.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from callgate.core.access import Principal, Role
from callgate.core.board import Alarm
from callgate.core.policy import Policy
from callgate.core.reasons import ALLOWING, Reason
from callgate.core.tally import DAY, Kind
from callgate.live import Live
from callgate.web.pages.site import WATCHERS, Visit, go, page, visit
from callgate.web.problems import not_found
from callgate.web.routing import Route, Tenant

HOUR_SLOT, DAY_SLOT = 1, 15
"""Minutes that a bar of the chart stands for."""

BLOCKING = tuple(reason for reason in Reason if reason not in ALLOWING)


async def show(visit: Visit) -> web.StreamResponse:
    if visit.principal.role is Role.AGENT:
        raise go("/agent")
    services, query = visit.services, visit.ask.request.query
    state = {
        "state": state_for(visit.principal, services.live, services.clock()),
        "texts": visit.text.under("live", "stage", "reason", "alarm", "part", "family", "state", "moment"),
        "language": visit.text.language,
    }
    chosen = {key: query.get(key, "") for key in ("centre", "campaign", "reason", "q")}
    span = "day" if query.get("span") == "day" else "hour"
    return visit.show(
        "live.html", at="live", begin=state, chosen=chosen, span=span, reasons=BLOCKING,
        choices=choices(visit.principal, services.policy()),
    )  # fmt: skip


async def state(visit: Visit) -> web.StreamResponse:
    """The state as JSON, and the place in the stream up to which it is true."""
    return web.json_response(state_for(visit.principal, visit.services.live, visit.services.clock()))


async def take(visit: Visit) -> web.StreamResponse:
    """Take an alarm: 204, or 404 where somebody has it already or it was never there for them to see."""
    services, alarm = visit.services, visit.ask.request.match_info["alarm"]
    standing = services.live.board.standing(alarm)
    if standing is None or standing not in services.live.board.alarms(visit.principal):
        raise not_found("no such alarm stands")
    await services.alarms.take(alarm, visit.principal.name)
    return web.Response(status=204)


def state_for(principal: Principal, live: Live, now: datetime) -> dict[str, Any]:
    """What somebody may see of the board. No await within: it is true up to one place."""
    board = live.board

    def sees(kind: Kind) -> bool:
        return principal.sees(kind.controller or None, kind.centre or None)

    return {
        "place": live.place(),
        "now": now.isoformat(),
        "calls": [dict(call) for call in board.calls(principal)],
        "blocks": [dict(block) for block in board.blocks(principal)],
        "moments": [dict(moment) for moment in board.moments(principal)],
        "alarms": [_alarm(alarm) for alarm in board.alarms(principal)],
        "hour": list(board.tally.counts(now, timedelta(hours=1), HOUR_SLOT, sees)),
        "day": list(board.tally.counts(now, DAY, DAY_SLOT, sees)),
        "health": board.health,
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    at = {"first": alarm.first.isoformat(), "last": alarm.last.isoformat()}
    return {**alarm.facts, "id": alarm.id, "alarm": alarm.alarm, "times": alarm.times, **at}


def choices(principal: Principal, policy: Policy) -> dict[str, list[str]]:
    """The centres and campaigns that somebody may choose from."""
    return {"centres": sorted(_centres(principal, policy)), "campaigns": sorted(_campaigns(principal, policy))}


def _centres(principal: Principal, policy: Policy) -> Iterator[str]:
    for centre in policy.centres:
        mandated = {mandate.controller for mandate in policy.mandates.values() if mandate.centre == centre}
        if any(principal.sees(controller, centre) for controller in mandated) or principal.sees(None, centre):
            yield centre


def _campaigns(principal: Principal, policy: Policy) -> Iterator[str]:
    for campaign in policy.campaigns.values():
        if principal.controllers is None or campaign.controller in principal.controllers:
            yield campaign.id


ROUTES: Final = (
    page("/", show, WATCHERS | {Role.AGENT}, "The live page; an agent is sent to theirs.", act="live-shown"),
    page("/live/state", state, WATCHERS, "What stands on the live page.", gives="application/json", act="live-shown"),
    Route(
        method="POST", path="/alarms/{alarm}/take", handler=lambda ask: take(visit(ask)), who=WATCHERS, page=True,
        summary="Take an alarm.", tenant=Tenant.HIDDEN, person=True, enters=True,
    ),
)  # fmt: skip
