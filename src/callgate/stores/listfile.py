"""A national list on disk: what was fetched, in the form from which Redis can be filled again at any time.

    callgate-list 1\n
    {"country": …, "id": …, "scrubbed_at": …, "version": …}\n
    the numbers, strictly increasing, eight bytes each, little-endian
    32 bytes: SHA-256 of all that stands before

A file appears under its name whole or not at all. It is read in blocks, and a damaged one is found out at its end; so
what was read counts only once the reading has ended without an error.
"""

import hashlib
import json
import os
import secrets
import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from callgate.stores.errors import ListRefused

MAGIC = b"callgate-list 1\n"
BLOCK = 8192
"""Numbers at a time: 64 KiB."""
_WIDTH = 8
_DIGEST = hashlib.sha256().digest_size
_HEADER_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class ListVersion:
    """One version of a national list, and the aware moment to which its source was true."""

    id: str
    country: str
    version: str
    scrubbed_at: datetime


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that was written; `count` is how many numbers it holds."""

    path: Path
    of: ListVersion
    count: int
    _start: int

    def numbers(self) -> Iterator[int]:
        """All numbers in order. Raises `ListRefused` at the end of a file that is not what was written."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            digest.update(file.read(self._start))
            for first in range(0, self.count, BLOCK):
                block = file.read(min(BLOCK, self.count - first) * _WIDTH)
                digest.update(block)
                yield from _decode(block, self.path)
            if file.read() != digest.digest():
                raise _damaged(self.path)


def write_list(path: Path, of: ListVersion, numbers: Iterable[int]) -> ListFile:
    """Write a list, replacing what `path` was once the new file is safe on disk.

    `numbers` are E.164 digits as integers, strictly increasing. Raises `ListRefused` where they are not.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for part in _parts(of, numbers):
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    _sync_directory(path.parent)
    return open_list(path)


def open_list(path: Path) -> ListFile:
    """Read what list the file holds. Raises `ListRefused` for a file that is none."""
    with path.open("rb") as file:
        magic, header = file.read(len(MAGIC)), file.readline(_HEADER_LIMIT)
        start = file.tell()
        size = os.fstat(file.fileno()).st_size
    count, rest = divmod(size - start - _DIGEST, _WIDTH)
    try:
        fields = json.loads(header) if magic == MAGIC else {}
        of = ListVersion(
            fields["id"], fields["country"], fields["version"], datetime.fromisoformat(fields["scrubbed_at"])
        )
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    if rest or count < 0:
        raise _damaged(path)
    return ListFile(path, of, count, start)


def blocks(numbers: Iterable[int]) -> Iterator[list[int]]:
    """The numbers, `BLOCK` at a time. Raises `ListRefused` as soon as they do not increase."""
    stream = iter(numbers)
    last = 0
    while block := list(islice(stream, BLOCK)):
        for number in block:
            if number <= last:
                raise ListRefused("the numbers of a list must increase strictly; sort them and drop the repeated ones")
            last = number
        yield block


def _parts(of: ListVersion, numbers: Iterable[int]) -> Iterator[bytes]:
    fields = {"id": of.id, "country": of.country, "version": of.version, "scrubbed_at": of.scrubbed_at.isoformat()}
    yield MAGIC
    yield json.dumps(fields, sort_keys=True).encode() + b"\n"
    for block in blocks(numbers):
        yield _little(array("Q", block)).tobytes()


def _decode(block: bytes, path: Path) -> "array[int]":
    if len(block) % _WIDTH:
        raise _damaged(path)
    decoded = array("Q")
    decoded.frombytes(block)
    return _little(decoded)


def _little(values: "array[int]") -> "array[int]":
    """To or from the file's byte order."""
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _damaged(path: Path) -> ListRefused:
    return ListRefused(f"{path} is damaged or no list of ours; import the list again")


def _sync_directory(path: Path) -> None:
    """Make the renaming itself durable."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
