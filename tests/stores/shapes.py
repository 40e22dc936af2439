"""Lists of every shape that registers have, for the tests of whatever holds them."""

from hypothesis import strategies as st

HIGHEST = 10**15 - 1
_STEPS = [1, 2, 3, 100, 129, 130, 1000, 65_535, 65_536, 10**6, 2**32 - 1, 2**32]
_RUNS = st.tuples(st.integers(10, HIGHEST), st.sampled_from(_STEPS), st.integers(1, 700))


def _run(base: int, step: int, size: int) -> set[int]:
    return set(range(base, min(HIGHEST, base + (size - 1) * step) + 1, step))


NUMBERS: st.SearchStrategy[set[int]] = st.builds(
    lambda runs, single: set().union(single, *(_run(*run) for run in runs)),
    st.lists(_RUNS, max_size=3),
    st.sets(st.integers(10, HIGHEST), max_size=20),
)
"""Full blocks, thin ones, steps at which a chunk's span ends, and numbers that stand alone."""


def uniform(count: int, within: int) -> list[int]:
    """So many numbers over a part of the number space, as good as at random, from 32,000,000,000."""
    step = 2_654_435_761  # prime, so that no number comes twice
    return sorted(32_000_000_000 + step * n % within for n in range(count))


def clustered(count: int) -> list[int]:
    """As operators assign numbers: blocks of 10,000, every ninth nearly full, the others next to empty."""
    numbers: list[int] = []
    for block in range(10**6):
        if len(numbers) >= count:
            break
        start = 32_000_000_000 + 10_000 * block
        numbers += (start + n for n in range(10_000) if (n % 10 if block % 9 == 0 else n % 4000 == block % 4000))
    return numbers[:count]
