"""An anchor is copied by hand and read back, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.anchor import Anchor, read_anchor

ANCHOR = Anchor(42, bytes(range(20)))
LINE = str(ANCHOR)


@given(number=st.integers(1, 10**9), digest=st.binary(min_size=20, max_size=20))
def test_what_was_written_is_read(number: int, digest: bytes) -> None:
    anchor = Anchor(number, digest)
    line = str(anchor)
    assert len(line) < 60
    assert read_anchor(line) == read_anchor(f"  {line.lower().replace(' ', '   ')}\n") == anchor
    assert read_anchor(line.replace(" ", "\t", 1)) == anchor


@given(at=st.integers(0, len(LINE) - 1), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_letter_is_a_slip(at: int, letter: str) -> None:
    if LINE[at] in {letter, " "}:
        return
    with pytest.raises(ValueError, match=r"slip|no anchor"):
        read_anchor(LINE[:at] + letter + LINE[at + 1 :])


@pytest.mark.parametrize("line", ["", "42", "forty-two AAAA", LINE[:-5], LINE.replace("42", "43"), "42 Ä", LINE * 2])
def test_what_is_no_anchor_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="anchor"):
        read_anchor(line)
