"""Any numbers in any order come out sorted, each once, however many fit into memory."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.bulk import Numbers
from callgate.registers.sorting import Sorter, blocks_of, contains, merged

numbers = st.lists(st.integers(1, 60) | st.integers(1, 10**15), max_size=60)


def array(values: list[int]) -> Numbers:
    return np.array(values, np.uint64)


@given(st.lists(numbers, max_size=8), st.integers(1, 40))
def test_what_goes_in_comes_out_sorted_and_once(blocks: list[list[int]], run: int) -> None:
    sorter = Sorter(Path("/tmp"), run)
    for block in blocks:
        sorter.add(array(block))
    assert sorter.sorted().tolist() == sorted({number for block in blocks for number in block})


@given(st.lists(st.sets(st.integers(1, 200)), max_size=6), st.integers(1, 7))
def test_runs_are_merged_in_blocks_that_follow_each_other(runs: list[set[int]], block: int) -> None:
    merging = [piece.tolist() for piece in merged([array(sorted(run)) for run in runs], block)]
    assert [number for piece in merging for number in piece] == sorted(set().union(*runs))
    assert all(len(piece) <= block * len(runs) for piece in merging)


@given(st.sets(st.integers(1, 50)), st.lists(st.integers(1, 60)))
def test_a_column_knows_what_it_contains(column: set[int], asked: list[int]) -> None:
    found = contains(array(sorted(column)), array(asked))
    assert found.tolist() == [number in column for number in asked]


@given(numbers, st.integers(1, 9))
def test_blocks_are_the_column(values: list[int], block: int) -> None:
    assert [number for piece in blocks_of(array(values), block) for number in piece.tolist()] == values


def test_nothing_is_left_where_runs_were_kept(tmp_path: Path) -> None:
    sorter = Sorter(tmp_path, run=2)
    for number in (5, 4, 3, 2, 1):
        sorter.add(array([number]))
    assert list(tmp_path.iterdir()) == []
    assert sorter.sorted().tolist() == [1, 2, 3, 4, 5]
