"""The pages for people's eyes, as lines of the table of routes."""

from typing import Final

from callgate.web.pages import files, live, login, preferences
from callgate.web.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *live.ROUTES,
    *login.ROUTES,
    *preferences.ROUTES,
    *files.ROUTES,
)
