"""The national lists: which version is in force, how old it is, and what follows from that."""

from typing import Final

from aiohttp import web

from callgate.core.ages import Age, all_aged
from callgate.core.events import Kind
from callgate.stores.errors import StoreUnavailable
from callgate.stores.ledger.history import latest
from callgate.watching.lists import list_states
from callgate.web.pages.site import KEEPERS, WATCHERS, Visit, page
from callgate.web.routing import Tenant

VERSIONS_SHOWN: Final = 20

STATES: Final = {Age.FRESH: "good", Age.HALF: "warning", Age.STALE: "bad", Age.MISSING: "bad"}


async def show(visit: Visit) -> web.StreamResponse:
    """All lists that are configured, the worst first."""
    rules, now, away = visit.services.policy().lists, visit.services.clock(), ""
    try:
        states = await list_states(visit.services.cache)
    except StoreUnavailable as error:
        states, away = {}, str(error)
    aged = sorted(all_aged(rules, states, now), key=lambda one: list(STATES).index(one.age), reverse=True)
    rows = [(one, rules[one.list], states.get(one.list), STATES[one.age]) for one in aged]
    loaded = [entry.event for entry in await latest(visit.services.ledger, Kind.LIST_LOADED, VERSIONS_SHOWN)]
    return visit.show(
        "lists.html",
        at="lists",
        rows=rows,
        away=away,
        loaded=loaded,
        importer=visit.sees(None, None) and visit.principal.role in KEEPERS,
    )


ROUTES: Final = (page("/lists", show, WATCHERS, "The national lists.", tenant=Tenant.NOBODYS),)
