import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgate.stores.errors import ListRefused
from callgate.stores.listfile import BLOCK, ListVersion, open_list, write_list
from tests.stores.conftest import NOW

DNCM = ListVersion("be-dncm", "BE", "2026-11-24", NOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 10**15 - 1)))
def test_exactly_the_numbers_that_were_written_are_read(tmp_path: Path, numbers: set[int]) -> None:
    write_list(tmp_path / "list", DNCM, sorted(numbers))
    read = open_list(tmp_path / "list")
    assert (read.of, read.count) == (DNCM, len(numbers))
    assert list(read.numbers()) == sorted(numbers)


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_block_boundaries_lose_nothing(tmp_path: Path, count: int) -> None:
    file = write_list(tmp_path / "list", DNCM, range(1, count + 1))
    assert list(file.numbers()) == list(range(1, count + 1))


def test_any_byte_that_is_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_list(path, DNCM, [32470000001, 32470000077])
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(ListRefused, match="damaged or no list of ours"):
            list(open_list(path).numbers())


def test_any_truncation_and_any_growth_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_list(path, DNCM, [32470000001, 32470000077])
    good = path.read_bytes()
    for bad in [good[:length] for length in range(len(good))] + [good + b"\0", good + bytes(8), good * 2]:
        path.write_bytes(bad)
        with pytest.raises(ListRefused):
            list(open_list(path).numbers())


@pytest.mark.parametrize("cut", [1, 7, 9, 48])
def test_a_file_of_an_impossible_length_is_not_even_opened(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "list"
    write_list(path, DNCM, [1])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ListRefused):
        open_list(path)


@pytest.mark.parametrize("numbers", [[2, 1], [1, 1], [0], [1, 2, 2]])
def test_numbers_that_do_not_increase_are_refused(tmp_path: Path, numbers: list[int]) -> None:
    with pytest.raises(ListRefused, match="increase strictly"):
        write_list(tmp_path / "list", DNCM, numbers)


def test_a_writing_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    def failing() -> Iterator[int]:
        yield from range(1, 2 * BLOCK)
        raise OSError("the source broke off")

    write_list(tmp_path / "list", DNCM, [1, 2])
    with pytest.raises(OSError, match="broke off"):
        write_list(tmp_path / "list", DNCM, failing())
    assert [path.name for path in tmp_path.iterdir()] == ["list"]
    assert list(open_list(tmp_path / "list").numbers()) == [1, 2]


def test_a_list_is_its_owners_only(tmp_path: Path) -> None:
    write_list(tmp_path / "list", DNCM, [1])
    assert stat.S_IMODE((tmp_path / "list").stat().st_mode) == 0o600
