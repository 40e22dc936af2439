"""What people write as numbers, and what each form comes to: for a lead, and on a register."""

import pytest

from callgate.core.phone import NotANumber
from callgate.core.written import listed, read

FORMS = [
    # As written, where, and what it is.
    ("0470 12 34 56", "BE", "+32470123456"),
    ("0470/12.34.56", "BE", "+32470123456"),
    ("+32 (0)470 12 34 56", "NL", "+32470123456"),
    ("0032 (0) 470-12-34-56", "BE", "+32470123456"),
    ("32470123456", "BE", "+32470123456"),
    ("32 (0)470 12 34 56", "BE", "+32470123456"),
    ("tel:+32-470-12-34-56;ext=5", "US", "+32470123456"),
    ("011 32 470 123456", "US", "+32470123456"),
    ("٠٤٧٠١٢٣٤٥٦", "BE", "+32470123456"),
    ("＋３２ ４７０ １２ ３４ ５６", "FR", "+32470123456"),
    ("\ufeff0470123456\u200e", "BE", "+32470123456"),
    ("0470\u00a012\u201334\u201156", "BE", "+32470123456"),
    ("0900 12345", "BE", "+3290012345"),  # premium: whether to call it is for others to say
    ("020 123 45 67", "NL", "+31201234567"),
    ("+31 (0)6 1234 5678", "BE", "+31612345678"),
    ("31612345678", "NL", "+31612345678"),
    ("01 99 00 12 34", "FR", "+33199001234"),
    ("+33 (0)1.99.00.12.34", "BE", "+33199001234"),
    ("030/123456", "DE", "+4930123456"),
    ("+49 (0) 151 2345 6789", "AT", "+4915123456789"),
    ("020 7946 0123 ext. 12", "GB", "+442079460123"),
    ("+44 (0)20 7946-0123 x4", "IE", "+442079460123"),
    ("0207 9460123", "GB", "+442079460123"),
    ("+34 (0)910 123 456", "FR", "+34910123456"),
    ("0034612345678", "BE", "+34612345678"),
    ("06 1234 567", "IT", "+39061234567"),  # Italy keeps its zero
    ("+39 (0)6 1234567", "BE", "+39061234567"),
    ("0039 06 1234567", "BE", "+39061234567"),
    ("391 234 5678", "IT", "+393912345678"),  # a mobile number that begins like the calling code
    ("27 12 34 56", "LU", "+35227123456"),
    ("+352 (0)27 12 34 56", "BE", "+35227123456"),
    ("00352 621 123 456", "BE", "+352621123456"),
    ("(01) 234 5678", "IE", "+35312345678"),
    ("+353 (0)85 012 3456", "GB", "+353850123456"),
    ("01/234567890", "AT", "+431234567890"),
    ("0043 664 123456", "BE", "+43664123456"),
    ("(202) 555-0123 extension 7", "US", "+12025550123"),
    ("1-202-555-0123 #9", "US", "+12025550123"),
    ("+1.202.555.0123", "GB", "+12025550123"),
]


@pytest.mark.parametrize(("text", "country", "e164"), FORMS)
def test_a_form_is_the_same_number_as_a_lead_and_on_a_register(text: str, country: str, e164: str) -> None:
    assert read(text, country).e164 == e164
    assert listed(text, country) == int(e164[1:])


@pytest.mark.parametrize(
    ("text", "country", "says"),
    [
        ("0470 12a 456", "BE", "a letter at 8"),
        ("1-800-FLOWERS", "US", "a letter at 7"),
        ("+32 (0)470 12 34 5O", "BE", "a letter at 19"),
        ("tel:0470 12O456", "BE", "a letter at 12"),
        ("0470123456;0471123456", "BE", "a ';' at 11"),
        ("0470123456+", "BE", "a '+' at 11"),
        ("0470\x00123456", "BE", "U+0000 at 5"),
        ("0470\t123456", "BE", "U+0009 at 5"),
        ("²470123456", "BE", "a '²' at 1"),
        ("0470123456 / 0471123456", "BE", "too long"),
        ("5550123", "US", "contains it"),
        ("1207", "BE", "contains it"),
        ("112", "BE", "contains it"),
        ("0470 12 34 5", "BE", "contains it"),
        ("+999 123456", "BE", "after plus-sign"),
        ("0032 470123456", "US", "contains it"),  # abroad is 011 there
        ("", "BE", "no digit"),
        ("+", "BE", "no digit"),
        ("ext. 12", "BE", "no digit"),
        ("extensive 12", "BE", "a letter at 1"),
    ],
)
def test_what_is_no_number_is_no_lead_and_the_reason_repeats_no_digits(text: str, country: str, says: str) -> None:
    with pytest.raises(NotANumber) as refused:
        read(text, country)
    assert says in str(refused.value)
    written = "".join(char for char in text if char.isdigit())
    assert not any(written[at : at + 4] in str(refused.value) for at in range(len(written) - 3))


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0199999999", "FR", 33199999999),
        ("0470 12 34 5", "BE", 3247012345),  # eight digits are possible in Belgium
        ("+1 555 555 5555", "US", 15555555555),
        ("0999 9999999", "GB", 449999999999),
        ("1207", "LU", 3521207),
        ("112345", "DE", 49112345),
    ],
)
def test_a_register_may_hold_ranges_that_are_not_known(text: str, country: str, number: int) -> None:
    assert listed(text, country) == number


@pytest.mark.parametrize(
    ("text", "country", "says"),
    [
        ("112", "BE", "too short"),
        ("0470 12 34 567", "BE", "too long"),
        ("5550123", "US", "the area code is missing"),
        ("01234567", "BE", r"no number of \+32 begins with 0"),
        ("+3212", "BE", "too short"),
        ("04701x456", "BE", "too short"),
    ],
)
def test_a_register_line_of_an_impossible_length_is_broken(text: str, country: str, says: str) -> None:
    with pytest.raises(NotANumber, match=says):
        listed(text, country)


@pytest.mark.parametrize("text", ["32470123456", "+32470123456", "32 470 12 34 56", "0032470123456"])
def test_a_register_may_write_calling_codes_without_a_plus(text: str) -> None:
    assert listed(text, "NL", bare=True) == 32470123456
