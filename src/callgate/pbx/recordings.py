"""Recordings on their way from Asterisk to callgate's own folder.

Asterisk writes two files a call to a spool (`pbx/spool.py`). When the call is over they become one stereo file, sealed
(`core/sealedfile.py`) where only callgate can read it; whoever seals removes the plain ones once that is committed
(`pbx/sealing.py`). A sealed file is on disk under its final name before anything else happens. So whenever the power
goes, what is found afterwards is the plain files, or the sealed one, or both.

Whatever may wait for a disk runs on threads of its own: neither the event loop nor the ledger waits for a slow one.
"""

import asyncio
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeVar

from callgate.core.sealedfile import Header, Sealing, checked, file_name
from callgate.pbx.spool import Look, Side, Spool, free, sync

T = TypeVar("T")

QUIET_S = 10.0
"""MixMonitor closes its files in a thread of its own after the hang-up, and its Stop event is not sent then. Files that
it did not close and that have not grown for so long are what an Asterisk left that was killed: they are taken as they
are."""
LOOK_EVERY_S = 0.05
FULL = 2**20
"""Bytes free on the spool's disk, below which sound may be lost. Asterisk writes 32 KiB at a time (file.c); where it
cannot it goes on, and closes the file as if nothing were missing (format_wav.c)."""
HINDERS_AFTER_S = 1.0
"""A callee waits in silence for as long as a disk does not say whether it can take the recording."""
THREADS = 2


@dataclass(frozen=True, slots=True)
class Sealed:
    """A recording that is kept: where, and how long in seconds; the SHA-256 of the stereo WAV file and of the sealed
    one. `whole`: Asterisk closed its files, and their disk was not full, so that nothing is missing."""

    path: Path
    seconds: float
    sha256: str
    sealed_sha256: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the folders, and the way out."""

    says: str
    way_out: str


class _Stopped(Exception):
    """The recording is to be destroyed: whoever seals it lets go."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A sealing that is under way on a thread."""

    stop: threading.Event
    ended: asyncio.Future[Sealed]


