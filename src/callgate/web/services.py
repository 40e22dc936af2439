"""What the routes have at hand. Built by the daemon; a route takes what it needs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from callgate.accountability.breach import Survey
from callgate.clock import Clock
from callgate.config import Http
from callgate.core.document import Document
from callgate.core.policy import Policy
from callgate.listimport import ListImports
from callgate.live import Live
from callgate.office.local import LocalOffice
from callgate.office.noting import Noting
from callgate.partners.feed import Feed
from callgate.recordings.archive import Archive
from callgate.recordings.listening import Listening
from callgate.rights.desk import Desk
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from callgate.watching.alarms import Alarms
from callgate.watching.metrics import Metrics
from callgate.web.auth.door import Door
from callgate.web.counted import Counted
from callgate.web.dialers import Dialers
from callgate.web.pages.verifying import Verifying


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a scrub came to: the leads that were wanted, and how many of each kind there were, by reason."""

    content: AsyncIterator[bytes]
    allowed: int
    blocked: Mapping[str, int]


class Sieve(Protocol):
    """Sifts lead files, away from the event loop on which calls wait."""

    async def sift(self, leads: AsyncIterator[bytes], words: Mapping[str, str], *, blocked: bool) -> Sifted:
        """Sift a lead file; `words` are the options of `callgate scrub` (campaign, column, country).

        The content has to be read to its end, or closed. Raises `LeadsRefused`, `SieveBusy`, `StoreUnavailable`.
        """


class LeadsRefused(Exception):
    """The lead file cannot be sifted; the message says why."""


class SieveBusy(Exception):
    """As many files are being sifted as the machine should take."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything.

    `missing`: what stands between callgate and allowing calls, asked of the stores now. `proposed`: the policy that the
    configuration would give now; raises `BadConfig`. `register` makes the register of processing, of one company or of
    all, and `report` what an authority is told of a breach that somebody became aware of at a moment. `languages`: in
    which notes can be screened without calls having to wait for it. `secret`: a key for MACs of what must not be
    guessed.
    """

    http: Http
    live: Live
    clock: Clock
    policy: Callable[[], Policy]
    proposed: Callable[[], Awaitable[Policy]]
    ledger: Ledger
    cache: SuppressionCache
    office: LocalOffice
    door: Door
    dialers: Dialers
    metrics: Metrics
    missing: Callable[[], Awaitable[list[str]]]
    alarm: Callable[[str, str], None]
    sieve: Sieve
    alarms: Alarms
    secret: bytes
    feed: Feed
    outbox: Outbox
    listening: Listening
    archive: Archive
    noting: Noting
    languages: frozenset[str]
    desk: Desk
    register: Callable[[str | None], Document]
    report: Callable[[Survey, datetime], Document]
    imports: ListImports
    counted: Counted
    verifying: Verifying = field(default_factory=Verifying)
