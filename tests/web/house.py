"""callgate's pages over a real ledger, with two companies whose calls must not meet, and a browser to look at them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from callgate.alarms import Alarms
from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import ListState
from callgate.core.policy import Campaign, Centre, Controller, ListRule, Mandate, Policy
from callgate.core.purpose import Purpose
from callgate.live import Live
from callgate.onfile import on_file
from callgate.rules import transfers
from callgate.stores.ledger import Ledger
from callgate.web.app import PRINCIPAL, make_app
from callgate.web.pages.site import House
from tests.stores.conftest import NOW, TOKENS, open_ledger

ANNA = "+33199001242"
OFFICER = Principal("olga", Role.OFFICER)
ACMES = Principal("sam", Role.SUPERVISOR, frozenset({"acme"}))
BRUSSELS = Principal("berta", Role.SUPERVISOR, None, frozenset({"brussels"}))
AGENT = Principal("alice", Role.AGENT)


def _campaign(name: str, controller: str) -> Campaign:
    return Campaign(name, controller, Purpose.MARKETING, {"fr": "un service"}, {"FR": "fr"}, {}, "+3225550199")


POLICY = Policy(
    version="7f3a91",
    home="BE",
    outside_line="",
    controllers={"acme": Controller("acme", "Acme Énergie"), "futura": Controller("futura", "Futura Habitat")},
    centres={
        "brussels": Centre("brussels", "Contact Brussels", "BE", "fr"),
        "lille": Centre("lille", "Lille Appels", "FR", "fr"),
        "casablanca": Centre("casablanca", "Casa Voix", "MA", "fr"),
    },
    campaigns={"spring": _campaign("spring", "acme"), "autumn": _campaign("autumn", "futura")},
    mandates={
        ("acme", "brussels"): Mandate("acme", "brussels", "DPA-2026-1", date(2026, 12, 9)),
        ("futura", "lille"): Mandate("futura", "lille", "DPA-2026-2", date(2027, 6, 30)),
        ("futura", "casablanca"): Mandate("futura", "casablanca", "DPA-2024-8", date(2026, 10, 1)),
    },
    lists={"be-dncm": ListRule("be-dncm", "BE", 5), "fr-bloctel": ListRule("fr-bloctel", "FR", 30)},
    law={},
    transfers=transfers(),
)
"""Acme calls from Brussels, Futura from Lille and Casablanca."""


class FakeLater:
    """Enters nothing; says what it was to keep."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Json]] = []

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None:
        self.kept.append({"operation": operation, **facts})


class FakeOffice:
    """Enters objections in the ledger, and in no cache."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.objected: list[tuple[str, str]] = []

    async def object(self, call: str, by: str) -> None:
        self.objected.append((call, by))

    async def suppress(self, *events: Event) -> None:
        await self._ledger.append(events)


@dataclass
class Pages:
    """The pages as they are served, and what they show. `principal` is who asks from now on."""

    ledger: Ledger
    live: Live
    office: FakeOffice
    later: FakeLater
    house: House
    server: TestServer
    principal: Principal | None = None
    now: datetime = NOW
    missing: list[str] = field(default_factory=list)

    def at(self, path: str) -> str:
        return str(self.server.make_url(path))


async def lists() -> dict[str, ListState]:
    return {"fr-bloctel": ListState("2026-11-20", NOW - timedelta(days=4))}


@asynccontextmanager
async def pages(folder: Path, kept: int = 2_000, port: int | None = None) -> AsyncIterator[Pages]:
    """The pages over a new ledger in this folder, or over the one that is there."""
    made: list[Pages] = []

    def clock() -> datetime:
        return made[0].now if made else NOW

    ledger = await open_ledger(folder)
    live, later = Live(clock, kept), FakeLater()
    office = FakeOffice(ledger)
    house = House(
        live=live,
        ledger=ledger,
        clock=clock,
        policy=lambda: POLICY,
        alarms=Alarms(live, later, ledger, clock),
        office=office,
        on_file=lambda number: on_file(ledger, TOKENS, number),
        lists=lists,
    )

    @web.middleware
    async def somebody(request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:
        if (principal := made[0].principal) is not None:
            request[PRINCIPAL] = principal
        return await handler(request)  # type: ignore[operator,no-any-return]

    app = make_app(house, lambda: made[0].missing)
    app.middlewares.append(somebody)  # type: ignore[arg-type]
    server = TestServer(app, port=port)
    made.append(Pages(ledger, live, office, later, house, server))
    try:
        await server.start_server(shutdown_timeout=0.1)
        yield made[0]
    finally:
        await server.close()
        await ledger.close()


def verdict(
    call: str,
    reason: str,
    *,
    at: datetime = NOW,
    number: str = ANNA,
    controller: str = "acme",
    campaign: str = "spring",
    centre: str = "brussels",
    agent: str = "alice",
) -> Event:
    """A verdict as the office enters it."""
    allowed = reason == "clear"
    trail: list[Json] = [
        {"rule": "number", "passed": True, "saw": "+33 ••• 42, mobile, FR"},
        {"rule": "centre", "passed": True, "saw": f"{centre} in BE"},
        {"rule": "fr-hours", "passed": allowed, "saw": "outside 10:00 to 13:00 and 14:00 to 20:00"},
    ]
    payload: dict[str, Json] = {
        "outcome": "allow" if allowed else "block",
        "reason": reason,
        "detail": "" if allowed else "outside 10:00 to 13:00 and 14:00 to 20:00 (Décret 2022-1313, art. 1)",
        "source": "" if allowed else "Décret 2022-1313, art. 1",
        "retry_at": None if allowed else (NOW + timedelta(hours=2)).isoformat(),
        "trail": trail,
        "policy": "7f3a91",
        "pbx": "main",
        "uniqueid": f"1764000000.{call[-2:]}",
        "agent": agent,
        "campaign": campaign,
        "purpose": "marketing",
        "centre": centre,
    }
    return Event(Kind.VERDICT, at, call, number, controller, payload)
