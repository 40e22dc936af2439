"""The form of a national list, the same on disk and in Redis: chunks of near numbers, and an index of them.

The sorted numbers are cut into *chunks*. A chunk is known by its *base*, its lowest number; a number in it is kept as
its offset from the base. Redis keeps a set of up to 512 integers as an *intset*, a sorted array whose members all
have the width that the farthest of them needs, with its sign. So a member is the offset less half the span of a
width:

    narrow  2 bytes   offsets 0 … 2**16 - 1   members -2**15 … 2**15 - 1
    wide    4 bytes   offsets 0 … 2**32 - 1   members -2**31 … 2**31 - 1

The span of a chunk thus follows the numbers: where they are dense it is a few hundred, where they are thin 65,536, and
only where a narrow chunk would hold next to nothing is it wide (`cutting` decides).

The *index* of a list is the base and the count of every chunk, in order. Whoever holds it knows which one set to ask
for a number, how many members that set must have, and of a number in no chunk's span that it is not on the list.

On disk and in Redis an index is the bases, eight bytes each, then the shapes, two bytes each, little-endian. A shape is
the count, with the highest bit set where the chunk is wide. No numpy here: this runs on the path of a call.
"""

import sys
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

LIMIT = 508
"""Numbers in a chunk, at most: less than Redis's `set-max-intset-entries` (512), and narrow exactly 1,024 bytes."""
WIDE = 0x8000
"""The bit of a shape."""
ENTRY_BYTES = 10
_SIZE = WIDE - 1


class Place(NamedTuple):
    """Where a number is, if it is on the list: which chunk, as which member; `size` is how many members it has."""

    chunk: int
    member: int
    size: int


class Chunk(NamedTuple):
    """A chunk as the index has it."""

    base: int
    shape: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.shape & _SIZE

    @property
    def width(self) -> int:
        """Bytes of an offset."""
        return 4 if self.shape & WIDE else 2

    @property
    def bias(self) -> int:
        """What a member is less than its offset; half the span."""
        return 1 << 31 if self.shape & WIDE else 1 << 15


@dataclass(frozen=True, slots=True)
class Index:
    """The bases of a list's chunks, increasing, and their shapes."""

    bases: "array[int]" = field(default_factory=lambda: array("Q"))
    shapes: "array[int]" = field(default_factory=lambda: array("H"))

    def place(self, number: int) -> Place | None:
        """Where the number would be; None where no chunk spans it, so that it is not on the list."""
        chunk = bisect_right(self.bases, number) - 1
        if chunk < 0:
            return None
        at = Chunk(self.bases[chunk], self.shapes[chunk])
        offset = number - at.base
        return Place(chunk, offset - at.bias, at.size) if offset < 2 * at.bias else None

    def chunks(self, part: range | None = None) -> Iterator[Chunk]:
        """The chunks in order, or those whose places in the index are `part`."""
        return (Chunk(self.bases[at], self.shapes[at]) for at in (range(len(self)) if part is None else part))

    def add(self, chunk: Chunk) -> None:
        """Put another chunk behind the last."""
        self.bases.append(chunk.base)
        self.shapes.append(chunk.shape)

    def __len__(self) -> int:
        return len(self.bases)

    @property
    def count(self) -> int:
        """How many numbers the list has."""
        return sum((shape & _SIZE) * times for shape, times in Counter(self.shapes).items())

    def to_bytes(self) -> bytes:
        """As it stands in a file and in Redis."""
        return little(array("Q", self.bases)).tobytes() + little(array("H", self.shapes)).tobytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Index":
        """Read what `to_bytes` wrote. Raises ValueError for what cannot be that."""
        chunks, rest = divmod(len(raw), ENTRY_BYTES)
        index = cls(array("Q", raw[: 8 * chunks]), array("H", raw[8 * chunks : len(raw) - rest]))
        little(index.bases)
        little(index.shapes)
        if rest or not all(0 < shape & _SIZE <= LIMIT for shape in set(index.shapes)):
            raise ValueError("not an index of chunks")
        return index


def little(values: "array[int]") -> "array[int]":
    """To or from the byte order of files, in place."""
    if sys.byteorder == "big":
        values.byteswap()
    return values
