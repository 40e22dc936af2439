"""Which of millions of numbers are on a list, asked of its file: a binary search, of all of them at once.

The file is mapped, not read into memory; only the index is held. For one number in a call there is `index`, without
numpy.
"""

import hashlib
import mmap
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from callgate.stores.lists.cutting import Numbers
from callgate.stores.lists.file import DIGEST_BYTES, ListFile, damaged
from callgate.stores.lists.index import LIMIT, WIDE

_Places: TypeAlias = npt.NDArray[np.intp]
_Found: TypeAlias = npt.NDArray[np.bool_]

_AT_ONCE = 1 << 16
"""Numbers: what is worked out for so many stays in the processor's cache."""
_STEPS = LIMIT.bit_length()
"""After so many halvings nothing is left of a chunk."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The file, mapped, as halves of offsets; of each chunk its base, its shape, and the half at which it begins."""

    halves: npt.NDArray[np.uint16]
    bases: Numbers
    shapes: npt.NDArray[np.uint16]
    begins: _Places

    @classmethod
    def of(cls, file: ListFile) -> "Membership":
        """Map a file and hold it against its checksum. Raises `ListRefused` where they do not agree."""
        index = file.index()
        with file.path.open("rb") as opened:
            whole = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        if hashlib.sha256(whole[:-DIGEST_BYTES]).digest() != whole[-DIGEST_BYTES:]:
            raise damaged(file.path)
        bases, shapes = np.array(index.bases, np.uint64), np.array(index.shapes, np.uint16)
        sizes = _sizes(shapes) * np.where(shapes & WIDE, 2, 1)
        halves = np.frombuffer(whole, "<u2", int(sizes.sum()), file.start)
        return cls(halves, bases, shapes, np.cumsum(sizes) - sizes)

    def contains(self, numbers: Numbers) -> _Found:
        """Which of the numbers are on the list, in the order given."""
        found = np.zeros(len(numbers), np.bool_)
        if len(self.bases):
            for first in range(0, len(numbers), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                found[part] = self._contains(numbers[part])
        return found

    def _contains(self, numbers: Numbers) -> _Found:
        chunks = np.searchsorted(self.bases, numbers, "right") - 1
        # A number below the first base is held against the last, and so far beyond every offset there is.
        offsets = numbers - self.bases[chunks]
        wide = (self.shapes[chunks] & WIDE) > 0
        found = np.zeros(len(numbers), np.bool_)
        for width, these in ((1, ~wide), (2, wide)):
            found[these] = self._within(chunks[these], offsets[these], width)
        return found

    def _within(self, chunks: _Places, offsets: Numbers, width: int) -> _Found:
        """Whether each offset is in its chunk; offsets of these chunks are `width` halves wide."""
        begin = self.begins[chunks]
        low, left = np.zeros(len(chunks), np.intp), _sizes(self.shapes[chunks])
        for _ in range(_STEPS):
            half = left >> 1
            # Of `left` offsets from `low`, the last that is not above the one sought is in the upper part or not.
            upper = self._at(begin, low + half, width) <= offsets
            low = np.where(upper, low + half, low)
            left = np.where(upper, left - half, half)
        found: _Found = self._at(begin, low, width) == offsets
        return found

    def _at(self, begin: _Places, place: _Places, width: int) -> npt.NDArray[np.uint32]:
        at = begin + place * width
        offsets: npt.NDArray[np.uint32] = self.halves[at].astype(np.uint32)
        if width == 2:
            offsets |= self.halves[at + 1].astype(np.uint32) << np.uint32(16)
        return offsets


def _sizes(shapes: npt.NDArray[np.uint16]) -> _Places:
    return (shapes & (WIDE - 1)).astype(np.intp)
