"""What is dialled becomes one number, or none; emergency numbers are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core import emergency
from callgate.core.phone import NotANumber, mask, parse


@pytest.mark.parametrize(
    ("dialled", "home", "outside", "e164", "country", "kind"),
    [
        ("0033199001234", "BE", "", "+33199001234", "FR", "fixed"),
        ("+33199001234", "BE", "", "+33199001234", "FR", "fixed"),
        ("0199001234", "FR", "", "+33199001234", "FR", "fixed"),
        ("00199001234", "FR", "0", "+33199001234", "FR", "fixed"),
        ("00033199001234", "FR", "0", "+33199001234", "FR", "fixed"),
        ("0199001234", "FR", "0", "+33199001234", "FR", "fixed"),
        ("02079460123", "GB", "", "+442079460123", "GB", "fixed"),
        ("902079460123", "GB", "9", "+442079460123", "GB", "fixed"),
        ("025550100", "BE", "", "+3225550100", "BE", "fixed"),
        ("0460123456", "BE", "", "+32460123456", "BE", "mobile"),
        ("090012345", "BE", "", "+3290012345", "BE", "premium"),
        ("0201234567", "NL", "", "+31201234567", "NL", "fixed"),
        ("0031612345678", "BE", "", "+31612345678", "NL", "mobile"),
        ("0900123456", "NL", "", "+31900123456", "NL", "premium"),
        ("030123456", "DE", "", "+4930123456", "DE", "fixed"),
        ("+4915123456789", "FR", "", "+4915123456789", "DE", "mobile"),
        ("910123456", "ES", "", "+34910123456", "ES", "fixed"),
        ("0034612345678", "BE", "", "+34612345678", "ES", "mobile"),
        ("0612345678", "IT", "", "+390612345678", "IT", "fixed"),  # Italy keeps its zero
        ("003906123456", "BE", "", "+3906123456", "IT", "fixed"),
        ("27123456", "LU", "", "+35227123456", "LU", "fixed"),
        ("+352621123456", "BE", "", "+352621123456", "LU", "mobile"),
        ("012345678", "IE", "", "+35312345678", "IE", "fixed"),
        ("00353850123456", "BE", "", "+353850123456", "IE", "mobile"),
        ("01234567890", "AT", "", "+431234567890", "AT", "fixed"),
        ("0043664123456", "BE", "", "+43664123456", "AT", "mobile"),
        ("+12025550123", "US", "", "+12025550123", "US", "fixed-or-mobile"),
        ("2025550123", "US", "", "+12025550123", "US", "fixed-or-mobile"),
        ("912025550123", "US", "9", "+12025550123", "US", "fixed-or-mobile"),
    ],
)
def test_a_number_is_read(dialled: str, home: str, outside: str, e164: str, country: str, kind: str) -> None:
    number = parse(dialled, home, outside)
    assert (number.e164, number.country, number.kind) == (e164, country, kind)


@pytest.mark.parametrize(
    "dialled",
    [
        "", "12", "112", "+", "++33199001234", "00 33 199", "0033199001234#", "*9", "0033199001234;ext=5",
        "0033199001234@x", "٠٠٣٣١٩٩٠٠١٢٣٤", "００３３１９９００１２３４", "0033199001234\n", "003319900123456789012",
        "+99912345678", "0033000000000",
    ],
)  # fmt: skip
def test_what_is_no_single_number_is_refused_without_being_repeated(dialled: str) -> None:
    with pytest.raises(NotANumber) as refused:
        parse(dialled, "BE")
    assert not dialled or dialled not in str(refused.value) or len(dialled) < 3


@given(st.text())
def test_nothing_dialled_is_more_than_a_number_or_a_refusal(dialled: str) -> None:
    try:
        number = parse(dialled, "BE")
    except NotANumber:
        return
    assert number.e164.startswith("+")
    assert number.digits.isascii()
    assert number.digits.isdecimal()


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+33199001234", "+33 ••• 34"), ("+12025550123", "+1 ••• 23"), ("hello", "•••"), ("", "•••"), ("+33", "•••")],
)
def test_a_masked_number_shows_country_and_two_digits(number: str, shown: str) -> None:
    assert mask(number) == shown


@pytest.mark.parametrize(
    ("country", "some"),
    [
        ("BE", {"112", "100", "101"}), ("NL", {"112"}), ("FR", {"112", "15", "17", "18"}), ("DE", {"112", "110"}),
        ("GB", {"112", "999"}), ("ES", {"112"}), ("IT", {"112", "113"}), ("LU", {"112"}), ("IE", {"112", "999"}),
        ("AT", {"112", "133"}), ("US", {"911"}),
    ],
)  # fmt: skip
def test_emergency_numbers_of_each_country_are_known_and_exact(country: str, some: set[str]) -> None:
    known = emergency.numbers(country)
    assert some <= set(known)
    assert all(2 <= len(number) <= 3 for number in known)
    assert emergency.dialled_forms(country, ["0"])["0112" if "112" in known else "0911"] in known


def test_another_countrys_emergency_number_is_none() -> None:
    assert "911" not in emergency.numbers("BE")
    assert "100" not in emergency.numbers("FR")


@pytest.mark.parametrize("dialled", ["1123", "11", "0032112", "+32112", "00112", "112 ", "١١٢"])
def test_nearly_an_emergency_number_is_none(dialled: str) -> None:
    assert dialled not in emergency.dialled_forms("BE", ["0"])


def test_the_dialplan_gets_every_form_and_dials_the_number_itself() -> None:
    text = emergency.context("BE", ["0"])
    for dialled in ("112", "0112", "100", "0100", "101", "0101"):
        assert f"exten => {dialled},1," in text
    assert "${CALLGATE_TRUNK}0112" not in text
