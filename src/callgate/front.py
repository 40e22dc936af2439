"""callgate's front: pages and API over HTTP, over the parts that the daemon built, and what is measured of these."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from callgate import config
from callgate.accountability.breachreport import report
from callgate.accountability.register import register
from callgate.boundary import NotCommitted
from callgate.clock import Clock
from callgate.config import Http, Settings
from callgate.core.policy import Policy
from callgate.listimport import ListImports, ProcessBring
from callgate.live import Live
from callgate.node.node import Node
from callgate.office.local import LocalOffice
from callgate.office.noting import Noting
from callgate.partnering import Partnering
from callgate.pbx.recordings import Recordings
from callgate.recordings.archive import Archive
from callgate.recordings.listening import Listening
from callgate.rights.desk import Desk
from callgate.rights.watch import RightsWatch
from callgate.sifting import ProcessSieve
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import LedgerUnavailable, NotReady, StoreUnavailable
from callgate.stores.ledger import Ledger
from callgate.watching import health
from callgate.watching.alarms import Alarms
from callgate.watching.keeper import Keeper
from callgate.watching.lists import list_states
from callgate.watching.metrics import Metrics, Read, Reading
from callgate.watching.remembering import remember
from callgate.web.auth.door import Door
from callgate.web.counted import Counted
from callgate.web.dialers import Dialers
from callgate.web.services import Services
from callgate.web.serving import make_app
from callgate.web.table import TABLE

log = structlog.stdlib.get_logger()

SOON = timedelta(days=7)
"""A request that is due within so many days is told apart."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the daemon built, and how the configuration is read again."""

    settings: Settings
    config_file: Path
    reload: Callable[[], Settings]
    clock: Clock
    ledger: Ledger
    cache: SuppressionCache
    office: LocalOffice
    keeper: Keeper
    node: Node
    live: Live
    metrics: Metrics
    door: Door
    dialers: Dialers
    alarms: Alarms
    policy: Callable[[], Policy]
    partnering: Partnering
    recordings: Recordings
    archive: Archive
    desk: Desk
    rights: RightsWatch
    languages: frozenset[str]
    alarm: Callable[[str, str], None]


def services_of(parts: Parts) -> Services:
    """What the routes have at hand. Raises `BadConfig` for a secret that cannot be used."""

    async def proposed() -> Policy:
        return config.to_policy(await asyncio.to_thread(parts.reload))

    async def missing() -> list[str]:
        return await _missing(parts)

    officers = {name: table.officer for name, table in parts.settings.controllers.items()}
    return Services(
        http=parts.settings.http,
        live=parts.live,
        clock=parts.clock,
        policy=parts.policy,
        proposed=proposed,
        ledger=parts.ledger,
        cache=parts.cache,
        office=parts.office,
        door=parts.door,
        dialers=parts.dialers,
        metrics=parts.metrics,
        missing=missing,
        alarm=parts.alarm,
        sieve=ProcessSieve(parts.config_file, parts.settings.office.state),
        alarms=parts.alarms,
        secret=config.read_secret(parts.settings.secrets.token_key_file),
        feed=parts.partnering.feed,
        outbox=parts.partnering.outbox,
        listening=Listening(parts.ledger, parts.archive, parts.clock),
        archive=parts.archive,
        noting=Noting(parts.ledger, parts.policy, parts.clock, parts.cache.contacts),
        languages=parts.languages,
        desk=parts.desk,
        register=lambda controller: register(parts.settings, parts.policy(), parts.clock().date(), controller),
        report=lambda found, aware: report(found, aware, officers),
        counted=Counted(parts.ledger, parts.clock),
        imports=ListImports(parts.settings.office.state, ProcessBring(parts.config_file), parts.clock),
    )


async def _missing(parts: Parts) -> list[str]:
    """What stands between callgate and allowing calls. The stores are asked now, each once."""
    found = [*parts.keeper.problems, *filter(None, [parts.node.hindrance])]
    try:
        await parts.ledger.mark()
        await parts.cache.mark()
    except (LedgerUnavailable, StoreUnavailable, NotReady) as error:
        found.append(str(error))
    return list(dict.fromkeys(found))


async def keep_board(parts: Parts, upto: int) -> None:
    """Put on the live page's board what the ledger has up to an event, and how things stand, until cancelled."""

    async def look() -> list[health.Part]:
        rules = parts.policy().lists
        ledger = await health.ledger(parts.ledger.mark)
        here = [health.redis(parts.keeper.problems), ledger]
        here.append(health.pbx(parts.settings.pbx.name, parts.node.hindrance, stands_by=parts.node.stands_by))
        return [*here, *await health.lists(rules, partial(list_states, parts.cache), parts.clock())]

    remembering = remember(parts.ledger, parts.live.board, parts.clock(), upto)
    await asyncio.gather(remembering, health.watch_health(parts.live, look))


