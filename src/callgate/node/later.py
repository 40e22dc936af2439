"""What the office could not take now: kept on disk, in order, and given to it when it is back (P5).

One JSON object a line. A line is on disk before `keep` returns; each begins on a line of its own, so that one which a
crash tore spoils no other. A crash between the giving and the emptying loses
nothing: objections, withdrawals and blocks are entered once however often they are given, a noted fact perhaps twice.
"""

import asyncio
import errno
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from callgate.boundary import LateBlock, NotCommitted, Office
from callgate.core.events import Json, Kind
from callgate.core.gate import CallRequest

log = structlog.stdlib.get_logger()

RETRY_S = 2.0


class LateFile:
    """The file of what is owed to the office."""

    def __init__(self, path: Path, office: Office, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._office = office
        self._clock = clock
        self._owed = asyncio.Event()
        if path.exists() and path.stat().st_size:
            self._owed.set()

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None:
        """Write one debt down. Raises OSError where the disk cannot take it; then nothing was acknowledged."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps({"operation": operation, "at": self._clock().isoformat(), **facts})
        _write(self._path, b"\n" + line.encode() + b"\n", os.O_APPEND)
        self._owed.set()

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Give what is owed whenever there is something and the office takes it. Ends by cancellation."""
        while True:
            await self._owed.wait()
            if not await self.give():
                await pause(RETRY_S)

    async def give(self) -> bool:
        """Give everything in order; True when nothing is owed any more."""
        self._owed.clear()
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return True
        given = 0
        try:
            for line in lines:
                await self._one(line)
                given += 1
        except NotCommitted:
            self._owed.set()
        if given:
            self._drop(given)
        return given == len(lines)

    def _drop(self, given: int) -> None:
        """Take the first `given` lines off; more may have been written meanwhile. No await: nothing comes between."""
        rest = self._path.read_bytes().splitlines(keepends=True)[given:]
        if not rest:
            self._path.unlink()
            return
        partial = self._path.with_suffix(".partial")
        _write(partial, b"".join(rest), os.O_TRUNC)
        partial.rename(self._path)
        self._owed.set()

    async def _one(self, line: bytes) -> None:
        if not line:
            return
        try:
            giving = self._giving(json.loads(line))
        except (ValueError, LookupError, TypeError, AttributeError):
            log.error("late-line-unreadable", length=len(line))
            return
        await giving

    def _giving(self, debt: dict[str, Any]) -> Awaitable[object]:
        """The call of the office that settles a debt. Raises what a line that nobody wrote so brings about."""
        office, at = self._office, datetime.fromisoformat(debt["at"])
        match debt["operation"]:
            case "record":
                return office.record(Kind(debt["kind"]), debt["call"], debt["facts"] | {"late": debt["at"]})
            case "object":
                return office.object(debt["call"], debt["by"])
            case "withdraw":
                return office.withdraw(debt["call"], debt["by"])
            case "close":
                return office.close(debt["call"], {"late": debt["at"]})
            case "block":
                return office.late([LateBlock(debt["key"], at, CallRequest(**debt["request"]), debt["reason"])])
            case unknown:
                raise ValueError(f"no operation {unknown!r}")


def _write(path: Path, data: bytes, how: int) -> None:
    """Write to a file of our own; on disk on return. Raises OSError where it is not there whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o600)
    try:
        if os.write(descriptor, data) < len(data):  # a disk that fills up takes what still fits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
