"""A register's file → the numbers of a new version, or why the file is refused.

Refused is a file that holds nothing, of which more than a stated share of the lines is broken, that is much smaller
than the version in force, or that mostly repeats itself: a truncated download and a column of dates look just so, and
would let people be called who must not be. A file of changes is applied to the version in force and gives a full
version like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from callgate.core.bulk import Mask, Numbers
from callgate.registers import reading, source, xml
from callgate.registers.errors import FileRefused, Flaw
from callgate.registers.reading import Reading, Tally
from callgate.registers.sorting import Sorter, blocks_of, contains, merged, stored

MAX_BROKEN = 0.001
"""The share of the lines that may be broken."""
LEAST = 0.8
"""The share of the version in force that a new one has at least."""
LEAST_DIFFERENT = 0.5
"""The share of the lines that are not repetitions."""
MOST_CHANGES = 32_000_000
ENOUGH = 10_000
"""Lines after which a file of which more than half is broken is not read on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be like. `accept_shrink`: however few numbers it holds (see `LEAST`, `LEAST_DIFFERENT`)."""

    max_broken: float = MAX_BROKEN
    accept_shrink: bool = False


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Taken:
    """The numbers of a new version, strictly increasing, and how many of them came and went since the one in force."""

    numbers: Numbers
    new: int
    gone: int


def take(
    file: str,
    wanted: Reading,
    tally: Tally,
    *,
    in_force: Numbers | None,
    folder: Path,
    limits: Limits = DEFAULT,
    member: str | None = None,
    on_bytes: source.OnBytes = lambda _: None,
) -> Taken:
    """Read `file` (`-`: standard input). `in_force` are the numbers of the version in force, sorted; None without one.

    `folder` takes what does not fit into memory, in files without names. `tally` is filled whatever happens. Raises
    `FileRefused` and OSError.
    """
    sorter, changes = Sorter(folder), Changes()
    with source.chunks(file, member, on_bytes) as chunks:
        for part in (xml if wanted.layout.xml else reading).parts(chunks, wanted, tally):
            if part.added is None:
                sorter.add(part.numbers)
            else:
                changes.add(part.numbers, part.added)
            if tally.lines > ENOUGH and tally.broken > max(limits.max_broken, 0.5) * tally.lines:
                break  # the wrong file: broken lines are read one by one, and the rest would take long
    _check_lines(tally, limits)
    if changes.any:
        return _compared(changes.applied(in_force, folder), in_force, limits)
    numbers = sorter.sorted()
    if len(numbers) < LEAST_DIFFERENT * (tally.lines - tally.broken) and not limits.accept_shrink:
        raise FileRefused(
            f"{tally.lines:,} lines hold only {len(numbers):,} different numbers: is it another column, one of dates?"
            " If the register really repeats itself so, say --accept-shrink",
            Flaw.REPEATS,
        )
    return _compared(numbers, in_force, limits)


def _check_lines(tally: Tally, limits: Limits) -> None:
    if tally.lines == tally.broken == 0:
        raise FileRefused("the file holds no number", Flaw.EMPTY)
    if tally.broken > tally.lines * limits.max_broken:
        raise FileRefused(
            f"{tally.broken:,} of {tally.lines:,} lines are broken, more than {limits.max_broken:.2%}: is it another"
            " format, another column, another country? If so many are to be expected, say how many with --max-broken",
            Flaw.BROKEN,
        )


def _compared(numbers: Numbers, in_force: Numbers | None, limits: Limits) -> Taken:
    if not len(numbers):
        raise FileRefused("no number would be left on the list", Flaw.EMPTY)
    if in_force is None:
        return Taken(numbers, len(numbers), 0)
    if len(numbers) < LEAST * len(in_force) and not limits.accept_shrink:
        raise FileRefused(
            f"{len(numbers):,} numbers are less than {LEAST:.0%} of the {len(in_force):,} in force; if the register"
            " really shrank so, say --accept-shrink",
            Flaw.SHRANK,
        )
    kept = sum(int(np.count_nonzero(contains(in_force, block))) for block in blocks_of(numbers))
    return Taken(numbers, len(numbers) - kept, len(in_force) - kept)


class Changes:
    """Numbers that were added or deleted; of several changes to one number the last in the file holds."""

    def __init__(self) -> None:
        self._numbers: list[Numbers] = []
        self._added: list[Mask] = []
        self._count = 0

    @property
    def any(self) -> bool:
        """Whether there were any."""
        return bool(self._numbers)

    def add(self, numbers: Numbers, added: Mask) -> None:
        """Take some, in the order of the file. Raises `FileRefused` when there are too many to hold."""
        self._numbers.append(numbers)
        self._added.append(added)
        self._count += len(numbers)
        if self._count > MOST_CHANGES:
            raise FileRefused(f"more than {MOST_CHANGES:,} changes; import the full list instead")

    def applied(self, in_force: Numbers | None, folder: Path) -> Numbers:
        """The numbers of the version in force, changed. Raises `FileRefused` where there is none."""
        if in_force is None:
            raise FileRefused("changes need a version in force that they change; import the full list first")
        numbers, added = np.concatenate(self._numbers), np.concatenate(self._added)
        order = np.argsort(numbers, kind="stable")
        numbers, added = numbers[order], added[order]
        last = np.append(numbers[1:] != numbers[:-1], np.ones(min(1, len(numbers)), np.bool_))
        numbers, added = numbers[last], added[last]
        left = stored(_without(in_force, numbers[~added]), folder)
        return stored(merged([left, numbers[added]]), folder)


def _without(column: Numbers, deleted: Numbers) -> Iterator[Numbers]:
    return (block[~contains(deleted, block)] for block in blocks_of(column))
