import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgate.stores.lists.index import LIMIT, WIDE, Chunk, Index
from tests.stores.conftest import filed
from tests.stores.shapes import NUMBERS


def made(*chunks: tuple[int, int]) -> Index:
    index = Index()
    for base, shape in chunks:
        index.add(Chunk(base, shape))
    return index


INDEX = made((1000, 508), (100_000, 3 | WIDE), (2**32 + 200_000, 1))


@pytest.mark.parametrize(
    ("number", "place"),
    [
        (999, None),
        (1000, (0, -32_768, 508)),
        (66_535, (0, 32_767, 508)),
        (66_536, None),
        (99_999, None),
        (100_000, (1, -(2**31), 3)),
        (2**32 + 99_999, (1, 2**31 - 1, 3)),
        (2**32 + 100_000, None),
        (2**32 + 200_000, (2, -32_768, 1)),
        (2**32 + 265_536, None),
    ],
)
def test_a_number_is_in_the_chunk_that_spans_it_or_in_none(number: int, place: tuple[int, int, int] | None) -> None:
    assert INDEX.place(number) == place


def test_nothing_is_on_an_empty_list() -> None:
    assert Index().place(32_470_000_001) is None
    assert Index.from_bytes(b"") == Index()


def test_an_index_comes_back_as_it_was_written_and_keeps_its_form() -> None:
    raw = made((1, 2), (258, 1 | WIDE)).to_bytes()
    assert raw == bytes([1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x80])
    assert Index.from_bytes(raw) == made((1, 2), (258, 1 | WIDE))
    assert INDEX.count == 512


@pytest.mark.parametrize("raw", [b"1", bytes(9), bytes(10), bytes(8) + (LIMIT + 1).to_bytes(2, "little")])
def test_what_is_no_index_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not an index"):
        Index.from_bytes(raw)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(numbers=NUMBERS, others=st.sets(st.integers(10, 10**15), max_size=20))
def test_every_number_has_its_own_place_and_no_other_number_has_it(
    tmp_path: Path, numbers: set[int], others: set[int]
) -> None:
    file = filed(tmp_path, numbers)
    index = file.index()
    near = {number + step for number in numbers for step in (-1, 1)}
    places = {number: index.place(number) for number in numbers | near | others}
    held = {(at, offset - chunk.bias) for at, (chunk, offsets) in enumerate(file.filled()) for offset in offsets}
    for number, place in places.items():
        assert (place is not None and (place.chunk, place.member) in held) == (number in numbers)


def test_who_answers_calls_does_not_load_numpy() -> None:
    answered = "import callgate.daemon, sys; print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", answered], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