def watch(parts: Parts) -> None:
    """Let what is, be measured whenever somebody looks."""
    metrics, node = parts.metrics, parts.node
    pbx = {"pbx": parts.settings.pbx.name}

    def gauge(name: str, about: str, labels: Iterable[str], read: Callable[[], Iterable[Reading]]) -> None:
        async def now() -> Iterable[Reading]:
            return read()

        metrics.watch(name, about, [*labels], now)

    async def ages() -> Iterable[Reading]:
        states, at = await list_states(parts.cache), parts.clock()
        return [({"list": name}, (at - state.scrubbed_at).total_seconds()) for name, state in states.items()]

    gauge("callgate_pbx_up", "1 where the PBX is seen over AMI.", pbx, lambda: [(pbx, node.ami_up)])
    gauge(
        "callgate_in_charge", "0 where another callgate is in charge of the PBX.", pbx, lambda: [(pbx, node.in_charge)]
    )
    gauge("callgate_agi_up", "1 where FastAGI is listened for.", pbx, lambda: [(pbx, node.agi_up)])
    gauge("callgate_agi_sessions", "FastAGI sessions that are open.", pbx, lambda: [(pbx, node.agi_sessions)])
    gauge("callgate_calls_open", "Calls under way.", pbx, lambda: [(pbx, node.calls_open)])
    gauge("callgate_cache_ready", "1 where the cache may be believed.", (), lambda: [({}, not parts.keeper.problems)])
    gauge(
        "callgate_list_age_allowed_seconds", "How old a copy of a list may be.", ["list"],
        lambda: [({"list": name}, rule.max_age_days * 86_400.0) for name, rule in parts.policy().lists.items()],
    )  # fmt: skip
    metrics.watch("callgate_requests", "Requests of persons that wait for an answer.", ["state"], _requests(parts))
    for name, about in (("waiting", "wait for a partner"), ("dead", "were told in vain")):
        metrics.watch(f"callgate_deliveries_{name}", f"Items that {about}.", ["partner"], _deliveries(parts, name))
    metrics.watch(
        "callgate_recordings_unsealed", "Calls of which something lies unsealed, those under way among them.",
        ["pbx"], lambda: _unsealed(parts),
    )  # fmt: skip
    metrics.watch("callgate_list_age_seconds", "How old the copy of a list in force is.", ["list"], ages)


def _requests(parts: Parts) -> Read:
    async def now() -> Iterable[Reading]:
        today = parts.clock().date()
        waiting = [one for one in parts.rights.known if not one.answered]
        soon = [one for one in waiting if not one.late(today) and one.deadline.due - today <= SOON]
        late = [one for one in waiting if one.late(today)]
        return [({"state": name}, len(some)) for name, some in (("open", waiting), ("due", soon), ("late", late))]

    return now


def _deliveries(parts: Parts, what: str) -> Read:
    async def now() -> Iterable[Reading]:
        outbox = parts.partnering.outbox
        stands = [await outbox.stand(name) for name in (*outbox.partners, *await outbox.strangers())]
        return [({"partner": one.partner}, one.waiting if what == "waiting" else one.dead) for one in stands]

    return now


async def _unsealed(parts: Parts) -> Iterable[Reading]:
    found = await asyncio.to_thread(parts.recordings.orphans, ())
    return [({"pbx": parts.settings.pbx.name}, len(found))]


async def serve_http(services: Services) -> None:
    """Serve until cancelled. Raises OSError where the port is taken or the certificate cannot be read."""
    http = services.http
    app = make_app(services, TABLE, asyncio.get_running_loop().time)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, http.listen.host, http.listen.port, ssl_context=tls_of(http)).start()
        log.info("http-listens", address=str(http.listen), tls=http.tls_key is not None)
        await _keep_counted(services.counted)
    finally:
        await runner.cleanup()
        with suppress(LedgerUnavailable):
            await services.counted.flush(everything=True)


async def _keep_counted(counted: Counted, every_s: float = 60.0) -> None:
    """Enter what is counted when its minute is over, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await counted.flush()
        except LedgerUnavailable as error:
            log.warning("not-entered-yet", what="checks of machines", error=str(error))


def tls_of(http: Http) -> ssl.SSLContext | None:
    """How callgate speaks TLS; None where it does not. Raises OSError for a certificate or key that cannot be used."""
    if http.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(http.tls_certificate, http.tls_key)
    return context


async def take_up_calls(door: Door, dialers: Dialers, pause_s: float = 2.0) -> None:
    """Take up the calls that dialers had under way before a restart, and look after them until cancelled."""
    while True:
        try:
            users = await door.accounts.users()
            for user in users:
                await dialers.take_up(user.name)
            break
        except (LedgerUnavailable, NotCommitted) as error:
            log.warning("dialers-not-taken-up", error=str(error))
            await asyncio.sleep(pause_s)
    if not users:
        log.warning("no-users", says="nobody can log in yet", way_out="callgate users add NAME --role admin")
    await dialers.run()
