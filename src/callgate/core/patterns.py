"""Patterns: beginnings of numbers that are not to be called, as a company's own range.

A pattern is no objection. It names no person, it is written plainly, and it covers many numbers, so it has to say a
country and at least four digits more.
"""

import re
from collections.abc import Iterator

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

FEWEST_DIGITS = 4
"""Behind the calling code."""
_PATTERN = re.compile(r"\+[1-9][0-9]{4,13}", re.ASCII)
_SHORTEST = 1 + FEWEST_DIGITS


class BadPattern(ValueError):
    """What was given is no pattern; the message says what one is."""


def read_pattern(text: str) -> str:
    """The pattern that is written here, spaces left out. Raises `BadPattern`."""
    pattern = text.replace(" ", "")
    if not _PATTERN.fullmatch(pattern):
        raise BadPattern(f"{text!r} is no pattern: write + and the beginning of a number, 5 to 14 digits")
    national = pattern.removeprefix(f"+{_calling_code(pattern)}")
    if len(national) < FEWEST_DIGITS:
        raise BadPattern(
            f"{text!r} covers too much: at least {FEWEST_DIGITS} digits behind the calling code are needed"
        )
    return pattern


def is_pattern(text: object) -> bool:
    """Whether this is a pattern, as `read_pattern` gives it."""
    return isinstance(text, str) and _PATTERN.fullmatch(text) is not None


def prefixes(number: str) -> Iterator[str]:
    """Every pattern that would cover this E.164 number."""
    return (number[:end] for end in range(1 + _SHORTEST, len(number) + 1))


def covered(pattern: str) -> int:
    """How many numbers begin so at most, by the lengths that numbers of its country may have: assigned or not."""
    code = _calling_code(pattern)
    digits = len(pattern) - 1 - len(code)
    return sum(10 ** (length - digits) for length in _lengths(int(code)) if length >= digits)


def _calling_code(pattern: str) -> str:
    for length in (1, 2, 3):
        if int(code := pattern[1 : 1 + length]) in COUNTRY_CODE_TO_REGION_CODE:
            return code
    raise BadPattern(f"{pattern!r} begins with no calling code of a country")


def _lengths(code: int) -> set[int]:
    """How many digits a national number may have (ITU-T E.164, 6.1, as libphonenumber has it by country)."""
    found: set[int] = set()
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        of = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if of is not None and of.general_desc is not None:
            found.update(of.general_desc.possible_length)
    return found
