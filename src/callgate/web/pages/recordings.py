"""Recordings with a player, and the consent that each rests on.

The player asks for parts of the sound where somebody seeks; whoever listens is in the ledger before the first byte
(`recordings.listening`).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from aiohttp import web

from callgate.core.events import Event, Kind
from callgate.recordings.listening import LISTENERS
from callgate.web.pages.live import choices
from callgate.web.pages.site import Visit, page
from callgate.web.routing import Route

DAYS: Final = 7
MOST: Final = 50


async def show(visit: Visit) -> web.StreamResponse:
    """The recordings of a week, the newest first; of so many that they fill a page, the first."""
    query, services = visit.ask.request.query, visit.services
    last = _day(query.get("until", "")) or services.clock().date()
    campaign = query.get("campaign", "")[:80]
    until = datetime.combine(last, time(), UTC) + timedelta(days=1)
    found = await services.listening.recordings(
        visit.principal, campaign=campaign or None, since=until - timedelta(days=DAYS), until=until, limit=MOST
    )
    shown = [(one, await _consent(visit, one.call)) for one in reversed(found)]
    return visit.show(
        "recordings.html", at="recordings", recordings=shown, last=last, before=last - timedelta(days=DAYS), most=MOST,
        days=DAYS, campaign=campaign, campaigns=choices(visit.principal, services.policy())["campaigns"],
    )  # fmt: skip


async def _consent(visit: Visit, call: str) -> Event | None:
    entries = await visit.services.ledger.read(kinds=[Kind.CONSENT], call=call, limit=1)
    return entries[0].event if entries else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


ROUTES: Final[tuple[Route, ...]] = (page("/recordings", show, LISTENERS, "Recordings.", act="recordings-listed"),)
