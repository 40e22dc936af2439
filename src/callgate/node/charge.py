"""Which of the callgates beside one PBX is in charge of it: the one that holds the lock on the spool.

Two may stand beside a PBX, so that the death of one ends no call. Only one of them does anything there: answers
FastAGI, follows AMI, guards, seals. The other waits, and takes over when the first is gone, in the way of one that was
started again: open calls from the ledger, channels from AMI, keys from AstDB (docs/decisions/0009).

The lock is flock(2) on the folder of the spool, which is the PBX's own and which all its callgates must see. The kernel
gives it to one open file at a time and takes it back when its process ends, however that ends. There is no clock in it,
and no lease that a process which hung for a while could believe to have still.
"""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 0.05
"""flock(2) can wait by itself, but a thread that waits in it cannot be ended."""

ELSEWHERE = "another callgate is in charge of the PBX, and this one stands by"


class Charge:
    """The charge of one PBX. `hindrance` says why it is not ours; empty where it is."""

    def __init__(self, spool: Path, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._spool = spool
        self._pause = pause
        self._lock: int | None = None
        self.hindrance = "callgate has not asked yet whether another one is in charge of the PBX"

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._lock is not None

    @property
    def elsewhere(self) -> bool:
        """Whether it is another callgate's, and all is well."""
        return self.hindrance == ELSEWHERE

    async def take(self) -> bool:
        """Return once it is ours; whether it was another's before. Ends by cancellation.

        Who is in charge where there is no spool cannot be known, and then nobody is.
        """
        waited = False
        while (hindrance := self._try()) != "":
            if hindrance != self.hindrance:
                log.warning("not-in-charge", why=hindrance)
            self.hindrance = hindrance
            waited = waited or self.elsewhere
            await self._pause(LOOK_EVERY_S)
        self.hindrance = ""
        return waited

    def _try(self) -> str:
        """Why it cannot be had now; empty where it was."""
        try:
            folder = os.open(self._spool, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            return _unknown(self._spool, error)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder)
            return ELSEWHERE
        except OSError as error:
            os.close(folder)
            return _unknown(self._spool, error)
        self._lock = folder
        return ""

    def leave(self) -> None:
        """Leave it to another. Fine where it is not ours."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _unknown(spool: Path, error: OSError) -> str:
    return f"who is in charge of the PBX cannot be told: the spool {spool} cannot be locked ({error.strerror})"
