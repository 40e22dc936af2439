"""Verdicts counted by the minute."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callgate.core.tally import DAY, KINDS_MOST, Kind, Tally

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = Kind("acme", "brussels", "spring", "objection")
FUTURA = Kind("futura", "lille", "autumn", "clear")


def total(tally: Tally, span: timedelta, minutes: int = 1) -> int:
    return sum(count.verdicts for count in tally.counts(NOW, span, minutes))


@given(st.lists(st.integers(0, 3 * 24 * 60), max_size=60))
def test_a_span_counts_what_was_in_it_and_nothing_else(ages: list[int]) -> None:
    tally = Tally()
    for age in sorted(ages, reverse=True):
        tally.add(NOW - timedelta(minutes=age), ACME)
    assert total(tally, HOUR) == sum(age < 60 for age in ages)
    assert total(tally, DAY, 15) == sum(age < 24 * 60 for age in ages)


def test_a_slot_begins_on_a_whole_multiple_of_its_width() -> None:
    tally = Tally()
    for age in range(60):
        tally.add(NOW - timedelta(minutes=age), ACME)
    slots = list(tally.counts(NOW, HOUR, 15))
    assert {count.minute % 15 for count in slots} == {0}
    assert sum(count.verdicts for count in slots) == 60


def test_one_company_is_counted_without_another() -> None:
    tally = Tally()
    tally.add(NOW, ACME, 3)
    tally.add(NOW, FUTURA, 5)
    seen = list(tally.counts(NOW, HOUR, 1, lambda kind: kind.controller == "acme"))
    assert [(count.reason, count.verdicts) for count in seen] == [("objection", 3)]


def test_what_is_older_than_a_day_is_let_go() -> None:
    tally = Tally()
    tally.add(NOW - timedelta(days=3), ACME)
    tally.add(NOW, ACME)
    assert total(tally, timedelta(days=10)) == 1


def test_names_that_somebody_makes_up_do_not_grow_a_minute_without_end() -> None:
    tally = Tally()
    for n in range(3 * KINDS_MOST):
        tally.add(NOW, Kind("", "", f"made-up-{n}", "unknown-campaign"))
    assert len(list(tally.counts(NOW, HOUR, 1))) <= KINDS_MOST + 1
    assert total(tally, HOUR) == 3 * KINDS_MOST
