"""Patterns: what is one, and how many numbers it covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.patterns import BadPattern, covered, is_pattern, prefixes, read_pattern


@pytest.mark.parametrize(
    ("written", "pattern"),
    [("+32 25 55", "+322555"), ("+442079", "+442079"), ("+12025", "+12025"), ("+3524 57 89", "+35245789")],
)
def test_a_pattern_is_a_calling_code_and_four_digits_or_more(written: str, pattern: str) -> None:
    assert read_pattern(written) == pattern
    assert is_pattern(pattern)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "3225555",
        "003225555",
        "+3225",
        "+32255",
        "+35245",
        "+1202",
        "+21055555",
        "+322555*",
        "+32٢555",
        "+0225555",
    ],
)
def test_what_says_too_little_or_is_no_beginning_of_a_number_is_refused(written: str) -> None:
    with pytest.raises(BadPattern):
        read_pattern(written)


def test_how_many_numbers_it_covers_follows_from_the_lengths_of_its_country() -> None:
    # Belgian numbers have 8 or 9 digits behind the calling code.
    assert covered("+322555") == 10**4 + 10**5
    assert covered("+32255501") == 10**2 + 10**3
    # French ones have nine.
    assert covered("+331990") == 10**5


DIGITS = st.text("0123456789", min_size=4, max_size=14)


@given(number=DIGITS.map(lambda digits: f"+3{digits}"), pattern=DIGITS.map(lambda digits: f"+3{digits}"))
def test_the_prefixes_of_a_number_are_exactly_the_patterns_that_cover_it(number: str, pattern: str) -> None:
    assert (pattern in prefixes(number)) == (len(pattern) >= 6 and number.startswith(pattern))
