"""The folder of sealed recordings: what is in it, and a way into one of them. Everything here may wait for the disk.

A file that is to be destroyed is first renamed to `CALL.doomed`: from then on nobody finds it, and if the power goes
before it is entered and unlinked, whoever sweeps next knows what was meant.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import structlog

from callgate.core.sealedfile import PREFIX, Header, NotSealed, Opening, decode, file_name, head_length

log = structlog.stdlib.get_logger()

SEALED, DOOMED = ".sealed", ".doomed"


@dataclass(frozen=True, slots=True)
class Sound:
    """An opened recording: its WAV file of `size` bytes, of which any part can be read."""

    path: Path
    size: int
    _opening: Opening = field(repr=False)

    def read(self, start: int = 0, end: int | None = None) -> Generator[bytes]:
        """The bytes from `start` (0 or more) up to `end`, a chunk at a time. Raises `NotSealed`, OSError."""
        with self.path.open("rb") as file:
            for number, part in self._opening.needed(start, self.size if end is None else end):
                yield _chunk(file, self._opening, number)[part]


@dataclass(frozen=True, slots=True)
class Archive:
    """The folder; it need not be there yet."""

    folder: Path

    def path(self, call: str) -> Path:
        """Where a call's recording is, or would be. Raises ValueError for what is no CALLGATE_ID."""
        return self.folder / file_name(call)

    def has(self, call: str) -> bool:
        """Whether a call's recording is kept."""
        return self.path(call).is_file()

    def header(self, call: str) -> Header:
        """What a call's file says of itself. Raises `NotSealed`, OSError."""
        return _head(self.path(call))[0]

    def open(self, call: str, key: bytes) -> Sound:
        """A call's recording, under its key. That its end is there is seen before anything is given out.

        Raises `NotSealed`, OSError.
        """
        path = self.path(call)
        _, head = _head(path)
        opening = Opening(key, head, path.stat().st_size)
        with path.open("rb") as file:
            _chunk(file, opening, opening.chunks - 1)
        return Sound(path, opening.size, opening)

    def kept(self) -> Iterator[Header]:
        """What each file says of itself. A damaged one is named in the log and left out."""
        return self._all(SEALED)

    def doomed(self) -> Iterator[Header]:
        """The same of those that were to be destroyed."""
        return self._all(DOOMED)

    def _all(self, suffix: str) -> Iterator[Header]:
        for path in self.folder.glob(f"*{suffix}"):
            try:
                header, _ = _head(path)
            except FileNotFoundError:
                continue  # destroyed since
            except (NotSealed, OSError) as error:
                log.error("recording-damaged", file=path.name, error=str(error))
                continue
            if header.call == path.stem:
                yield header
            else:
                log.error("recording-damaged", file=path.name, error="it is the recording of another call")

    def doom(self, call: str) -> bool:
        """Take a recording away from everybody; whether there was one."""
        try:
            self.path(call).rename(self._doomed(call))
        except FileNotFoundError:
            return self._doomed(call).is_file()
        return True

    def destroy(self, call: str) -> None:
        """Remove one that is doomed."""
        self._doomed(call).unlink(missing_ok=True)

    def sync(self) -> None:
        """Let what was renamed and removed be on disk."""
        if self.folder.is_dir():
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _doomed(self, call: str) -> Path:
        return self.path(call).with_suffix(DOOMED)


def _head(path: Path) -> tuple[Header, bytes]:
    """The header, and everything before the first chunk. Raises `NotSealed`, OSError."""
    with path.open("rb") as file:
        start = file.read(PREFIX)
        head = start + file.read(head_length(start) - PREFIX)
    return decode(head), head


def _chunk(file: BinaryIO, opening: Opening, number: int) -> bytes:
    start, end = opening.place(number)
    file.seek(start)
    return opening.chunk(number, file.read(end - start))
