"""Partners as the configuration has them, and the tasks that keep them told.

A change of a partner takes a restart, as one of any address or key does.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import aiohttp
import structlog

from callgate import config
from callgate.clock import Clock, system_clock
from callgate.config import BadConfig, Problem, Settings
from callgate.config.settings import PartnerTable
from callgate.core.events import Event, Kind
from callgate.core.partners import Partner, Way, What, pause
from callgate.core.requests import Answer
from callgate.partners import refill
from callgate.partners.anchors import keep_anchors
from callgate.partners.courier import Courier, Deliver
from callgate.partners.drops import Command, Folder
from callgate.partners.errors import NotBelieved, Undelivered
from callgate.partners.feed import Feed
from callgate.partners.http import Line, http_session
from callgate.partners.signing import Signer, read_signing_secret
from callgate.stores.encoding import TokenKeys
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger, gap
from callgate.stores.outbox import Outbox

log = structlog.stdlib.get_logger()

_TOLD = {
    "objections": (What.OBJECTION,),
    "removals": (What.REMOVAL,),
    "erasures": (What.ERASURE,),
    "restrictions": (What.RESTRICTION, What.LIFTING),
    "rectifications": (What.RECTIFICATION,),
    "anchors": (What.ANCHOR,),
}

Alarm = Callable[[str, str], None]


def partners_of(settings: Settings) -> list[Partner]:
    """The partners of the configuration."""
    return [
        Partner(name, table.controllers, frozenset(what for told in table.tell for what in _TOLD[told]), _way(table))
        for name, table in settings.partners.items()
    ]


def _way(table: PartnerTable) -> Way:
    if table.webhook:
        return Way.WEBHOOK
    if table.feed:
        return Way.FEED
    return Way.FOLDER if table.folder else Way.COMMAND


def signers_of(settings: Settings) -> dict[str, Signer]:
    """What is signed with, by partner. Raises `BadConfig`."""
    files = {name: table.secret_file for name, table in settings.partners.items() if table.secret_file}
    return {name: signer_of(path) for name, path in files.items()}


def signer_of(path: Path) -> Signer:
    """The signer of the secret in a file. Raises `BadConfig`."""
    try:
        return read_signing_secret(path, config.read_secret(path))
    except ValueError as error:
        raise BadConfig([Problem(str(path), str(error).removeprefix(f"{path} "))]) from None


def lines_of(
    settings: Settings, signers: Mapping[str, Signer], session: aiohttp.ClientSession, *, received: bool
) -> dict[str, Line]:
    """The ways to the partners that are spoken to over HTTPS: to tell them, or to ask what they `received`."""
    found = {name: table.received if received else table.webhook for name, table in settings.partners.items()}
    return {name: Line(session, url, signers[name], system_clock) for name, url in found.items() if url}


def _ways(settings: Settings, lines: Mapping[str, Line]) -> dict[str, Deliver]:
    ways: dict[str, Deliver] = {name: line.deliver for name, line in lines.items()}
    for name, table in settings.partners.items():
        if table.folder:
            ways[name] = Folder(table.folder).deliver
        elif table.command:
            ways[name] = Command(table.command).deliver
    return ways


class Erasing:
    """Erasure at partners, as requests need it (`rights.desk.Partners`): asked by outbox, answered in the ledger."""

    def __init__(self, outbox: Outbox, ledger: Ledger) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._answers: defaultdict[str, dict[str, Answer]] = defaultdict(dict)
        self._seen = 0

    async def recipients(self, controller: str) -> Sequence[str]:
        """Everybody who is told more of this controller than anchors, which hold nothing of a person."""
        told = [(name, one) for name, one in self._outbox.partners.items() if controller in one.controllers]
        return [name for name, one in told if one.told - {What.ANCHOR}]

    async def that_received(self, number: str, controller: str) -> Sequence[str]:
        """Everybody who is told of this controller's erasures: what each of them holds, they know best."""
        del number
        return [name for name, one in self._outbox.partners.items() if one.hears(What.ERASURE, controller)]

    async def ask(self, request: str, number: str, controller: str, at: datetime) -> None:
        """Put it into their queues; again is once."""
        await self._outbox.put_erasure(number, controller, request, at)

    async def answered(self, request: str) -> Mapping[str, Answer]:
        """Who did it; and who will not, and is let be by a person, keeps what they have."""
        kinds = (Kind.DELIVERY_DONE, Kind.DELIVERY_DROPPED)
        while entries := await self._ledger.read(kinds=kinds, after_seq=self._seen):
            for entry in entries:
                self._take(entry.event)
            self._seen = entries[-1].seq
        return self._answers[request]

    def _take(self, event: Event) -> None:
        items = event.payload.get("items")
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and item.get("what") == What.ERASURE:
                done = event.kind is Kind.DELIVERY_DONE
                answers = self._answers[str(item.get("reference"))]
                answers[str(event.payload.get("partner"))] = Answer.ERASED if done else Answer.KEPT


class Partnering:
    """Everything that goes on with partners while callgate runs. Raises `BadConfig` for a secret that is none."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        tokens: TokenKeys,
        suppress: refill.Suppress,
        *,
        clock: Clock,
        alarm: Alarm,
    ) -> None:
        self.outbox = Outbox(ledger, partners_of(settings), clock)
        self.feed = Feed(self.outbox, alarm)
        self._settings = settings
        self._signers = signers_of(settings)
        self._ledger = ledger
        self._tokens = tokens
        self._suppress = suppress
        self._clock = clock
        self._alarm = alarm

    async def run(self) -> None:
        """Tell partners, and ask them where the ledger was restored, until cancelled."""
        async with http_session() as session, asyncio.TaskGroup() as group:
            ways = _ways(self._settings, lines_of(self._settings, self._signers, session, received=False))
            courier = Courier(self.outbox, ways, clock=self._clock, alarm=self._alarm)
            group.create_task(courier.run(), name="courier")
            group.create_task(keep_anchors(self._ledger, self.outbox, self._clock), name="anchors")
            for name, line in lines_of(self._settings, self._signers, session, received=True).items():
                group.create_task(self._refill(name, line), name=f"refill-{name}")
            await asyncio.Event().wait()

    async def _refill(self, name: str, line: Line) -> None:
        """Where the ledger lacks objections, fetch those that this partner received, until it worked once."""
        failures = 0
        while True:
            try:
                if not await gap.unready(self._ledger):
                    return
                desk = refill.Desk(self.outbox, self._ledger, self._tokens, self._suppress, self._clock)
                fetched = await desk.fetch(name, line)
            except (Undelivered, NotBelieved, LedgerUnavailable) as error:
                failures += 1
                log.warning("partner-not-fetched", partner=name, why=str(error))
                if failures == 1:
                    self._alarm("partner-not-fetched", f"{name}: {error}")
                await asyncio.sleep(pause(failures, 0).total_seconds())
            else:
                self._alarm("partner-fetched", f"{name}: {fetched.says}")
                return
