"""Numbers in any order → one sorted column without repetitions, in bounded memory.

Up to `RUN` numbers are collected and sorted; such runs are then merged by ranges. All but a single run lie in files
without a name: whatever ends the process, the operating system frees them, and nothing is left behind.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from callgate.core.bulk import Numbers

RUN = 8_000_000
"""Numbers that are sorted in memory: 64 MB, and as much again while they are sorted."""
BLOCK = 1 << 16
"""Numbers of each run at a time that are merged."""


class Sorter:
    """Takes numbers and gives them back sorted. `folder` is where runs are kept when there are several."""

    def __init__(self, folder: Path, run: int = RUN) -> None:
        self._folder = folder
        self._run = run
        self._waiting: list[Numbers] = []
        self._waits = 0
        self._runs: list[Numbers] = []

    def add(self, numbers: Numbers) -> None:
        """Take some numbers."""
        self._waiting.append(numbers)
        self._waits += len(numbers)
        if self._waits >= self._run:
            self._runs.append(stored([self._sorted()], self._folder))

    def sorted(self) -> Numbers:
        """All of them, strictly increasing. Nothing may be added afterwards."""
        last = self._sorted()
        if not self._runs:
            return last
        return stored(merged([*self._runs, last]), self._folder)

    def _sorted(self) -> Numbers:
        numbers = _each_once(self._waiting)
        self._waiting, self._waits = [], 0
        return numbers


def merged(runs: Sequence[Numbers], block: int = BLOCK) -> Iterator[Numbers]:
    """The numbers of sorted runs in sorted blocks, each once."""
    at = [0] * len(runs)
    while left := [index for index, run in enumerate(runs) if at[index] < len(run)]:
        # Up to here at least one run gives a whole block, and none gives more.
        bound = min(runs[index][min(at[index] + block, len(runs[index])) - 1] for index in left)
        pieces = []
        for index in left:
            ahead = runs[index][at[index] : at[index] + block]
            end = int(np.searchsorted(ahead, bound, side="right"))
            pieces.append(ahead[:end])
            at[index] += end
        yield _each_once(pieces)


def _each_once(pieces: Sequence[Numbers]) -> Numbers:
    """All of them, sorted. numpy's own `unique` hashes, which takes many times as long for so many."""
    numbers = np.concatenate([np.zeros(0, np.uint64), *pieces])
    numbers.sort()
    first = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def stored(blocks: Iterable[Numbers], folder: Path) -> Numbers:
    """The blocks one after the other, in a file without a name that lives as long as the array."""
    with tempfile.TemporaryFile(dir=folder) as file:
        for block in blocks:
            file.write(block.tobytes())
        file.flush()
        if not file.tell():
            return np.zeros(0, np.uint64)
        return np.memmap(file, np.uint64, mode="r")


def blocks_of(numbers: Numbers, block: int = BLOCK) -> Iterator[Numbers]:
    """A column, a block at a time."""
    return (np.asarray(numbers[at : at + block]) for at in range(0, len(numbers), block))


def contains(column: Numbers, numbers: Numbers) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Of each number whether it is in the sorted column."""
    found = np.zeros(len(numbers), np.bool_)
    if not len(column):
        return found
    # Sorted, each search begins where the last one ended, in memory that is at hand.
    order = np.argsort(numbers)
    asked = numbers[order]
    places = np.searchsorted(column, asked)
    places[places == len(column)] = 0
    found[order] = column[places] == asked
    return found
