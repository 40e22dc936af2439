"""On what ground a centre's country may have the data, as of a day."""

from datetime import date

import pytest

from callgate.core.law.transfers import Signed, ground
from callgate.rules import BadPack, parse_transfers, transfers

TODAY = date(2026, 11, 24)
CLAUSES = Signed("SCC-7", date(2025, 1, 1), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("country", "day", "signed", "certified", "passed", "says"),
    [
        ("BE", TODAY, None, (), True, "in the EEA"),
        ("NO", TODAY, None, (), True, "in the EEA"),
        ("MA", TODAY, None, (), False, "no adequacy decision, and no standard clauses"),
        ("MA", TODAY, CLAUSES, (), True, "SCC-7"),
        ("MA", date(2027, 1, 1), CLAUSES, (), True, "SCC-7"),
        ("MA", date(2027, 1, 2), CLAUSES, (), False, "lapsed on 2027-01-01"),
        ("MA", date(2024, 12, 31), CLAUSES, (), False, "signed as of 2025-01-01"),
        ("TN", TODAY, Signed("OLD", date(2021, 6, 26), date(2027, 1, 1)), (), False, "before Commission"),
        ("GB", TODAY, None, (), True, "GB is adequate"),
        ("GB", date(2031, 12, 27), None, (), True, "GB is adequate"),
        ("GB", date(2031, 12, 28), None, (), False, "adequate only until 2031-12-27"),
        ("GB", date(2031, 12, 28), Signed("SCC-8", TODAY, date(2033, 1, 1)), (), True, "SCC-8"),
        ("BR", date(2026, 1, 25), None, (), False, "adequate only from 2026-01-26"),
        ("BR", date(2026, 1, 26), None, (), True, "BR is adequate"),
        ("US", TODAY, None, (), False, "only under DPF"),
        ("US", TODAY, None, ("DPF",), True, "adequate under DPF"),
        ("US", TODAY, CLAUSES, (), True, "SCC-7"),  # the framework switched off, the clauses signed
        ("CA", TODAY, None, (), False, "only under PIPEDA"),
        ("CA", TODAY, None, ("PIPEDA",), True, "adequate under PIPEDA"),
    ],
)
def test_a_country_has_the_data_on_a_ground_or_not_at_all(
    country: str, day: date, signed: Signed | None, certified: tuple[str, ...], passed: bool, says: str
) -> None:
    found = ground(transfers(), country, day, signed, certified)
    assert found.passed is passed
    assert says in found.saw


def test_the_ground_that_holds_longest_is_named_with_its_last_day() -> None:
    assert ground(transfers(), "GB", TODAY, CLAUSES).until == date(2031, 12, 27)
    assert ground(transfers(), "US", TODAY, CLAUSES).until == date(2027, 1, 1)
    assert ground(transfers(), "BE", TODAY).until == date.max


def test_every_line_of_the_file_that_is_wrong_is_named() -> None:
    text = 'checked = 2026-11-24\neea = ["BE", "belgium"]\n[clauses]\ndecision = "x"\n'
    with pytest.raises(BadPack) as wrong:
        parse_transfers(text, "transfers.toml")
    places = sorted(line.place for line in wrong.value.lines)
    assert places == ["transfers.toml: adequate", "transfers.toml:2: eea.1", "transfers.toml:3: clauses.since"]
