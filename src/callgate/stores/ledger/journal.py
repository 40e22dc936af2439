"""The journal of erasures: which keys were destroyed, kept in a file outside the database.

A database that is restored from a backup holds keys again that were destroyed since. The journal says which, so that
they can be destroyed once more. It holds nothing of a person: a subject is a time and chance. A line is

    HASH {"at": …, "by": …, "classes": […], "controller": …, "subjects": […]}

HASH is the SHA-256 of the hash of the line before (nothing, for the first) and of the line's own JSON: a line that was
changed, or one that is missing, shows. Each is on disk before its keys are destroyed. So a line may tell of an erasure
that then failed; to destroy those keys after a restore is what was asked for all the same.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callgate.core.events import Json
from callgate.stores.errors import LedgerRefused
from callgate.stores.schema import dump


@dataclass(frozen=True, slots=True)
class Erased:
    """One erasure. `at` is an ISO time; `subjects` are the ids whose keys were destroyed; `by` is who asked for it."""

    at: str
    by: str
    controller: str
    classes: tuple[str, ...]
    subjects: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Journal:
    """The file at `path`, which need not be there yet."""

    path: Path

    def append(self, erased: Erased) -> None:
        """Write a line, and return once it is on disk. Raises OSError, and `LedgerRefused` for a damaged file."""
        said = _dumped(erased)
        with self._opened() as descriptor:
            lines, whole = self._lines(_read(descriptor))
            before = lines[-1][0] if lines else ""
            # A line that was cut off was never answered for: the process died before any key was destroyed.
            os.ftruncate(descriptor, whole)
            line = f"{_hash(before, said)} {said}\n".encode()
            if os.pwrite(descriptor, line, whole) < len(line):
                raise OSError(f"{self.path} could not be written to its end; make room on the disk")
            os.fsync(descriptor)
        _sync_folder(self.path.parent)

    def read(self) -> list[Erased]:
        """All erasures in their order. Raises OSError, and `LedgerRefused` where a line was changed or is missing."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [_erased(said) for _, said in self._lines(raw)[0]]

    def _lines(self, raw: bytes) -> tuple[list[tuple[str, str]], int]:
        """The hash and the JSON of each line, and how many bytes they take; without a last line that was cut off."""
        lines: list[tuple[str, str]] = []
        before, whole = "", raw.rfind(b"\n") + 1
        for number, line in enumerate(raw[:whole].decode(errors="replace").split("\n")[:-1], 1):
            hashed, _, said = line.partition(" ")
            if hashed != _hash(before, said):
                raise LedgerRefused(
                    f"{self.path}, line {number}, is not what was written, or the line before it is missing; take the"
                    " copy that lies elsewhere"
                )
            lines.append((hashed, said))
            before = hashed
        return lines, whole

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, made for its owner only where there is none, while no other process writes to it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _hash(before: str, said: str) -> str:
    return hashlib.sha256(f"{before}{said}".encode()).hexdigest()


def _dumped(erased: Erased) -> str:
    subjects: list[Json] = [subject.hex() for subject in erased.subjects]
    said = {"at": erased.at, "by": erased.by, "controller": erased.controller}
    return dump({**said, "classes": list(erased.classes), "subjects": subjects})


def _erased(said: str) -> Erased:
    found = json.loads(said)
    subjects = tuple(bytes.fromhex(subject) for subject in found["subjects"])
    return Erased(found["at"], found["by"], found["controller"], tuple(found["classes"]), subjects)


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
