"""Recordings on their way from Asterisk to callgate's own folder.

Asterisk writes to a spool, one file a call, named after the CALLGATE_ID; when the call is over the file is sealed: it
is complete, hashed, and moved where only callgate can read it. A file in the spool that belongs to no consented call
is destroyed. Nothing outside the two folders is ever touched, and no link is followed.
"""

import asyncio
import hashlib
import os
import stat
import wave
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

COMPLETE_WITHIN_S = 10.0
"""MixMonitor closes its file in a thread of its own after the hang-up; its Stop event is not sent then."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A recording that is kept: where, how long in seconds, and the SHA-256 of the file."""

    path: Path
    seconds: float
    sha256: str


class NotRecorded(Exception):
    """There is no usable recording where one should be; the message says why."""


class Recordings:
    """The spool and the folder of sealed recordings."""

    def __init__(self, spool: Path, sealed: Path) -> None:
        self._spool = spool
        self._sealed = sealed

    def path_for(self, call: str) -> Path:
        """Where MixMonitor writes this call. A CALLGATE_ID holds letters, digits and dashes only."""
        if not call.isascii() or not call.replace("-", "").isalnum():
            raise ValueError("a CALLGATE_ID is letters, digits and dashes")
        return self._spool / f"{call}.wav"

    async def seal(self, call: str) -> Sealed:
        """Wait for the file to be complete, hash it and move it. Raises `NotRecorded`."""
        source = self.path_for(call)
        try:
            async with asyncio.timeout(COMPLETE_WITHIN_S):
                # A file tells nobody that it was closed, so this one is looked at.
                while not await asyncio.to_thread(_is_complete, source):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotRecorded(f"the recording {source.name} was not complete within {COMPLETE_WITHIN_S:g} s") from None
        return await asyncio.to_thread(self._move, source)

    def _move(self, source: Path) -> Sealed:
        with wave.open(str(source), "rb") as audio:
            seconds = audio.getnframes() / audio.getframerate()
        data = source.read_bytes()
        self._sealed.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._sealed / source.name
        partial = target.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
        source.unlink()
        return Sealed(target, seconds, hashlib.sha256(data).hexdigest())

    def destroy(self, call: str) -> bool:
        """Destroy what was recorded of a call, in the spool and sealed; whether there was anything."""
        found = False
        for path in (self.path_for(call), self._sealed / f"{call}.wav"):
            if _is_regular(path):
                path.unlink()
                found = True
        return found

    def is_sealed(self, call: str) -> bool:
        """Whether the recording of a call was sealed before."""
        return _is_regular(self._sealed / f"{call}.wav")

    def orphans(self, wanted: Collection[str]) -> list[str]:
        """The names in the spool that belong to none of the `wanted` calls."""
        if not self._spool.is_dir():
            return []
        return [path.stem for path in sorted(self._spool.glob("*.wav")) if path.stem not in wanted]

    def destroy_orphan(self, name: str) -> bool:
        """Destroy one file of the spool, if it is a regular file."""
        path = self._spool / f"{name}.wav"
        if not _is_regular(path):
            return False
        path.unlink()
        return True


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_complete(path: Path) -> bool:
    """Asterisk writes the length into the WAV header when it closes the file (format_wav.c, update_header)."""
    try:
        if not _is_regular(path):
            return False
        with wave.open(str(path), "rb") as audio:
            size = audio.getnframes() * audio.getsampwidth() * audio.getnchannels()
        return size > 0 and path.stat().st_size >= size + 44
    except (wave.Error, EOFError):
        return False
