"""The table of pages: everything for people's eyes that callgate serves, and who may open it."""

from typing import Final

from callgate.core.access import Role
from callgate.web.pages import agent, calls, companies, ledger, lists, live, person, preferences
from callgate.web.pages.site import CALLERS, KEEPERS, OFFICERS, READERS, WATCHERS, Page

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/", live.page, WATCHERS),
    Page("GET", "/live/state", live.state, WATCHERS),
    Page("POST", "/alarms/{alarm}/take", live.take, WATCHERS),
    Page("GET", "/agent", agent.show, CALLERS),
    Page("POST", "/agent", agent.object_, CALLERS),
    Page("GET", "/calls", calls.show_all, READERS, act="calls-listed"),
    Page("GET", "/calls/{call}", calls.show, READERS, act="call-shown"),
    Page("GET", "/person", person.ask, OFFICERS),
    Page("POST", "/person", person.show, OFFICERS, act="person-shown"),
    Page("POST", "/person/object", person.object_, OFFICERS),
    Page("GET", "/lists", lists.show, WATCHERS),
    Page("GET", "/companies", companies.show, WATCHERS),
    Page("GET", "/ledger", ledger.show, KEEPERS),
    Page("POST", "/ledger/verify", ledger.verify, KEEPERS, act="ledger-verified"),
    Page("POST", "/preferences", preferences.keep, frozenset(Role)),
)
