"""Columns of numbers are read as `phone` reads each number by itself."""

import re

import numpy as np
import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgate.core import bulk, written
from callgate.core.automaton import UnknownPattern, automaton
from callgate.core.bulk import Fields
from callgate.core.phone import NotANumber
from callgate.core.plan import COUNTRIES, plan_of, region_of

SERVED = ["BE", "NL", "FR", "DE", "GB", "ES", "IT", "LU", "IE", "AT", "US"]
ELSEWHERE = ["PL", "CA", "GG", "JP", "SM", "AR", "001"]

digits = st.text("0123456789", min_size=1, max_size=20)


@st.composite
def scribbled(draw: st.DrawFn) -> str:
    """A number as somebody may write it: mostly of a country, in any of its forms, then perhaps mangled."""
    country = draw(st.sampled_from([*SERVED, "PL", "CA", "GG"]))
    code = str(phonenumbers.country_code_for_region(country))
    known = phonenumbers.example_number_for_type(country, draw(st.sampled_from([0, 1, 3, 4])))
    national = phonenumbers.national_significant_number(known) if known else draw(digits)
    kept = draw(st.integers(0, len(national)))
    national = national[:kept] + draw(
        st.text("0123456789", min_size=len(national) - kept, max_size=len(national) - kept + 1)
    )
    prefixes = ["", "0", "1", "00", "180020", "15055", "(0)", " (0) ", "+", f"+{code}", f"00{code}", f"011{code}", code]
    prefix = draw(st.sampled_from([*prefixes, f"+{code}0", f"+{code}(0)", f"00{code} (0)", f"+ {code} "]))
    text = prefix + national
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at] + draw(st.sampled_from([" ", "-", ".", "/", "(", ")", "0", "+", "x", "\u00a0", "٣"])) + text[at:]
        )
    return text + draw(st.sampled_from(["", "", "", " ", " x12", ";ext=5", " ext. 3", "#"]))


lines = st.one_of(
    scribbled(), scribbled(), digits, st.text(max_size=24), st.binary(max_size=24).map(lambda b: b.decode("latin-1"))
)


def column(texts: list[str]) -> Fields:
    """The texts in one block, each between two bytes that belong to none."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([len(text) + 2 for text in encoded], dtype=np.int64) - 1
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    data = b"".join(b"7" + text + b"7" for text in encoded)
    return Fields(np.frombuffer(data, np.uint8), ends - lengths, ends)


def one_by_one_listed(text: str, country: str, bare: bool) -> int:
    try:
        return written.listed(text, country, bare)
    except NotANumber:
        return 0


def one_by_one_read(text: str, country: str) -> tuple[int, str]:
    try:
        number = written.read(text, country)
    except NotANumber:
        return 0, ""
    return int(number.digits), number.country


@settings(max_examples=400, deadline=None)
@given(st.lists(lines, min_size=1, max_size=20), st.sampled_from([*SERVED, "PL", "GG"]), st.booleans())
@example(["18002001234567", "01800200123456", "+4418002001234"], "GB", False)
@example(["+0(0)00000000"], "BE", False)
@example(["15055123456", "+35215055123456"], "LU", False)
@example(["10123456789", "1012345678", "11234567890"], "US", False)
@example(["31612345678", "3161234567", "391234567890", "3912345678"], "NL", False)
@example(["3912345678", "39391234567", "39061234567"], "IT", False)
def test_a_register_in_bulk_is_read_as_line_by_line(texts: list[str], country: str, bare: bool) -> None:
    expected = [one_by_one_listed(text, country, bare) for text in texts]
    assert bulk.listed(column(texts), country, bare).tolist() == expected


@settings(max_examples=400, deadline=None)
@given(st.lists(lines, min_size=1, max_size=20), st.sampled_from([*SERVED, "CA", "GG"]))
def test_leads_in_bulk_are_read_as_one_by_one(texts: list[str], country: str) -> None:
    numbers, owners = bulk.read(column(texts), country)
    found = [(number, COUNTRIES[owner]) for number, owner in zip(numbers.tolist(), owners, strict=True)]
    assert found == [one_by_one_read(text, country) for text in texts]


@settings(max_examples=300, deadline=None)
@given(lines, st.sampled_from(SERVED))
def test_whoever_can_be_called_is_found_on_a_register_under_the_same_number(text: str, country: str) -> None:
    number, _ = one_by_one_read(text, country)
    if number:
        assert one_by_one_listed(text, country, bare=False) == number
        assert one_by_one_listed(f"+{number}", "FR", bare=False) == number
        assert one_by_one_listed(str(number), "FR", bare=True) == number


@pytest.mark.parametrize("country", SERVED)
def test_the_usual_notations_of_each_country_are_read_in_bulk(country: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = phonenumbers.example_number_for_type(country, 0)
    assert known is not None
    forms = [
        phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.E164),
        phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
        phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.NATIONAL),
        phonenumbers.format_out_of_country_calling_number(known, country),
    ]

    def one_by_one(*_: object) -> int:
        raise AssertionError("read one by one")

    monkeypatch.setattr(written, "listed", one_by_one)
    monkeypatch.setattr(written, "read", one_by_one)
    expected = int(forms[0].removeprefix("+"))
    assert bulk.listed(column(forms), country).tolist() == [expected] * 4
    assert bulk.read(column(forms), country)[0].tolist() == [expected] * 4


def test_spaces_around_a_field_are_taken_off() -> None:
    fields = column(["  12 ", "   ", "", "3"]).trimmed()
    assert [fields.text(row) for row in range(4)] == ["12", "", "", "3"]


@pytest.mark.parametrize("country", COUNTRIES[1:])
def test_the_ranges_of_every_country_are_understood(country: str) -> None:
    if country != "001":
        assert region_of(country).id == country


def test_most_countries_have_a_plan_and_the_served_all() -> None:
    assert all(plan_of(country) for country in SERVED)
    assert sum(plan_of(country) is not None for country in COUNTRIES) > 190


PATTERNS = [
    r"[2579]\d{5,14}|49(?:[34]0|69|8\d)\d\d?",
    r"0|180020",
    r"8\d{5}(?:\d{2,4})?",
    r"4\d{8}|[1-9]\d{7}",
    r"(?:1|2)?3",
    "",
]


@given(st.lists(digits | st.sampled_from(["0", "180020", "490", "49301", "13", "3", ""]), min_size=1, max_size=30))
def test_an_automaton_accepts_what_the_expressions_match(numbers: list[str]) -> None:
    machine = automaton(PATTERNS)
    for number in numbers:
        row = np.array([[int(digit) for digit in number]], np.uint8).reshape(1, -1)
        accepted = int(machine.accepts[machine.walk(row)[0]])
        assert [accepted >> bit & 1 for bit in range(len(PATTERNS))] == [
            int(re.fullmatch(pattern, number) is not None) for pattern in PATTERNS
        ]


@pytest.mark.parametrize("pattern", ["(0", "0)", "1*", "(?!1)2", "([0-9])$", "?", "a", r"1{2,}"])
def test_an_expression_beyond_the_dialect_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownPattern):
        automaton([pattern])
