"""The application over real stores: SQLite, a Redis of the test's own, an office; and users of every role."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from aiohttp import ClientResponse, FormData, TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from playwright.async_api import BrowserContext

from callgate.accountability.breachreport import report
from callgate.config import Http
from callgate.core.access import Area, Principal, Role
from callgate.core.document import Document
from callgate.core.events import Event, Json, Kind
from callgate.core.law.transfers import Transfers
from callgate.core.partners import Partner, Way, What
from callgate.core.policy import Campaign, Centre, Controller, ListRule, Mandate, Policy
from callgate.core.purpose import Purpose
from callgate.core.retention import Terms as Kept
from callgate.front import tls_of
from callgate.listimport import Import, ListImports, Stage
from callgate.live import Live
from callgate.office.local import LocalOffice
from callgate.office.noting import Noting
from callgate.partnering import Erasing
from callgate.partners.feed import Feed
from callgate.pbx.recordings import Recordings
from callgate.pbx.sealing import Sealer
from callgate.recordings.archive import Archive
from callgate.recordings.listening import Listening
from callgate.rights.desk import Desk
from callgate.rules import transfers
from callgate.stores.accounts import Accounts, User
from callgate.stores.cache.connection import connect
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.outbox import Outbox
from callgate.watching.alarms import Alarms
from callgate.watching.metrics import MeasuredOffice, Metrics
from callgate.web.auth.door import Door, csrf_of, digest
from callgate.web.auth.door import Terms as SessionTerms
from callgate.web.auth.passwords import Passwords
from callgate.web.counted import Counted
from callgate.web.dialers import Dialers
from callgate.web.services import LeadsRefused, Services, Sifted
from callgate.web.serving import COOKIE_ON_LOOPBACK, make_app
from callgate.web.table import TABLE
from tests.node import sounds
from tests.node.fakes import DECISION
from tests.recordings.conftest import HEARD
from tests.stores.conftest import NOW, TOKENS, open_ledger
from tests.stores.servers import RedisServer

PASSWORD = "correct horse battery"
ANNA = "+33199001242"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TRANSFERS: Transfers = transfers()
TERMS = Kept(timedelta(365), timedelta(365), timedelta(1827))


def campaign(name: str, controller: str) -> Campaign:
    return Campaign(name, controller, Purpose.SERVICE, {"fr": "un service"}, {"FR": "fr"}, {}, "+3225550199")


POLICY = Policy(
    version="p1",
    home="BE",
    outside_line="",
    controllers={"acme": Controller("acme", "Acme"), "futura": Controller("futura", "Futura")},
    centres={
        "brussels": Centre("brussels", "Brussels", "BE", "fr"),
        "lille": Centre("lille", "Lille", "FR", "fr"),
        "casablanca": Centre("casablanca", "Casa Voix", "MA", "fr"),
    },
    campaigns={"spring": campaign("spring", "acme"), "autumn": campaign("autumn", "futura")},
    mandates={
        ("acme", "brussels"): Mandate("acme", "brussels", "DPA-1", date(2027, 1, 15)),
        ("futura", "lille"): Mandate("futura", "lille", "DPA-2", date(2099, 1, 1)),
        ("futura", "casablanca"): Mandate("futura", "casablanca", "DPA-3", date(2026, 10, 1)),
    },
    lists={"be-dncm": ListRule("be-dncm", "BE", 5)},
    law={},
    transfers=TRANSFERS,
)
"""Acme calls from Brussels, and Futura from Lille; its contract with Casablanca has lapsed."""
DAY: Final = timedelta(days=1)


class FakeSieve:
    """Gives back what it was given."""

    async def sift(self, leads: AsyncIterator[bytes], words: Mapping[str, str], *, blocked: bool) -> Sifted:
        body = b"".join([chunk async for chunk in leads])
        if not body.strip():
            raise LeadsRefused("the file holds no leads")

        async def content() -> AsyncIterator[bytes]:
            yield b"" if blocked else body

        return Sifted(content(), body.count(b"\n"), {})


class FakeBring:
    """Takes every file at once, unless it is told how it ends (`end`) or to wait (`held`)."""

    def __init__(self) -> None:
        self.files: list[bytes] = []
        self.words: list[Mapping[str, str | bool]] = []
        self.held: asyncio.Event | None = None
        self.end: Callable[[Import], None] = lambda one: one.ended(Stage.IN_FORCE)

    async def __call__(self, one: Import) -> None:
        assert one.file is not None
        one.file.seek(0)
        self.files.append(one.file.read())
        self.words.append(one.words)
        one.found = {"version": "v2", "numbers": 3, "new": 1, "gone": 0, "lines": 3, "broken": 0, "samples": []}
        if self.held is not None:
            one.end = self.held.set
            await self.held.wait()
            one.end = None
        if one.cancelled:
            one.ended(Stage.CANCELLED)
        else:
            self.end(one)


CRM = Partner("crm", frozenset({"futura"}), frozenset(What), Way.FEED)
ERP = Partner("erp", frozenset({"acme"}), frozenset(What), Way.FEED)
HOOK = Partner("hook", frozenset({"acme", "futura"}), frozenset(What), Way.WEBHOOK)


class FakeLater:
    """Enters nothing; says what it was to keep."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Json]] = []

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None:
        self.kept.append({"operation": operation, **facts})


