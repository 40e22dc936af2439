"""A program that the lab runs: started, waited for, stopped, and never left behind.

Each is the leader of a session of its own, so that a Ctrl-C meant for us does not reach it and what it started itself
can be ended with it; and each dies with us, whatever kills us, because the kernel sends it SIGKILL then
(PR_SET_PDEATHSIG, prctl(2), set by setpriv(1) just before it becomes the program).
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lab.place import Address, Place


class LabError(Exception):
    """The lab cannot go on; the text is for the person who started it."""


async def until(holds: Callable[[], Awaitable[bool]], what: str, deadline: float) -> None:
    """Return as soon as `holds` does. Raises `LabError` that names `what` after `deadline` seconds.

    For what only can be asked and never tells: a port of another program, the state of a PBX.
    """
    pause = 0.002
    try:
        async with asyncio.timeout(deadline):
            while not await holds():
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.05)
    except TimeoutError:
        raise LabError(f"waited {deadline:g} s in vain: {what}") from None


async def accepts(address: Address) -> bool:
    """Whether something listens there."""
    try:
        _, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def udp_bound(address: Address) -> bool:
    """Whether a program holds this UDP port; nothing is sent to it. /proc/net/udp: proc(5)."""
    host = int.from_bytes(socket.inet_aton(address.host), sys.byteorder)
    return f" {host:08X}:{address.port:04X} " in Path("/proc/net/udp").read_text()


class Process:
    """One program of the lab. Its name names its log and its pid file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        place: Place,
        *,
        ready: Callable[[], Awaitable[bool]],
        deadline: float,
    ) -> None:
        self.name = name
        self.log: Path = place.logs / f"{name}.log"
        self._command = ("setpriv", "--pdeathsig", "KILL", *command)
        self._pid_file = place.run / f"{name}.pid"
        self._ready = ready
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process. Raises `LabError` when it is not running."""
        return self._live().pid

    async def start(self) -> None:
        """Start it and return once it is ready. Raises `LabError` with the end of its log."""
        if self.running:
            raise LabError(f"{self.name} runs already, as process {self.pid}")
        await self.kill()  # what a dead one left: its children, its pid file
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._pid_file.write_text(f"{self._process.pid}\n")
        try:
            await until(self._ready_or_dead, f"{self.name} is not ready", self._deadline)
        except LabError as error:
            await self.kill()
            raise LabError(f"{error}\n{self.last_words()}") from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self, grace: float = 5.0) -> None:
        """Ask it to end, and end it after `grace` seconds. Fine when it is not running."""
        if self.running:
            process = self._live()
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a frozen process would not hear the first
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once, as `kill -9` does, with all that it started. Fine when it is not running."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Make it hang: its sockets stay open and nobody answers."""
        self._live().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._live().send_signal(signal.SIGCONT)

    def has_said(self, text: str) -> bool:
        """Whether its log holds `text` since it was last started."""
        return text.encode() in self.log.read_bytes()[self._log_start :]

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, to show a person, with the file's name."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        shown = "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (it said nothing)"
        return f"{self.log}:\n{shown}"

    def _live(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise LabError(f"{self.name} is not running")
        return self._process

    async def _ready_or_dead(self) -> bool:
        if not self.running:
            status = self._process.returncode if self._process else None
            raise LabError(f"{self.name} ended with status {status} while it started")
        return await self._ready()
