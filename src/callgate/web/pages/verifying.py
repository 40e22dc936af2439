"""A verification of the ledger that runs by itself: it reads everything, which may take minutes. One at a time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from callgate.stores.ledger import Ledger
from callgate.stores.ledger.audit import Report


@dataclass(slots=True)
class Verification:
    """The verification that runs or ran last. `seen`: events that were looked at."""

    by: str
    began: datetime
    task: asyncio.Task[Report] | None = None
    seen: int = 0

    @property
    def report(self) -> Report | None:
        """What it found, once it ended."""
        done = self.task is not None and self.task.done() and not self.task.cancelled()
        return self.task.result() if done and self.task is not None and self.task.exception() is None else None

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self.task is not None and not self.task.done()

    def look(self, seen: int) -> None:
        """Called on another thread: how far it is."""
        self.seen = seen


@dataclass(slots=True)
class Verifying:
    """The one verification of a ledger that there may be at a time."""

    last: Verification | None = None

    def begin(self, ledger: Ledger, by: str, now: datetime) -> None:
        """Begin, where none is under way."""
        if self.last is None or not self.last.running:
            self.last = Verification(by, now)
            self.last.task = asyncio.create_task(ledger.audit(progress=self.last.look))
