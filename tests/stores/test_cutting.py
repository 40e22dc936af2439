from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgate.stores.errors import ListRefused
from callgate.stores.lists.cutting import Cut, Numbers, cut
from callgate.stores.lists.index import LIMIT, Chunk
from tests.stores.shapes import NUMBERS, clustered, uniform


def array(numbers: list[int]) -> Numbers:
    return np.array(numbers, np.uint64)


def whole(cuts: Iterator[Cut]) -> tuple[list[Chunk], bytes, int]:
    """The chunks, the offsets and the count of all cuts together."""
    parts = list(cuts)
    chunks = [
        Chunk(int(base), int(shape)) for part in parts for base, shape in zip(part.bases, part.shapes, strict=True)
    ]
    return chunks, b"".join(part.offsets for part in parts), sum(part.count for part in parts)


def unpacked(chunks: list[Chunk], packed: bytes) -> list[int]:
    numbers, at = [], 0
    for chunk in chunks:
        for _ in range(chunk.size):
            numbers.append(chunk.base + int.from_bytes(packed[at : at + chunk.width], "little"))
            at += chunk.width
    assert at == len(packed)
    return numbers


@settings(deadline=None, max_examples=50)
@given(NUMBERS)
def test_the_chunks_are_the_numbers_and_no_others(numbers: set[int]) -> None:
    chunks, packed, count = whole(cut([array(sorted(numbers))]))
    assert unpacked(chunks, packed) == sorted(numbers)
    assert count == len(numbers)
    assert all(0 < chunk.size <= LIMIT for chunk in chunks)


@settings(deadline=None, max_examples=50)
@given(NUMBERS, st.data())
def test_chunks_do_not_depend_on_where_blocks_end(numbers: set[int], data: st.DataObject) -> None:
    ordered = array(sorted(numbers))
    edges = [0, *sorted(data.draw(st.sets(st.integers(0, len(ordered)), max_size=5))), len(ordered)]
    assert whole(cut(ordered[a:b] for a, b in pairwise(edges))) == whole(cut([ordered]))


THIN_THEN_DENSE = [*range(10**10, 10**10 + 500 * 10**6, 10**6), *range(10**10 + 500 * 10**6, 10**10 + 501 * 10**6, 100)]


@pytest.mark.parametrize("block", [1, 300, 510, 1017])
@pytest.mark.parametrize("numbers", [uniform(3000, 10**10), uniform(3000, 10**6), clustered(3000), THIN_THEN_DENSE])
def test_chunks_do_not_depend_on_how_long_blocks_are(numbers: list[int], block: int) -> None:
    ordered = array(numbers)
    blocks = (ordered[at : at + block] for at in range(0, len(ordered), block))
    assert whole(cut(blocks)) == whole(cut([ordered]))


@pytest.mark.parametrize(
    ("numbers", "narrow", "most_chunks"),
    [
        (list(range(10**9, 10**9 + 10 * LIMIT)), True, 10),
        (uniform(50_000, 50_000 * 100), True, 50_000 // 500),
        (uniform(20_000, 20_000 * 666), True, 20_000 // 85),
        (clustered(100_000), True, 100_000 // 400),
        (uniform(20_000, 20_000 * 10_000), False, 20_000 // 500),
        (uniform(600, 600 * 10**6), False, 2),
    ],
)
def test_the_width_follows_the_density(numbers: list[int], narrow: bool, most_chunks: int) -> None:
    chunks, _, _ = whole(cut([array(numbers)]))
    assert sum(chunk.size for chunk in chunks if (chunk.width == 2) is narrow) > 0.95 * len(numbers)
    assert len(chunks) <= most_chunks


@pytest.mark.parametrize("blocks", [[[2, 1]], [[1, 1]], [[0]], [[1, 2], [2]], [[5], [], [4]]])
def test_numbers_that_do_not_increase_are_refused(blocks: list[list[int]]) -> None:
    with pytest.raises(ListRefused, match="increase strictly"):
        list(cut(map(array, blocks)))
