"""A national list on disk: what was fetched, in the form from which Redis can be filled again at any time.

    callgate-list 2\n
    {"country": …, "id": …, "scrubbed_at": …, "source": …, "version": …}    padded with spaces, and \n
    the offsets of all chunks, packed one after the other (see `index`)
    the index
    how many numbers, how many chunks, eight bytes each, little-endian
    32 bytes: SHA-256 of all that stands before

About two bytes a number. A file appears under its name whole or not at all (`listwriter`). Opening it reads both
ends; a damaged one is found out at the end of a reading, so what was read counts only once that has ended without an
error.
"""

import hashlib
import json
import os
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from callgate.stores.errors import ListRefused
from callgate.stores.lists.index import ENTRY_BYTES, Chunk, Index, little

MAGIC = b"callgate-list 2\n"
ALIGNMENT = 8
"""The offsets begin on a multiple of it."""
COUNTS = struct.Struct("<QQ")
DIGEST_BYTES = hashlib.sha256().digest_size
HEADER_LIMIT = 4096
_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class ListVersion:
    """One version of a national list, and the aware moment to which its source was true.

    `source` says in plain words where it came from: shown to people, and used for nothing.
    """

    id: str
    country: str
    version: str
    scrubbed_at: datetime
    source: str = ""

    def to_fields(self) -> dict[str, str]:
        """For JSON."""
        return {
            "id": self.id,
            "country": self.country,
            "version": self.version,
            "scrubbed_at": self.scrubbed_at.isoformat(),
            "source": self.source,
        }

    @classmethod
    def from_fields(cls, fields: dict[str, str]) -> "ListVersion":
        """What `to_fields` gave. Raises ValueError, KeyError or TypeError for anything else."""
        scrubbed_at = datetime.fromisoformat(fields["scrubbed_at"])
        return cls(fields["id"], fields["country"], fields["version"], scrubbed_at, fields["source"])


class Filled(NamedTuple):
    """A chunk, and the offset of each of its numbers from its base, increasing."""

    chunk: Chunk
    offsets: "array[int]"


@dataclass(frozen=True)
class ListFile:
    """A list that was written: of `count` numbers, in `chunks` chunks, whose offsets begin at byte `start`."""

    path: Path
    of: ListVersion
    count: int
    chunks: int
    start: int

    def index(self) -> Index:
        """The index, not held against the checksum. Raises `ListRefused` where it contradicts itself."""
        with self.path.open("rb") as file:
            return self._index(file)

    def filled(self) -> Iterator[Filled]:
        """All chunks in order. Raises `ListRefused` at the end of a file that is not what was written."""
        digest = hashlib.sha256()
        with self.path.open("rb", _READ_BYTES) as file:
            index = self._index(file)
            file.seek(0)
            digest.update(file.read(self.start))
            for chunk in index.chunks():
                packed = file.read(chunk.size * chunk.width)
                digest.update(packed)
                yield Filled(chunk, little(array("I" if chunk.width == 4 else "H", packed)))
            digest.update(file.read(len(index) * ENTRY_BYTES + COUNTS.size))
            if file.read() != digest.digest():
                raise damaged(self.path)

    def numbers(self) -> Iterator[int]:
        """All numbers in order. Raises as `filled` does."""
        for chunk, offsets in self.filled():
            for offset in offsets:
                yield chunk.base + offset

    def _index(self, file: BinaryIO) -> Index:
        end = os.fstat(file.fileno()).st_size - _TAIL_BYTES
        begins = end - self.chunks * ENTRY_BYTES
        file.seek(begins)
        try:
            index = Index.from_bytes(file.read(self.chunks * ENTRY_BYTES))
        except ValueError:
            raise damaged(self.path) from None
        packed = sum(chunk.size * chunk.width for chunk in index.chunks())
        if (len(index), index.count, packed) != (self.chunks, self.count, begins - self.start):
            raise damaged(self.path)
        return index


def open_list(path: Path) -> ListFile:
    """Read what list the file holds. Raises `ListRefused` for a file that is none."""
    with path.open("rb") as file:
        magic, header = file.read(len(MAGIC)), file.readline(HEADER_LIMIT)
        start, size = file.tell(), os.fstat(file.fileno()).st_size
        file.seek(max(start, size - _TAIL_BYTES))
        tail = file.read(COUNTS.size)
    try:
        of = ListVersion.from_fields(json.loads(header) if magic == MAGIC else {})
        count, chunks = COUNTS.unpack(tail)
    except (ValueError, KeyError, TypeError, struct.error):
        raise damaged(path) from None
    if start + 2 * count + chunks * ENTRY_BYTES + _TAIL_BYTES > size:
        raise damaged(path)
    return ListFile(path, of, count, chunks, start)


def damaged(path: Path) -> ListRefused:
    """What to raise for a file that is not what was written."""
    return ListRefused(f"{path} is damaged or no list of ours; import the list again")


_TAIL_BYTES = COUNTS.size + DIGEST_BYTES
