"""A partner's list is read as people write lists; a line that cannot be read keeps nobody else out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.objectorfile import Fault, read

ANNA, BRAM = "+33199000042", "+32470000077"


@pytest.mark.parametrize(
    "text",
    [
        f"{ANNA}\n{BRAM}\n",
        f"{ANNA}\r\n\r\n{BRAM}",
        "0033 1 99 00 00 42\n0470 00 00 77\n",
        f"Number,Since\n{ANNA},2026\n{BRAM},2025\n",
        f'name,phone\n"Anna, A.",{ANNA}\n"Bram",{BRAM}\n',
        f"\nmsisdn\n{ANNA}\n{BRAM}\n",
    ],
)
def test_a_list_is_read_with_or_without_headings(text: str) -> None:
    assert list(read(text.splitlines(keepends=True), "BE")) == [ANNA, BRAM]


def test_a_line_that_names_nobody_is_named_without_what_it_says() -> None:
    text = f"number\n{ANNA}\n0470 77 x 12\nAnna\n{BRAM}\n"
    found = list(read(text.splitlines(keepends=True), "BE"))
    assert [type(one) for one in found] == [str, Fault, Fault, str]
    assert [str(one).partition(":")[0] for one in found[1:3]] == ["line 3", "line 4"]
    assert "77" not in found[1]
    assert "Anna" not in found[2]


@given(st.lists(st.text(max_size=30), max_size=20))
def test_whatever_a_file_holds_is_a_number_or_a_fault(lines: list[str]) -> None:
    for one in read(lines, "BE"):
        assert isinstance(one, Fault) or one.startswith("+")