@dataclass
class World:
    """What a test has at hand. `now` and `seconds` are the clocks: moved, never waited for."""

    ledger: Ledger
    cache: SuppressionCache
    redis: RedisServer
    live: Live
    door: Door
    services: Services
    client: TestClient[web.Request, web.Application]
    recordings: Recordings
    later_file: FakeLater
    bring: FakeBring
    now: datetime = NOW
    seconds: float = 0.0
    missing: list[str] = field(default_factory=list)
    kept: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()

    async def user(
        self,
        name: str,
        role: Role,
        controllers: frozenset[str] | None = None,
        centres: frozenset[str] | None = None,
    ) -> str:
        """A user with the password of all, and a token for everything."""
        hashed = await self.door.passwords.hash(PASSWORD)
        await self.door.accounts.add(User(name, role, controllers, centres, hashed), "test")
        return await self.door.make_token(name, "test", frozenset(Area), timedelta(days=1), "test")

    async def record(self, verdict: Event, seconds: float = 0.5) -> bytes:
        """A call that was recorded with the callee's consent, and its recording sealed; the WAV file."""
        call, said = str(verdict.call), {key: str(value) for key, value in verdict.payload.items()}
        await self.ledger.append([verdict])
        office = self.services.office
        await office._remember(call)
        await office.consent(call, HEARD)
        await office.record(Kind.RECORDING_STARTED, call, {})
        sounds.record(self.recordings, call, seconds)
        decision = replace(
            DECISION, call=call, campaign=said["campaign"], centre=said["centre"], controller=verdict.controller or ""
        )

        def alarm(what: str) -> None:
            raise AssertionError(what)

        sealed = await Sealer(office, self.recordings, lambda: self.now).seal(decision, "alice", alarm)
        assert sealed is not None
        playing = await self.services.listening.listen(Principal("test", Role.OFFICER), call)
        return b"".join([chunk async for chunk in playing.read()])

    async def ask(self, method: str, path: str, token: str = "", json: object = None, **headers: str) -> ClientResponse:
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=json, headers=auth | named, allow_redirects=False)

    async def log_in(self, name: str, password: str = PASSWORD) -> str:
        """Log in; the CSRF token. The client keeps the cookie."""
        answer = await self.ask("POST", "/api/v1/session", json={"name": name, "password": password})
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["csrf"])

    def at(self, path: str) -> str:
        """The address of a page."""
        return str(self.client.make_url(path))

    async def session(self, name: str) -> str:
        """The secret of a new session of this user's."""
        secret = token_urlsafe(32)
        await self.door.accounts.begin_session(digest(secret), name)
        return secret

    async def visit(
        self, name: str, method: str, path: str, form: Mapping[str, str] | None = None, session: str = "",
        file: bytes | None = None,
    ) -> ClientResponse:  # fmt: skip
        """Ask for a page, or send its form, perhaps with a file, with a session of this user's."""
        secret = session or await self.session(name)
        cookie, csrf = {"Cookie": f"{COOKIE_ON_LOOPBACK}={secret}"}, csrf_of(secret)
        if form is not None:
            data: object = {"csrf": csrf, **form}
            if file is not None:
                data = FormData({"csrf": csrf, **form})
                data.add_field("file", file, filename="register.txt")
            return await self.client.request(method, path, data=data, headers=cookie, allow_redirects=False)
        headers = {**cookie, "X-CSRF-Token": csrf}
        return await self.client.request(method, path, headers=headers, allow_redirects=False)

    async def enter(self, context: BrowserContext, name: str) -> None:
        """Let a browser in as this user."""
        secret = await self.door.log_in(name, PASSWORD, "127.0.0.1")
        await context.add_cookies([{"name": COOKIE_ON_LOOPBACK, "value": secret, "url": self.at("/")}])


