"""The table of pages: everything for people's eyes that callgate serves, and who may open it."""

from typing import Final

from callgate.core.access import Role
from callgate.web.pages import live, preferences
from callgate.web.pages.site import WATCHERS, Page

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/", live.page, WATCHERS),
    Page("GET", "/live/state", live.state, WATCHERS),
    Page("POST", "/preferences", preferences.keep, frozenset(Role)),
    Page("POST", "/alarms/{alarm}/take", live.take, WATCHERS),
)
