"""Registers to measure with: as many numbers as a real one has, as dense, spread evenly or as operators assign numbers.

Evenly, each number of the space is taken with the same probability. As operators assign them, nine numbers in ten are
in blocks of 10,000 that are 90 % full, the tenth in thin blocks, one in ten of all, and the other blocks are empty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from callgate.stores.lists.cutting import Numbers

BLOCK = 10_000
FULL, IN_FULL, THIN_BLOCKS = 0.9, 0.9, 0.1
"""How full a full block is, the share of numbers in such blocks, and the share of thin blocks."""
SEED = 20261124


@dataclass(frozen=True, slots=True)
class Register:
    """How many numbers, out of how many; `scale` times as many are on the real one."""

    name: str
    begins: int
    numbers: int
    within: int
    scale: float = 1

    def part(self, share: float) -> "Register":
        """A share of it, as dense."""
        return Register(
            self.name, self.begins, round(self.numbers * share), round(self.within * share), self.scale / share
        )


REGISTERS = (
    # Numbers of 8 digits, and the mobiles of 9 that begin with 45 to 49.
    Register("belgium", 32_000_000_000, 1_500_000, 150_000_000),
    # Numbers of 10 digits that begin with 1, with 2, and with eight of the ten 7x.
    Register("uk", 44_000_000_000, 17_000_000, 2_800_000_000),
    # A fifteenth of 258 million out of the 800 × 800 × 10,000 numbers of the North American plan.
    Register("us", 12_000_000_000, 17_200_000, 426_666_667, scale=15),
)


def uniform(register: Register) -> Numbers:
    """Spread evenly; strictly increasing."""
    return _taken(register.numbers, register.numbers / register.within) + np.uint64(register.begins)


def clustered(register: Register) -> Numbers:
    """As operators assign them; strictly increasing, and about as many as asked for."""
    blocks = np.random.default_rng(SEED).permutation(register.within // BLOCK).astype(np.uint64)
    full = round(register.numbers * IN_FULL / FULL / BLOCK)
    thin = round(len(blocks) * THIN_BLOCKS)
    rest = register.numbers * (1 - IN_FULL)
    numbers = np.concatenate(
        (
            _into(np.sort(blocks[:full]), _taken(round(full * BLOCK * FULL), FULL)),
            _into(np.sort(blocks[full : full + thin]), _taken(round(rest), rest / (thin * BLOCK))),
        )
    )
    numbers.sort()
    return numbers + np.uint64(register.begins)


SHAPES: dict[str, Callable[[Register], Numbers]] = {"uniform": uniform, "clustered": clustered}


def _taken(count: int, probability: float) -> Numbers:
    """The first `count` of the places from 0 that are taken, where each is with this probability."""
    gaps = np.random.default_rng(SEED).geometric(probability, count)
    return np.cumsum(gaps).astype(np.uint64)


def _into(blocks: Numbers, places: Numbers) -> Numbers:
    """The places as numbers of these blocks, one block after the other."""
    places = places[places < len(blocks) * BLOCK]
    return blocks[(places // BLOCK).astype(np.intp)] * np.uint64(BLOCK) + places % BLOCK