@asynccontextmanager
async def a_world(
    folder: Path,
    http: Http | None = None,
    *,
    kept: int = 2_000,
    port: int | None = None,
    time: Callable[[], datetime] | None = None,
) -> AsyncIterator[World]:
    """Over a new ledger in this folder, or over the one that is there. `kept`: happenings of the stream.
    `time`: the clock, where it is not the world's own."""
    server = RedisServer()
    await server.start()
    redis = connect(server.url, connect_within=5)
    ledger = await open_ledger(folder)
    try:
        cache = SuppressionCache(redis, Keys("test:"), TOKENS, ledger.identity, answer_within=5)
        assert await rebuild(cache, ledger) == ()
        async with _served(ledger, cache, server, http or Http(), kept, port, folder, time) as world:
            yield world
    finally:
        await ledger.close()
        await redis.aclose()
        await server.end()


@asynccontextmanager
async def _served(
    ledger: Ledger,
    cache: SuppressionCache,
    redis: RedisServer,
    http: Http,
    kept: int,
    port: int | None,
    folder: Path,
    time: Callable[[], datetime] | None,
) -> AsyncIterator[World]:
    made: list[World] = []

    def clock() -> datetime:
        return time() if time else made[0].now if made else NOW

    async def missing() -> list[str]:
        return made[0].missing

    async def proposed() -> Policy:
        return replace(POLICY, version="p2", home="FR")

    def alarm(what: str, why: str) -> None:
        live.tell("alarm", alarm=what, why=why)

    async def destroy(calls: Sequence[str]) -> list[str]:
        return [call for call in calls if await recordings.destroy(call)]

    live, metrics, archive = Live(clock, kept), Metrics(), Archive(folder / "sealed")
    (folder / "spool").mkdir(mode=0o700, exist_ok=True)
    recordings = Recordings(folder / "spool", folder / "sealed")
    outbox = Outbox(ledger, [CRM, ERP, HOOK], clock)
    door = Door(Accounts(ledger, clock), Passwords(QUICK), clock, SessionTerms())
    later, bring = FakeLater(), FakeBring()
    alarms = Alarms(live, later, ledger, clock)
    office = LocalOffice(
        ledger, cache, policy=lambda: POLICY, clock=clock, doubt=lambda _: None, alarm=lambda _: None
    )  # fmt: skip
    dialers = Dialers(
        MeasuredOffice(office, metrics), live, clock, bytes(32), lambda what, facts: made[0].kept.append((what, facts))
    )
    services = Services(
        http=http, live=live, clock=clock, policy=lambda: POLICY, proposed=proposed, ledger=ledger, cache=cache,
        office=office, door=door, dialers=dialers, metrics=metrics, missing=missing, alarm=alarm, sieve=FakeSieve(),
        secret=bytes(32), feed=Feed(outbox, alarm), outbox=outbox,
        listening=Listening(ledger, archive, clock), archive=archive,
        noting=Noting(ledger, lambda: POLICY, clock, cache.contacts), languages=frozenset({"fr"}),
        desk=Desk(
            ledger, office, Journal(folder / "erasures.journal"), TERMS, clock, lambda: POLICY, Erasing(outbox, ledger),
            destroy,
        ),
        register=lambda one: Document("Register", [one or "all"], []),
        report=lambda found, aware: report(found, aware, {"acme": None}),
        alarms=alarms, imports=ListImports(folder, bring, clock), counted=Counted(ledger, clock),
    )  # fmt: skip
    app = make_app(services, TABLE, lambda: made[0].seconds)
    server = TestServer(app, port=port)
    await server.start_server(ssl=tls_of(http), shutdown_timeout=0.1)
    async with TestClient(server, connector=TCPConnector(ssl=False)) as client:
        made.append(World(ledger, cache, redis, live, door, services, client, recordings, later, bring))
        yield made[0]


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
