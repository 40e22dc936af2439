"""The spool: what Asterisk writes of calls, for as long as it does.

Two files a call, the callee's voice and the agent's, named after the CALLGATE_ID. That is random and is given out with
the verdict, and nothing of its name may be there when the recording starts: so whatever has it was made in this call. A
file is removed only if its name is one of these, it stands in this very folder, and it is a regular file; no link is
followed. Everything here may wait for the disk.
"""

import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from callgate.core import stereo
from callgate.core.sealedfile import checked
from callgate.core.stereo import NotAudio

BLOCK = 16_384
"""Frames that are taken from both sides at a time."""


class NotRecorded(Exception):
    """There is no usable recording where one should be; the message says why."""


class Side(StrEnum):
    """Whose voice a file holds."""

    CALLEE = "callee"
    AGENT = "agent"


_OURS = re.compile(rf"([0-9A-Za-z-]+)\.(?:{'|'.join(Side)})\.wav", re.ASCII)


@dataclass(frozen=True, slots=True)
class Look:
    """The files of a call at one moment: how many bytes they have, and whether Asterisk closed both."""

    size: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Stereo:
    """A recording as a stereo WAV file, read as it is asked for: the callee left, the agent right."""

    rate: int
    frames: int
    sides: tuple[BinaryIO | None, ...]

    def pieces(self) -> Iterator[bytes]:
        """Header and sound."""
        yield stereo.header(self.rate, self.frames)
        for at in range(0, self.frames, BLOCK):
            frames = min(BLOCK, self.frames - at)
            callee, agent = (side.read(frames * stereo.SAMPLE) if side else b"" for side in self.sides)
            yield stereo.interleave(callee, agent, frames)


class Spool:
    """The folder that Asterisk writes and callgate empties."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_for(self, call: str, side: Side) -> Path:
        """Where MixMonitor writes one side of this call."""
        return self.folder / f"{checked(call)}.{side}.wav"

    def problem(self) -> str:
        """What is wrong with the folder, if anything: others than its owner and group may look into it."""
        try:
            mode = self.folder.lstat().st_mode
        except OSError as error:
            return f"the spool {self.folder} cannot be used: {error.strerror}"
        if not stat.S_ISDIR(mode):
            return f"the spool {self.folder} is no folder"
        if mode & stat.S_IRWXO:
            return f"others than callgate and Asterisk may use the spool {self.folder}"
        return ""

    def taken(self, call: str) -> bool:
        """Whether anything has the names of this call's files already."""
        return any(os.path.lexists(self.path_for(call, side)) for side in Side)

    def look(self, call: str) -> Look:
        """How far Asterisk is. Raises `NotRecorded` for what is no recording."""
        size, closed = 0, True
        with ExitStack() as files:
            for file in self._open(call, files):
                there = os.fstat(file.fileno()).st_size if file else 0
                length = _header(file).length if file and there >= stereo.HEADER.size else None
                size += there
                closed = closed and length is not None and there >= stereo.HEADER.size + length
        return Look(size, closed)

    def open(self, call: str, files: ExitStack) -> Stereo:
        """The recording, to be read while `files` is open. Raises `NotRecorded`."""
        sides = self._open(call, files)
        headers = [_header(file) if file and _size(file) >= stereo.HEADER.size else None for file in sides]
        rates = {header.rate for header in headers if header}
        if len(rates) > 1:
            raise NotRecorded("its two sides were recorded at different rates")
        lengths = [0 if not (file and head) else _length(file, head) for file, head in zip(sides, headers, strict=True)]
        if not any(lengths):
            raise NotRecorded("there is no sound in the spool")
        return Stereo(rates.pop(), stereo.frames_of(*lengths), sides)

    def _open(self, call: str, files: ExitStack) -> tuple[BinaryIO | None, ...]:
        return tuple(_opened(self.path_for(call, side), files) for side in Side)

    def remove(self, call: str) -> bool:
        """Remove a call's files, and return once that is on disk; whether there was anything."""
        found = [path for side in Side if _is_regular(path := self.path_for(call, side))]
        for path in found:
            path.unlink(missing_ok=True)
        if found:
            sync(self.folder)
        return bool(found)

    def orphans(self, wanted: Collection[str]) -> list[str]:
        """The calls with files here that are none of the `wanted`."""
        found = {match[1] for path in self._all() if (match := _OURS.fullmatch(path.name)) and _is_regular(path)}
        return sorted(found - set(wanted))

    def strangers(self) -> int:
        """How many things are here that callgate did not ask for, or that have a second name; they are left alone."""
        return sum(1 for path in self._all() if not (_OURS.fullmatch(path.name) and _is_alone(path)))

    def _all(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []


def sync(folder: Path) -> None:
    """Let what was made, renamed and removed in a folder be on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free(folder: Path) -> int:
    """How many bytes are free on the disk of a folder, or of the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _opened(path: Path, files: ExitStack) -> BinaryIO | None:
    """None where it is not there. Raises `NotRecorded` for what is no regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        if path.is_symlink():
            raise NotRecorded(f"{path.name} is a link") from None
        raise
    file = files.enter_context(os.fdopen(descriptor, "rb"))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise NotRecorded(f"{path.name} is no regular file")
    return file


def _header(file: BinaryIO) -> stereo.Side:
    """Reads it, so that the sound comes next. Raises `NotRecorded`."""
    try:
        return stereo.read_header(file.read(stereo.HEADER.size))
    except NotAudio as error:
        raise NotRecorded(str(error)) from None


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _length(file: BinaryIO, header: stereo.Side) -> int:
    """Bytes of sound: what an Asterisk that was killed left says nothing of it."""
    there = _size(file) - stereo.HEADER.size
    return there if header.length is None else min(there, header.length)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_alone(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True  # removed since
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1
