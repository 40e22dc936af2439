"""National lists that come over HTTP: taken in, and brought into force by `callgate lists import`.

Reading a register takes a processor for minutes, and calls must not wait for it: it is read by a process of its own,
with low priority. The file lies in the office's folder without a name meanwhile, so that it is gone with the processes
however they end. Until the import has read and checked the file, nothing of it is anywhere, and the version before
stays in force; from then on it is not ended any more.

One at a time. What became of the last import of each list is kept until the next, or a restart. A file that was refused
for what a person may accept (it shrank, it repeats itself) is kept as long, so that it need not be sent again.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Protocol

import structlog

from callgate.clock import Clock
from callgate.registers.errors import ACCEPTED, Flaw

log = structlog.stdlib.get_logger()

NICE = 10
WITHIN_S = 4 * 3600.0
"""Seconds for reading a file and bringing it into force; more, and it is taken for stuck."""
WRITTEN_AT_ONCE = 1 << 20
REFUSED = 1
"""The exit code of `callgate lists import` where the file is the reason."""
_SAID = 500


class Stage(StrEnum):
    """How far an import is, or how it ended."""

    RECEIVING = "receiving"
    READING = "reading"
    LOADING = "loading"
    IN_FORCE = "in-force"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


UNDER_WAY = frozenset({Stage.RECEIVING, Stage.READING, Stage.LOADING})


Words = Mapping[str, str | bool]
"""Options of `callgate lists import` by name: a value, "" for an absent one, or whether it is said."""


class ImportBusy(Exception):
    """A list is being imported already."""


class NoImport(Exception):
    """There is no import of which that could be done."""


class Cancelled(Exception):
    """Somebody cancelled the import while its file was received."""


@dataclass(slots=True)
class Import:
    """One import. `size`: bytes that were received; `read`: how many of them were read; `found`: what the command says
    it found, by the names that it has there; `why`: why it was refused or failed."""

    list: str
    words: Words
    by: str
    began: datetime
    stage: Stage = Stage.RECEIVING
    size: int = 0
    read: int = 0
    found: Mapping[str, Any] = field(default_factory=dict)
    flaw: Flaw | None = None
    why: str = ""
    cancelled: bool = False
    file: IO[bytes] | None = None
    end: Callable[[], None] | None = None
    """Ends the process that reads it, where one runs."""

    @property
    def under_way(self) -> bool:
        """Whether it goes on."""
        return self.stage in UNDER_WAY

    @property
    def may_be_accepted(self) -> bool:
        """Whether a person may accept what it was refused for."""
        return self.stage is Stage.REFUSED and self.flaw in ACCEPTED and self.file is not None

    def ended(self, stage: Stage, why: str = "") -> None:
        """It ended so. The file is kept where it may be accepted."""
        self.stage, self.why = stage, why
        if not self.may_be_accepted:
            self.drop()

    def drop(self) -> None:
        """Let the file go."""
        if self.file is not None:
            self.file.close()
            self.file = None


class Bring(Protocol):
    """Brings the file of an import into force, and says in it how far it is."""

    async def __call__(self, one: Import) -> None:
        """Ends with `Import.ended`."""


class ListImports:
    """The imports; `folder` is where their files lie."""

    def __init__(self, folder: Path, bring: Bring, clock: Clock) -> None:
        self._folder = folder
        self._bring = bring
        self._clock = clock
        self._last: dict[str, Import] = {}
        self._task: asyncio.Task[None] | None = None

    def last(self, name: str) -> Import | None:
        """The last import of a list since callgate started."""
        return self._last.get(name)

    async def receive(
        self, name: str, words: Words, by: str, body: AsyncIterator[bytes], begun: Callable[[], Awaitable[None]]
    ) -> Import:
        """Take a file in, and begin to read it. `begun` is awaited before the first byte is taken.

        Raises `ImportBusy`, `Cancelled`, OSError, and what `body` and `begun` raise: then nothing was begun.
        """
        if any(one.under_way for one in self._last.values()):
            raise ImportBusy
        for one in self._last.values():
            one.drop()
        new = self._last[name] = Import(name, words, by, self._clock())
        try:
            await begun()
            new.file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it outlives this
            async for chunk in _large(body):
                await _keep(new, chunk)
        except Cancelled:
            new.ended(Stage.CANCELLED)
            raise
        except BaseException:
            new.ended(Stage.FAILED, "the file did not arrive whole, or could not be kept")
            raise
        self._read(new)
        return new

    def accept(self, name: str, by: str) -> Import:
        """Go on with a file that was refused for what a person may accept. Raises `NoImport`, `ImportBusy`."""
        one = self._last.get(name)
        if one is None or not one.may_be_accepted:
            raise NoImport
        if any(other.under_way for other in self._last.values()):
            raise ImportBusy
        one.words, one.by, one.flaw, one.why = {**one.words, "accept-shrink": True}, by, None, ""
        self._read(one)
        return one

    def cancel(self, name: str) -> Import:
        """End an import before it comes into force, or let go of a file that was refused. Raises `NoImport`."""
        one = self._last.get(name)
        if one is not None and one.may_be_accepted:
            one.ended(Stage.CANCELLED)
        elif one is not None and one.stage in (Stage.RECEIVING, Stage.READING):
            one.cancelled = True
            if one.end is not None:
                one.end()
        else:
            raise NoImport
        return one

    def _read(self, one: Import) -> None:
        one.stage, one.read, one.found = Stage.READING, 0, {}
        self._task = asyncio.create_task(self._bring(one), name=f"import-{one.list}")


async def _keep(new: Import, chunk: bytes) -> None:
    if new.cancelled or new.file is None:
        raise Cancelled
    new.size += len(chunk)
    await asyncio.to_thread(new.file.write, chunk)


async def _large(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in fewer pieces, each worth a thread."""
    piece = bytearray()
    async for chunk in body:
        piece += chunk
        if len(piece) >= WRITTEN_AT_ONCE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


