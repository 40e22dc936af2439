"""The pages for people's eyes, as lines of the table of routes."""

from typing import Final

from callgate.web.pages import (
    agent,
    calls,
    companies,
    files,
    ledger,
    listimport,
    lists,
    live,
    login,
    partners,
    person,
    preferences,
    recordings,
    requests,
    users,
)
from callgate.web.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *live.ROUTES,
    *agent.ROUTES,
    *calls.ROUTES,
    *person.ROUTES,
    *requests.ROUTES,
    *recordings.ROUTES,
    *partners.ROUTES,
    *lists.ROUTES,
    *listimport.ROUTES,
    *companies.ROUTES,
    *users.ROUTES,
    *ledger.ROUTES,
    *login.ROUTES,
    *preferences.ROUTES,
    *files.ROUTES,
)
