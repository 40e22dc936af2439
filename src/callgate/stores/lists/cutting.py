"""Where a list is cut into chunks, so that Redis needs little memory for it whatever its density.

A set costs Redis its members, and about `SET_BYTES` for being a set at all. jemalloc, which Redis is built with,
gives an intset of 8 bytes and its members a block of one of four sizes to each power of two, and the rest of the
block is lost. So a chunk takes as many numbers as make it cheapest *by the number*: all 508 where they lie within its
span, otherwise the most that fill a block of some size.

Where few numbers lie within a narrow chunk's span, what it costs to be a set outweighs the two bytes that it saves on
each, and a run of such chunks is joined into a wide one wherever that is cheaper.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from callgate.stores.errors import ListRefused
from callgate.stores.lists.index import LIMIT, WIDE

Numbers: TypeAlias = npt.NDArray[np.uint64]
"""E.164 digits as integers."""

SET_BYTES = 96
"""What a set takes in Redis 7 besides its intset: entry 32, object 16, a key of 30 characters 32, its slot 8 to 16."""
_INTSET_HEADER = 8
_NARROW_SPAN, _WIDE_SPAN = np.uint64(2**16 - 1), np.uint64(2**32 - 1)
_AHEAD = 2 * LIMIT
"""How many numbers the decision on one chunk may look at."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Chunks that follow each other: of each the base and the shape (see `index`), of all the offsets, packed."""

    bases: Numbers
    shapes: npt.NDArray[np.uint16]
    offsets: bytes
    count: int


def cut(blocks: Iterable[Numbers]) -> Iterator[Cut]:
    """Cut numbers that come in blocks of any length, strictly increasing over all of them; holds one block at a time.

    The chunks do not depend on where the blocks end. Raises `ListRefused` as soon as the numbers do not increase.
    """
    rest, last = np.empty(0, np.uint64), np.uint64(0)
    for block in blocks:
        if len(block):
            _must_increase(block, last)
            last = block[-1]
            rest = np.concatenate((rest, block))
            bounds, wide = _bounds(rest, len(rest) - _AHEAD)
            yield _pack(rest, bounds, wide)
            rest = rest[bounds[-1] :]
    yield _pack(rest, *_bounds(rest, len(rest)))


def _must_increase(block: Numbers, last: np.uint64) -> None:
    if block[0] <= last or not (block[1:] > block[:-1]).all():
        raise ListRefused("the numbers of a list must increase strictly; sort them and drop the repeated ones")


def _bounds(numbers: Numbers, until: int) -> tuple[list[int], list[bool]]:
    """Where chunks begin, and at last end, in `numbers`, and which are wide; none begins at `until` or later."""
    at, bounds, wide = 0, [0], []
    while at < until:
        narrow = _narrow(numbers, at)
        joined = 0 if narrow >= _SPARSE else _joined(numbers, at)
        at += joined or narrow
        bounds.append(at)
        wide.append(joined > 0)
    return bounds, wide


def _narrow(numbers: Numbers, at: int) -> int:
    """How many numbers a narrow chunk that begins at `at` takes."""
    window = numbers[at : at + LIMIT]
    if window[-1] - window[0] <= _NARROW_SPAN:
        return _CHEAPEST[len(window)]
    return _CHEAPEST[int(window.searchsorted(window[0] + _NARROW_SPAN, "right"))]


def _joined(numbers: Numbers, at: int) -> int:
    """How many numbers a wide chunk in the place of the sparse narrow ones from `at` takes; 0 where it costs more."""
    end, apart = at, 0.0
    while end < min(at + LIMIT, len(numbers)) and (narrow := _narrow(numbers, end)) < _SPARSE:
        end += narrow
        apart += _bytes(narrow, 2)
    window = numbers[at : min(end, at + LIMIT)]
    count = int(window.searchsorted(window[0] + _WIDE_SPAN, "right"))
    return count if _bytes(count, 4) / count < apart / (end - at) else 0


def _pack(numbers: Numbers, bounds: list[int], wide: list[bool]) -> Cut:
    edges, is_wide = np.array(bounds, np.intp), np.array(wide, np.bool_)
    sizes = edges[1:] - edges[:-1]
    bases = numbers[edges[:-1]]
    offsets = (numbers[: bounds[-1]] - np.repeat(bases, sizes)).astype("<u4")
    shapes = (sizes | is_wide * WIDE).astype(np.uint16)
    # The low half of every offset, and the high half of those in wide chunks.
    halves = np.ones((len(offsets), 2), np.bool_)
    halves[:, 1] = np.repeat(is_wide, sizes)
    return Cut(bases, shapes, offsets.view("<u2").reshape(-1, 2)[halves].tobytes(), len(offsets))


def _block(size: int) -> int:
    """The size of the block that jemalloc gives for so many bytes."""
    # Four sizes to each power of two, and no two less than 16 bytes apart: https://jemalloc.net/jemalloc.3.html
    step = max(16, 1 << max(0, (size - 1).bit_length() - 3))
    return -(-size // step) * step


def _bytes(count: int, width: int) -> int:
    """What Redis needs for a chunk."""
    return _block(_INTSET_HEADER + width * count) + SET_BYTES


def _cheapest() -> list[int]:
    """For each number of numbers within reach, how many a narrow chunk takes to be cheapest by the number."""
    best, chosen = 1, [0]
    for count in range(1, LIMIT + 1):
        if _bytes(count, 2) * best <= _bytes(best, 2) * count:
            best = count
        chosen.append(best)
    return chosen


_CHEAPEST = _cheapest()
_SPARSE = next(count for count in range(1, LIMIT) if _bytes(count, 2) / count < _bytes(LIMIT, 4) / LIMIT)
"""A narrow chunk of so many numbers is cheaper by the number than the fullest wide one."""
