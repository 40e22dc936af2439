"""The short way to read a number gives what libphonenumber gives, or nothing."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from callgate.core import ranges
from callgate.core.phone import DIALABLE

KINDS = (*range(PhoneNumberType.VOICEMAIL + 1),)
EXAMPLES = [
    phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in KINDS
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]


def by_libphonenumber(dialled: str, home: str) -> ranges.Found | None:
    try:
        number = phonenumbers.parse(dialled, home)
    except NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(number)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return ranges.Found(country, phonenumbers.number_type(number), e164) if country else None


@st.composite
def dialled(draw: st.DrawFn) -> str:
    """A number of some country, with a few digits changed, put in or left out."""
    digits = list(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(0, 3))):
        at, digit = draw(st.integers(0, len(digits) - 1)), draw(st.sampled_from("0123456789"))
        digits[at : at + draw(st.integers(0, 1))] = draw(st.sampled_from([[digit], []])) if len(digits) > 4 else [digit]
    return draw(st.sampled_from(["+", "00", ""])) + "".join(digits)


@given(dialled(), st.sampled_from(["FR", "US", "BE", "RU", "ZZ", ""]))
@example("+041878123456", "FR")
@example("+330199001234", "FR")
@example("00441481256789", "FR")
@example("+80012345678", "FR")
@settings(max_examples=2000, deadline=None)
def test_what_is_found_is_what_libphonenumber_finds(number: str, home: str) -> None:
    if DIALABLE.fullmatch(number) and (found := ranges.find(number, home)) is not None:
        assert found == by_libphonenumber(number, home)


def test_of_every_country_and_kind_of_line_an_example_is_found_unless_it_is_not_simple() -> None:
    assert [number for number in EXAMPLES if not ranges.find(f"+{number}", "FR") and not _not_simple(number)] == []


def _not_simple(number: str) -> bool:
    """A zero in front, what might be a national prefix, or a code of no country."""
    code = ranges.code_of(number[:3])
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    data = phonenumbers.PhoneMetadata.metadata_for_region(regions[0], None)
    prefix = data.national_prefix_for_parsing if data else None
    national = number[len(code) :]
    return national[0] == "0" or prefix is not None


@pytest.mark.parametrize(
    ("number", "home"),
    [
        ("0199001234", "FR"),
        ("0033199001234", "US"),
        ("0033199001234", "ZZ"),
        ("000033199001234", "FR"),
        ("+0331990012", "FR"),
        ("+33 199001234", "FR"),
        ("+٣٣١٩٩٠٠١٢٣٤", "FR"),
        ("+33", "FR"),
        ("+", "FR"),
        ("", "FR"),
        ("+99919900123", "FR"),
    ],
)
def test_what_is_not_plainly_a_country_code_and_a_number_is_left_to_libphonenumber(number: str, home: str) -> None:
    assert ranges.find(number, home) is None
