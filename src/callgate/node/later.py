"""What the office could not take now: kept on disk, in order, and given to it when it is back (P5).

One JSON object a line. A line is on disk before `keep` returns. A crash between the giving and the emptying loses
nothing: objections, withdrawals and blocks are entered once however often they are given, a noted fact perhaps twice.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

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
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
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
            lines = self._path.read_text().splitlines()
        except FileNotFoundError:
            return True
        given = 0
        try:
            for line in lines:
                await self._one(line)
                given += 1
        except NotCommitted:
            self._owed.set()
        self._drop(given)
        return given == len(lines)

    def _drop(self, given: int) -> None:
        """Take the first `given` lines off; more may have been written meanwhile. No await: nothing comes between."""
        rest = self._path.read_text().splitlines(keepends=True)[given:]
        if not rest:
            self._path.unlink()
            return
        partial = self._path.with_suffix(".partial")
        partial.write_text("".join(rest))
        partial.chmod(0o600)
        partial.rename(self._path)
        self._owed.set()

    async def _one(self, line: str) -> None:
        try:
            debt = json.loads(line)
            operation, call = debt["operation"], debt.get("call")
        except (ValueError, KeyError, AttributeError):
            log.error("late-line-unreadable", length=len(line))
            return
        match operation:
            case "record":
                await self._office.record(Kind(debt["kind"]), call, debt["facts"] | {"late": debt["at"]})
            case "object":
                await self._office.object(call, debt["by"])
            case "withdraw":
                await self._office.withdraw(call, debt["by"])
            case "close":
                await self._office.close(call, {"late": debt["at"]})
            case "block":
                request = CallRequest(**debt["request"])
                at = datetime.fromisoformat(debt["at"])
                await self._office.late([LateBlock(debt["key"], at, request, debt["reason"])])
            case _:
                log.error("late-line-unknown", operation=operation)
