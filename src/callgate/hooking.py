"""Hooks as the configuration has them, and the task of each: what happens is told, in order, from the ledger.

The place up to which a hook was told is kept in the ledger's database, so that a restart loses nothing and at worst
tells the last batch again; a message that comes again has the id that it had. Each hook goes on by itself: one that is
slow or down holds up nobody. It is tried again after pauses as partners are; what is five days old is passed over, with
an alarm. A hook that is new is told what happens from then on.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
import structlog

from callgate.clock import Clock, system_clock
from callgate.config import Settings
from callgate.core.events import Json
from callgate.core.hooks import Hook, Topic
from callgate.core.partners import GIVE_UP, pause
from callgate.partnering import Alarm, signer_of
from callgate.partners.errors import Undelivered
from callgate.partners.http import Line, http_session
from callgate.partners.signing import Signer
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.outboxsql import Statements
from callgate.stores.schema import Entry, partners

log = structlog.stdlib.get_logger()

EVERY_S = 1.0
BATCH = 100
"""Events of one message."""
KEEP_EVERY = 5_000
"""Events that are none of a hook's, after which its place is kept all the same."""


def hooks_of(settings: Settings) -> list[Hook]:
    """The hooks of the configuration."""
    return [
        Hook(name, table.controllers, frozenset(map(Topic, table.events))) for name, table in settings.hooks.items()
    ]


def hook_signers_of(settings: Settings) -> dict[str, Signer]:
    """What is signed with, by hook. Raises `BadConfig`."""
    return {name: signer_of(table.secret_file) for name, table in settings.hooks.items()}


class Place:
    """Up to where a hook was told, and how it fails; in the table of the partners, whose names have no colon."""

    def __init__(self, ledger: Ledger, hook: str) -> None:
        self._ledger = ledger
        self._name = f"hook:{hook}"
        self._sql = Statements(ledger.backend)

    async def read(self) -> tuple[int, int, datetime | None]:
        """The seq, how often it failed in a row, and when it is tried again. Raises `LedgerUnavailable`."""
        rows = await self._ledger.rows(sa.select(partners).where(partners.c.name == self._name))
        if rows:
            return rows[0].mark, rows[0].tries, datetime.fromisoformat(rows[0].due) if rows[0].due else None
        last = await self._ledger.last_seq()
        await self.keep(last)
        return last, 0, None

    async def keep(self, seq: int) -> None:
        """It was told up to here. Raises `LedgerUnavailable`."""
        await self._ledger.amend(Amendment([(self._sql.set_mark, [(self._name, seq, 0)])], None))

    async def failed(self, tries: int, due: datetime | None, why: str) -> None:
        """It failed for the `tries`-th time; 0: it is well again. Raises `LedgerUnavailable`."""
        until = due.astimezone(UTC).isoformat(timespec="microseconds") if due else None
        await self._ledger.amend(Amendment([(self._sql.set_pause, [(self._name, 0, tries, until, why or None)])], None))


class Telling:
    """Tells one hook."""

    def __init__(self, hook: Hook, line: Line, ledger: Ledger, clock: Clock, alarm: Alarm) -> None:
        self._hook = hook
        self._line = line
        self._ledger = ledger
        self._clock = clock
        self._alarm = alarm
        self._place = Place(ledger, hook.name)
        self._seen = -1

    async def run(self) -> None:
        """Tell, until cancelled."""
        while True:
            more = False
            try:
                more = await self.step()
            except LedgerUnavailable as error:
                log.warning("hook-waits", hook=self._hook.name, error=str(error))
            if not more:
                await asyncio.sleep(EVERY_S)

    async def step(self) -> bool:
        """Tell what is due; whether there may be more at once. Raises `LedgerUnavailable`."""
        kept, tries, due = await self._place.read()
        if due is not None and due > self._clock():
            return False
        after = max(kept, self._seen)
        entries = await self._ledger.read(kinds=self._hook.kinds, after_seq=after, limit=BATCH)
        if not entries:
            return False
        last = entries[-1].seq
        told = self._told(entries)
        if told:
            try:
                await self._line.announce(self._message(entries), _body(told, entries[-1].event.at))
            except Undelivered as error:
                await self._failed(tries + 1, error)
                return False
        if tries:
            await self._place.failed(0, None, "")
        if told or last - kept >= KEEP_EVERY:
            await self._place.keep(last)
        self._seen = last
        return len(entries) == BATCH

    def _told(self, entries: Sequence[Entry]) -> list[Json]:
        """What of these the hook is told: nothing that is too old to be news."""
        fresh = [entry for entry in entries if self._clock() - entry.event.at < GIVE_UP]
        ours = [self._hook.told(entry.seq, entry.event) for entry in entries]
        told: list[Json] = [one for one in (self._hook.told(entry.seq, entry.event) for entry in fresh) if one]
        if missed := len([one for one in ours if one]) - len(told):
            self._alarm("hook-given-up", f"{self._hook.name}: {missed} events were told in vain for days")
        return told

    def _message(self, entries: Sequence[Entry]) -> str:
        """An id that is the same when the same is told again."""
        about = f"{self._ledger.identity} {self._hook.name} {entries[0].seq} {entries[-1].seq}"
        return f"msg_{sha256(about.encode()).hexdigest()[:32]}"

    async def _failed(self, tries: int, error: Exception) -> None:
        wait = pause(tries, random.random())  # noqa: S311 - jitter is no secret
        await self._place.failed(tries, self._clock() + wait, str(error))
        log.warning("hook-failed", hook=self._hook.name, tries=tries, why=str(error))
        if tries == 1:
            self._alarm("hook-unreachable", f"{self._hook.name}: {error}")


def _body(told: Sequence[Json], at: datetime) -> bytes:
    said: Mapping[str, Json] = {"type": "callgate.events", "timestamp": at.isoformat(), "data": {"events": [*told]}}
    return json.dumps(said, separators=(",", ":")).encode()


class Hooking:
    """The tasks of all hooks. Raises `BadConfig` for a secret that is none."""

    def __init__(self, settings: Settings, ledger: Ledger, *, clock: Clock, alarm: Alarm) -> None:
        self._hooks = hooks_of(settings)
        self._signers = hook_signers_of(settings)
        self._urls = {name: table.url for name, table in settings.hooks.items()}
        self._ledger = ledger
        self._clock = clock
        self._alarm = alarm

    async def run(self) -> None:
        """Tell all hooks, until cancelled."""
        async with http_session() as session, asyncio.TaskGroup() as group:
            for hook in self._hooks:
                line = Line(session, self._urls[hook.name], self._signers[hook.name], system_clock)
                telling = Telling(hook, line, self._ledger, self._clock, self._alarm)
                group.create_task(telling.run(), name=f"hook-{hook.name}")
            await asyncio.Event().wait()
