"""Lead files that come over HTTP, sifted by `callgate scrub` in a process of its own.

Judging leads takes a processor for seconds, and calls must not wait for it. The file is piped into the process as it
comes, and what it writes lies in a folder that is gone when the answer was sent.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TypedDict

from callgate.stores.errors import StoreUnavailable
from callgate.web.services import LeadsRefused, SieveBusy, Sifted

AT_ONCE = 2
NICE = 10
CHUNK = 256 << 10
REFUSED = 1
"""The exit code of `callgate scrub` where the file is the reason."""
_SAID = 500


class _Counts(TypedDict):
    """What `callgate scrub --json` says."""

    allowed: int
    blocked: dict[str, int]


class ProcessSieve:
    """Sifts with the configuration at `config_file`; `folder` is where files lie meanwhile."""

    def __init__(self, config_file: Path, folder: Path) -> None:
        self._config = config_file
        self._folder = folder
        self._running = 0

    async def sift(self, leads: AsyncIterator[bytes], words: Mapping[str, str], *, blocked: bool) -> Sifted:
        """See `web.services.Sieve`."""
        if self._running >= AT_ONCE:
            raise SieveBusy
        self._running += 1
        folder = tempfile.TemporaryDirectory(prefix="scrub-", dir=self._folder)
        try:
            counts = await self._run(leads, words, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        finally:
            self._running -= 1
        content = _content(folder, Path(folder.name, "blocked" if blocked else "allowed"))
        return Sifted(content, counts["allowed"], counts["blocked"])

    async def _run(self, leads: AsyncIterator[bytes], words: Mapping[str, str], folder: Path) -> _Counts:
        options = [f"--{name}={value}" for name, value in words.items() if value]
        outputs = [f"--allowed={folder}/allowed", f"--blocked={folder}/blocked", "--json", f"--config={self._config}"]
        process = await asyncio.create_subprocess_exec(
            "nice", "-n", str(NICE), sys.executable, "-m", "callgate", "scrub", "-", *options, *outputs,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_feed(process, leads))
                ended = tasks.create_task(_end(process))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        told, said = ended.result()
        if process.returncode == REFUSED:
            raise LeadsRefused(said)
        if process.returncode != 0:
            raise StoreUnavailable(f"the leads could not be judged: {said}")
        counts: _Counts = json.loads(told)
        return counts


async def _feed(process: asyncio.subprocess.Process, leads: AsyncIterator[bytes]) -> None:
    """Pipe the leads in. A process that has refused them reads no more; the rest is read all the same, and dropped."""
    pipe = process.stdin
    assert pipe is not None  # noqa: S101 - it was asked for
    async for chunk in leads:
        if not pipe.is_closing():
            try:
                pipe.write(chunk)
                await pipe.drain()
            except ConnectionError:
                pipe.close()
    pipe.close()


async def _end(process: asyncio.subprocess.Process) -> tuple[bytes, str]:
    """What it wrote to its outputs, once it has ended."""
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    told, said = await asyncio.gather(process.stdout.read(), process.stderr.read())
    await process.wait()
    return told, " ".join(said.decode(errors="replace").split())[-_SAID:]


async def _content(folder: "tempfile.TemporaryDirectory[str]", file: Path) -> AsyncIterator[bytes]:
    try:
        with file.open("rb") as opened:
            while chunk := await asyncio.to_thread(opened.read, CHUNK):
                yield chunk
    finally:
        folder.cleanup()