class ProcessBring:
    """By `callgate lists import`, with the configuration at `config_file`."""

    def __init__(self, config_file: Path) -> None:
        self._config = config_file

    async def __call__(self, one: Import) -> None:
        """See `Bring`."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._run(one)
        except TimeoutError:
            one.ended(Stage.FAILED, f"it did not end within {WITHIN_S / 3600:.0f} hours")
        except OSError as error:
            one.ended(Stage.FAILED, f"it could not be started: {error.strerror}")
        finally:
            if one.under_way:
                one.ended(Stage.FAILED, "callgate was stopped")
        log.info("list-import-ended", list=one.list, stage=one.stage, by=one.by)

    async def _run(self, one: Import) -> None:
        assert one.file is not None  # noqa: S101 - it was just received
        await asyncio.to_thread(one.file.seek, 0)
        process = await asyncio.create_subprocess_exec(
            "nice", "-n", str(NICE), sys.executable, "-m", "callgate", *_words(one), f"--config={self._config}",
            stdin=one.file, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        one.end = process.terminate
        try:
            if one.cancelled:
                process.terminate()
            assert process.stdout is not None  # noqa: S101 - both were asked for
            assert process.stderr is not None  # noqa: S101
            made, said = await asyncio.gather(process.stdout.read(), _follow(process.stderr, one))
            await process.wait()
        finally:
            one.end = None
            if process.returncode is None:
                process.terminate()
                await process.wait()
        _end(one, process.returncode, made, said)


def _words(one: Import) -> list[str]:
    options: Words = {"list": one.list, "by": one.by, **one.words}
    flags = [f"--{name}" for name, value in options.items() if value is True]
    named = [f"--{name}={value}" for name, value in options.items() if value and value is not True]
    return ["lists", "import", "-", "--watched", "--json", *named, *flags]


async def _follow(errors: asyncio.StreamReader, one: Import) -> str:
    """Hear how far it is; the end of whatever else it says."""
    said = ""
    async for line in errors:
        text = line.decode(errors="replace").strip()
        told = _json(text)
        if told is None:
            said = f"{said} {text}"[-_SAID:]
        else:
            one.read = int(told.get("read", one.read))
            one.stage = Stage.LOADING if told.get("loading") else one.stage
    return said.strip()


def _end(one: Import, code: int | None, made: bytes, said: str) -> None:
    found = _json(made.decode(errors="replace"))
    if code == 0 and found is not None:
        one.found = found
        one.ended(Stage.IN_FORCE)
    elif code == REFUSED and found is not None:
        one.found, one.flaw = found, Flaw(found["flaw"])
        one.ended(Stage.REFUSED, str(found["refused"]))
    elif one.cancelled:
        one.ended(Stage.CANCELLED)
    else:
        one.ended(Stage.FAILED, said.removeprefix("error: ") or f"the process that read it ended with {code}")


def _json(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return found
