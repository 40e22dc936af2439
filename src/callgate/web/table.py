"""The table of routes: everything that callgate answers over HTTP. A new route is a line of its file, and a new file a
line here."""

from typing import Final

from callgate.web import objecting
from callgate.web.api import (
    accounts,
    calls,
    configured,
    consents,
    events,
    gate,
    health,
    lists,
    notes,
    partners,
    recordings,
    requests,
    scrub,
    session,
    suppressions,
)
from callgate.web.pages import table as pages
from callgate.web.routing import Route

TABLE: Final[tuple[Route, ...]] = (
    *pages.ROUTES,
    *session.ROUTES,
    *gate.ROUTES,
    *calls.ROUTES,
    *suppressions.ROUTES,
    *consents.ROUTES,
    *recordings.ROUTES,
    *events.ROUTES,
    *scrub.ROUTES,
    *configured.ROUTES,
    *lists.ROUTES,
    *notes.ROUTES,
    *requests.ROUTES,
    *partners.ROUTES,
    *accounts.ROUTES,
    *objecting.ROUTES,
    *health.ROUTES,
    health.description(lambda: TABLE),
)
