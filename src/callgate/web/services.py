"""What the routes have at hand. Built by the daemon; a route takes what it needs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from callgate.alarms import Alarms
from callgate.clock import Clock
from callgate.config import Http
from callgate.core.policy import Policy
from callgate.live import Live
from callgate.metrics import Metrics
from callgate.office import LocalOffice
from callgate.recordings.listening import Listening
from callgate.rights.desk import Desk
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from callgate.stores.suppression import SuppressionCache
from callgate.web.auth.door import Door
from callgate.web.dialers import Dialers
from callgate.web.pages.verifying import Verifying


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording to be listened to: its media type, its bytes, and how many they are, where that is known."""

    kind: str
    content: AsyncIterator[bytes]
    size: int | None = None


class Player(Protocol):
    """Gives the audio of sealed recordings. Whether somebody may hear one was decided before it is asked."""

    async def audio(self, call: str) -> Sound | None:
        """The recording of a call; None where there is none, or none any more."""


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
    configuration would give now; raises `BadConfig`. `player`: None until recordings can be heard. `secret`: a key for
    MACs of what must not be guessed.
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
    sieve: Sieve
    alarms: Alarms
    secret: bytes
    desk: Desk
    outbox: Outbox
    listening: Listening
    player: Player | None = None
    verifying: Verifying = field(default_factory=Verifying)
