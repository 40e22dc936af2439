import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgate.stores.errors import ListRefused
from callgate.stores.lists.cutting import Numbers
from callgate.stores.lists.file import open_list
from callgate.stores.lists.membership import Membership
from callgate.stores.lists.writer import write_list
from tests.stores.conftest import DNCM, filed
from tests.stores.shapes import NUMBERS

SMALL = [32_470_000_001, 32_470_000_077, 10**13]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(NUMBERS)
def test_exactly_the_numbers_that_were_written_are_read(tmp_path: Path, numbers: set[int]) -> None:
    read = open_list(filed(tmp_path, numbers).path)
    assert (read.of, read.count) == (DNCM, len(numbers))
    assert list(read.numbers()) == sorted(numbers)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(numbers=NUMBERS, others=st.sets(st.integers(0, 2**64 - 1), max_size=20), data=st.data())
def test_a_file_contains_its_numbers_and_no_others(
    tmp_path: Path, numbers: set[int], others: set[int], data: st.DataObject
) -> None:
    ends = {chunk.base + 2 * chunk.bias for chunk in filed(tmp_path, numbers).index().chunks()}
    near = {number + step for number in numbers | ends for step in (-1, 0, 1)}
    asked = data.draw(st.permutations(sorted(numbers | near | others)))
    found = Membership.of(open_list(filed(tmp_path, numbers).path)).contains(np.array(asked, np.uint64))
    assert found.tolist() == [number in numbers for number in asked]


@pytest.mark.parametrize("asked", [0, 1, 2**16 - 1, 2**16, 2**16 + 1])
def test_numbers_are_looked_up_in_the_order_they_are_asked_for(tmp_path: Path, asked: int) -> None:
    numbers = np.arange(asked, 0, -1).astype(np.uint64)
    assert (Membership.of(filed(tmp_path, range(2, 70_000, 2))).contains(numbers) == (numbers % 2 == 0)).all()


@pytest.mark.parametrize("look", [lambda file: list(file.filled()), Membership.of])
@pytest.mark.parametrize("numbers", [[], SMALL, range(10**10, 10**10 + 1020)])
def test_any_byte_that_is_changed_is_noticed(tmp_path: Path, look: object, numbers: list[int]) -> None:
    path = filed(tmp_path, numbers).path
    good = path.read_bytes()
    assert callable(look)
    for at in [
        *range(min(200, len(good))),
        *range(200, len(good) - 200, 37),
        *range(max(0, len(good) - 200), len(good)),
    ]:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(ListRefused, match="damaged or no list of ours"):
            look(open_list(path))


def test_any_truncation_and_any_growth_is_noticed(tmp_path: Path) -> None:
    path = filed(tmp_path, SMALL).path
    good = path.read_bytes()
    for bad in [good[:length] for length in range(len(good))] + [good + b"\0", good + bytes(8), good * 2]:
        path.write_bytes(bad)
        with pytest.raises(ListRefused):
            list(open_list(path).filled())
        with pytest.raises(ListRefused):
            Membership.of(open_list(path))


@pytest.mark.parametrize("kept", [0, 15, 16, 100, 170])
def test_a_file_that_ends_too_early_is_not_even_opened(tmp_path: Path, kept: int) -> None:
    path = filed(tmp_path, SMALL).path
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ListRefused):
        open_list(path)


def test_a_list_takes_about_two_bytes_a_number(tmp_path: Path) -> None:
    file = filed(tmp_path, range(32_470_000_000, 32_470_100_000))
    assert file.path.stat().st_size < 2.1 * file.count


def test_a_writing_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    def failing() -> Iterator[Numbers]:
        yield np.arange(1, 10_000, dtype=np.uint64)
        raise OSError("the source broke off")

    old = filed(tmp_path, [1, 2])
    with pytest.raises(OSError, match="broke off"):
        write_list(old.path, DNCM, failing())
    assert list(tmp_path.iterdir()) == [old.path]
    assert list(open_list(old.path).numbers()) == [1, 2]


def test_a_version_that_cannot_be_told_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    old = filed(tmp_path, [1, 2])
    with pytest.raises(ListRefused, match="takes 5000 characters to tell"):
        write_list(old.path, replace(DNCM, source="x" * 5000), [])
    assert list(open_list(old.path).numbers()) == [1, 2]


def test_a_list_is_its_owners_only(tmp_path: Path) -> None:
    assert stat.S_IMODE(filed(tmp_path, [1]).path.stat().st_mode) == 0o600


def test_a_file_that_is_replaced_while_it_is_asked_answers_as_it_was(tmp_path: Path) -> None:
    file = Membership.of(filed(tmp_path, SMALL))
    asked = np.array([1, *SMALL], np.uint64)
    before = file.contains(asked).tolist()
    filed(tmp_path, [1])
    assert file.contains(asked).tolist() == before == [False, True, True, True]
