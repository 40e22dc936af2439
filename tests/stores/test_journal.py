"""The journal of erasures: what is in it is on disk, in order, and whoever touches it shows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from callgate.stores.errors import LedgerRefused
from callgate.stores.ledger.journal import Erased, Journal
from tests.stores.conftest import NOW

FIRST = Erased(NOW.isoformat(), "the officer\n\u2028née", "futura", ("contact", "recording"), (bytes(16), b"x" * 16))
SECOND = Erased(NOW.isoformat(), "the officer", "other", ("proof",), (b"y" * 16,))
THIRD = replace(SECOND, controller="")


@pytest.fixture
def three(journal: Journal) -> Journal:
    for erased in (FIRST, SECOND, THIRD):
        journal.append(erased)
    return journal


def test_what_was_appended_is_read_in_its_order_and_is_its_owners(three: Journal) -> None:
    assert three.read() == [FIRST, SECOND, THIRD]
    assert three.path.stat().st_mode & 0o777 == 0o600


def test_there_need_be_no_file(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").read() == []


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_a_last_line_that_was_cut_off_is_left_out_and_written_over(three: Journal, cut: int) -> None:
    three.path.write_bytes(three.path.read_bytes()[:-cut])
    assert three.read() == [FIRST, SECOND]
    three.append(SECOND)
    assert three.read() == [FIRST, SECOND, SECOND]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[1], lines[2]], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [lines[0].replace(b"futura", b"future"), *lines[1:]], 1),
        (lambda lines: [*lines, b"\xff\n"], 4),
    ],
    ids=["first removed", "second removed", "moved", "changed", "garbage"],
)
def test_a_line_that_was_changed_removed_or_moved_is_named_and_nothing_is_added(
    three: Journal, change: object, line: int
) -> None:
    assert callable(change)
    three.path.write_bytes(b"".join(change(three.path.read_bytes().splitlines(keepends=True))))
    before = three.path.read_bytes()
    for touch in (three.read, lambda: three.append(FIRST)):
        with pytest.raises(LedgerRefused, match=f"line {line}, is not what was written"):
            touch()
    assert three.path.read_bytes() == before


def test_several_who_write_at_once_write_one_after_another(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: journal.append(FIRST), range(80)))
    assert journal.read() == [FIRST] * 80
