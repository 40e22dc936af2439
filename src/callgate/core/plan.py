"""The numbering plans of countries, as `phonenumbers` knows them, in a form in which whole columns are read at once.

Two questions are asked of a plan. *How long* may a number be: enough for a register, which may hold what the plan does
not know. *Whose* number is it: needed for a lead, and answered by the regions that share the calling code, in their
order, each with the patterns of its ranges.

A plan says of itself where it cannot be sure (`puzzling`): what looks like a prefix there is not simply taken off, and
the number has to be read one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

from callgate.core.automaton import DEAD, Automaton, Digits, UnknownPattern, automaton

LONGEST = 17
"""Digits of a national number at most, as `phonenumbers` has it."""

_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """One country of a calling code: which national numbers are its own.

    `valid[state, length]` says whether a number that ends in `state` is in one of its ranges. Where the country is told
    by the leading digits alone, `leading` says in which state they are.
    """

    id: str
    ranges: Automaton
    valid: NDArray[np.bool_]
    leading: Automaton | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a calling code, by the rules of its main country.

    `lengths[n]`: whether a national number may have n digits. `trunk`: the digit that is dialled before national
    numbers and never begins one; None where there is none. `puzzling[d]`: whether a number whose first two digits are d
    may begin with something else that is to be taken off. `zero_leads`: whether a national number may begin with 0.
    `international`: what is dialled before a calling code; None where that is more than one thing.
    """

    code: int
    country: str
    lengths: NDArray[np.bool_]
    longest: int
    trunk: int | None
    puzzling: NDArray[np.bool_]
    zero_leads: bool
    international: str | None
    general: Automaton

    @property
    def digits(self) -> str:
        """The calling code, as digits."""
        return str(self.code)

    def matches(self, national: Digits) -> NDArray[np.bool_]:
        """Whether each number is one of the plan's general pattern."""
        return np.asarray(self.general.accepts[self.general.walk(national)] != 0)

    def owners(self, national: Digits) -> NDArray[np.uint16]:
        """Of each national number its country, as an index into `COUNTRIES`; 0 where no range contains it."""
        found = np.zeros(len(national), np.uint16)
        left = np.arange(len(national))
        names = COUNTRY_CODE_TO_REGION_CODE[self.code]
        for name in names:
            if not len(left):
                break
            region = region_of(name)
            states = region.ranges.walk(national[left])
            valid = region.valid[states, national.shape[1]]
            theirs = valid if region.leading is None or len(names) == 1 else _led(region.leading, national[left])
            found[left[theirs & valid]] = INDEX[name]
            left = left[~theirs]
        return found


COUNTRIES: tuple[str, ...] = ("", *sorted({name for names in COUNTRY_CODE_TO_REGION_CODE.values() for name in names}))
"""ISO 3166 codes by their index; the first is none."""
INDEX = {name: index for index, name in enumerate(COUNTRIES)}

CODES = np.zeros(1000, np.int16)
"""Three digits → the calling code with which they begin, or 0."""
for _code in COUNTRY_CODE_TO_REGION_CODE:
    _width = 10 ** (3 - len(str(_code)))
    CODES[_code * _width : (_code + 1) * _width] = _code


@cache
def plan_of_code(code: int) -> Plan | None:
    """The plan of a calling code; None where its rules are not understood, or no country's."""
    main, *_ = COUNTRY_CODE_TO_REGION_CODE.get(code, ("001",))
    return plan_of(main) if main.isalpha() else None


@cache
def plan_of(country: str) -> Plan | None:
    """The plan by which numbers are dialled in a country; None where its rules are not understood."""
    metadata = PhoneMetadata.metadata_for_region(country)
    code = metadata.country_code if metadata else None
    if metadata is None or code is None or COUNTRY_CODE_TO_REGION_CODE[code][0] != country:
        return None
    pattern, lengths = _described(metadata.general_desc)
    try:
        general = automaton([pattern])
        prefixes = automaton([prefix] if (prefix := metadata.national_prefix_for_parsing) else [])
    except UnknownPattern:
        return None
    trunk = _trunk(general, prefixes)
    international = metadata.international_prefix or ""
    return Plan(
        code=code,
        country=country,
        lengths=_flags(lengths),
        longest=max(lengths),
        trunk=trunk,
        puzzling=_puzzling(prefixes, trunk),
        zero_leads=general.after("0") != DEAD,
        international=international if international.isdecimal() else None,
        general=general,
    )


@cache
def region_of(country: str) -> Region:
    """What belongs to a country. Raises `UnknownPattern`."""
    metadata = PhoneMetadata.metadata_for_region(country)
    if metadata is None:
        raise UnknownPattern(f"nothing is known of numbers of {country}")
    general, possible = _described(metadata.general_desc)
    kinds = [described for name in _KINDS if (described := _described(getattr(metadata, name)))[0]]
    ranges = automaton([general, *(pattern for pattern, _ in kinds)])
    matched = np.zeros((len(ranges.accepts), LONGEST + 1), np.bool_)
    for bit, (_, lengths) in enumerate(kinds, start=1):
        matched |= _bit(ranges, bit)[:, None] & _flags(lengths or possible)[None, :]
    valid = matched & _bit(ranges, 0)[:, None] & _flags(possible)[None, :]
    leading = automaton([metadata.leading_digits]) if metadata.leading_digits else None
    return Region(country, ranges, valid, leading)


def _described(desc: PhoneNumberDesc | None) -> tuple[str, tuple[int, ...]]:
    """A pattern, "" for none, and the lengths that its numbers may have."""
    return (desc.national_number_pattern or "", desc.possible_length) if desc else ("", ())


def _bit(ranges: Automaton, bit: int) -> NDArray[np.bool_]:
    return ((ranges.accepts >> np.uint32(bit)) & np.uint32(1)).astype(np.bool_)


def _led(leading: Automaton, national: Digits) -> NDArray[np.bool_]:
    """Whether some first digits of each number match."""
    found = np.zeros(len(national), np.bool_)
    for length in range(1, national.shape[1] + 1):
        found |= leading.accepts[leading.walk(national[:, :length])] != 0
    return found


def _flags(lengths: tuple[int, ...]) -> NDArray[np.bool_]:
    flags = np.zeros(LONGEST + 1, np.bool_)
    flags[[length for length in lengths if 0 < length <= LONGEST]] = True
    return flags


def _trunk(general: Automaton, prefixes: Automaton) -> int | None:
    """The digit that is always a prefix: by itself a whole one, and first in no national number."""
    for digit in range(10):
        state = prefixes.after(str(digit))
        if prefixes.accepts[state] and prefixes.ends(state) and general.after(str(digit)) == DEAD:
            return digit
    return None


def _puzzling(prefixes: Automaton, trunk: int | None) -> NDArray[np.bool_]:
    flags = np.zeros(100, np.bool_)
    for first, second in _pairs():
        one = prefixes.after(str(first))
        flags[first * 10 + second] = first != trunk and bool(prefixes.accepts[one] or prefixes.table[one, second])
    return flags


def _pairs() -> Iterator[tuple[int, int]]:
    return ((first, second) for first in range(10) for second in range(10))