class Recordings:
    """The spool and the folder of sealed recordings. `floor`: how many bytes stay free on their disks."""

    def __init__(self, spool: Path, sealed: Path, floor: int = 0) -> None:
        self.spool = Spool(spool)
        self._sealed = sealed
        self._floor = floor
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="recordings")
        # Its own, so that a callee does not wait for what is sealed.
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._under_way: dict[str, _Work] = {}
        self._cut: set[str] = set()

    def path_for(self, call: str, side: Side = Side.CALLEE) -> Path:
        """Where MixMonitor writes one side of this call. A CALLGATE_ID holds letters, digits and dashes only."""
        return self.spool.path_for(call, side)

    def sealed_path(self, call: str) -> Path:
        """Where this call's recording is kept."""
        return self._sealed / file_name(call)

    # Before the recording.

    async def hindrance(self, call: str) -> str:
        """Why this call may not be recorded, as the name of an alarm; empty where it may."""
        return await self._look(lambda: self._hindrance(call))

    async def _look(self, look: Callable[[], str]) -> str:
        """What is wrong, as the name of an alarm; a disk that does not say so in time is."""
        looking = asyncio.get_running_loop().run_in_executor(self._looks, look)
        try:
            async with asyncio.timeout(HINDERS_AFTER_S):
                return await looking
        except OSError:  # TimeoutError is one
            return "disk-not-answering"

    def _hindrance(self, call: str) -> str:
        if self.spool.problem():
            return "spool-not-private"
        if self.spool.taken(call):
            return "spool-name-taken"
        if min(free(self.spool.folder), free(self._sealed)) < self._floor:
            return "disk-nearly-full"
        return ""

    def problems(self) -> list[Problem]:
        """What is wrong with the folders, for those who look after them. May wait for the disk. Raises OSError."""
        found = []
        if problem := self.spool.problem():
            way_out = "let it belong to Asterisk's user and callgate's group, and chmod it to 2770; no call is recorded"
            found.append(Problem(problem, way_out))
        if self._sealed.is_dir() and self._sealed.stat().st_mode & stat.S_IRWXO:
            found.append(Problem(f"others may look into {self._sealed}", "chmod it to 0700"))
        for folder in (self.spool.folder, self._sealed):
            if (left := free(folder)) < self._floor:
                says = f"{left // 2**20} MiB are free on the disk of {folder}, and {self._floor // 2**20} are asked for"
                found.append(Problem(says, "make room, or lower recordings.min_free_mib; no call is recorded"))
        return found

    # While it lasts.

    async def trouble(self, calls: Collection[str]) -> str:
        """What is wrong with the spool's disk while these calls are recorded, as the name of an alarm.

        Once it was full they are not whole, even if there was room again.
        """
        return await self._look(lambda: self._trouble(calls))

    def _trouble(self, calls: Collection[str]) -> str:
        left = free(self.spool.folder)
        if left < FULL:
            self._cut.update(calls)
        return "disk-nearly-full" if left < max(self._floor, FULL) else ""

    # After it.

    async def seal(self, call: str, key: bytes, header: Header) -> Sealed:
        """Wait until the files are complete, and seal them under this key of 32 bytes; the plain ones stay.

        Raises `NotRecorded`, and OSError where the disk cannot take it: then nothing was sealed.
        """
        whole = await self._complete(call) and not await self._run(lambda: self._is_cut(call))
        stop = threading.Event()
        job = self._threads.submit(self._write, call, Sealing(key, header), whole, stop)
        self._under_way[call] = work = _Work(stop, asyncio.wrap_future(job))
        work.ended.add_done_callback(lambda _: self._ended(call, work))
        # A waiter who is cancelled does not end the thread, for which `destroy` waits.
        return await asyncio.shield(work.ended)

    def _ended(self, call: str, work: _Work) -> None:
        if not work.ended.cancelled():
            work.ended.exception()  # nobody may be waiting for it any more
        if self._under_way.get(call) is work:
            del self._under_way[call]

    async def _complete(self, call: str) -> bool:
        """Wait until nothing more is written; whether Asterisk closed the files. Raises `NotRecorded`."""
        before, since = Look(-1, closed=False), monotonic()
        while True:
            look = await self._run(lambda: self.spool.look(call))
            if look.closed:
                return True
            if look != before:
                before, since = look, monotonic()
            elif monotonic() - since >= QUIET_S:
                return False
            # A file tells nobody that it was closed, so these are looked at.
            await asyncio.sleep(LOOK_EVERY_S)

    def _is_cut(self, call: str) -> bool:
        return call in self._cut or free(self.spool.folder) < FULL

    def _write(self, call: str, sealing: Sealing, whole: bool, stop: threading.Event) -> Sealed:
        self._sealed.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self._partial(call)
        try:
            with ExitStack() as files:
                stereo = self.spool.open(call, files)
                plain, sealed = hashlib.sha256(), hashlib.sha256()
                to = files.enter_context(os.fdopen(_make(partial), "wb"))

                def put(piece: bytes) -> None:
                    sealed.update(piece)
                    to.write(piece)

                put(sealing.head)
                for piece in stereo.pieces():
                    _unless(stop)
                    plain.update(piece)
                    put(sealing.update(piece))
                put(sealing.finish())
                to.flush()
                os.fsync(to.fileno())
            partial.replace(self.sealed_path(call))
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync(self._sealed)
        seconds = stereo.frames / stereo.rate
        return Sealed(self.sealed_path(call), seconds, plain.hexdigest(), sealed.hexdigest(), whole)

    async def discard_plain(self, call: str) -> None:
        """The sealed file is committed: the plain ones go."""
        self._cut.discard(call)
        await self._run(lambda: self.spool.remove(call))

    async def destroy(self, call: str) -> bool:
        """Destroy what was recorded of a call, in the spool and sealed; whether there was anything. On disk on return.

        A sealing that is under way is broken off first. Raises OSError.
        """
        if (work := self._under_way.get(call)) is not None:
            work.stop.set()
            await asyncio.wait({work.ended})
        return await self._run(lambda: self._destroy(call))

    def _destroy(self, call: str) -> bool:
        self._cut.discard(call)
        found = self.spool.remove(call)
        for path in (self.sealed_path(call), self._partial(call)):
            if os.path.lexists(path):
                path.unlink()
                sync(self._sealed)
                found = True
        return found

    async def is_sealed(self, call: str) -> bool:
        """Whether there is a sealed file of this call."""
        return await self._run(self.sealed_path(call).is_file)

    # What belongs to nobody.

    def orphans(self, wanted: Collection[str]) -> list[str]:
        """The calls with files in the spool that are none of the `wanted`."""
        return self.spool.orphans(wanted)

    def destroy_orphan(self, call: str) -> bool:
        """Destroy the files of such a call, and what a sealing left that was cut off; whether there were any.

        A sealed file stays: where it is committed, the power may have brought back plain ones that were removed.
        """
        self._partial(call).unlink(missing_ok=True)
        return self.spool.remove(call)

    # Helpers.

    def _partial(self, call: str) -> Path:
        return self._sealed / f"{checked(call)}.partial"

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _unless(stop: threading.Event) -> None:
    if stop.is_set():
        raise _Stopped


def _make(path: Path) -> int:
    """A file of our own, for its owner only."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
