"""Hours and days off on the wall clock: nights on which it jumps, several clocks, and the next moment that is open."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callgate.core.law import Rule, Status, Sure
from callgate.core.law.opening import Opening, Span, common, on
from callgate.core.law.terms import DaysOff, Hours, MonthDay, Terms, Window, Windows, YieldsTo
from tests.core.law.calls import FRENCH, SPANISH_MOBILE, at, findings

PARIS, MADRID, CANARY, NEW_YORK = map(
    ZoneInfo, ("Europe/Paris", "Europe/Madrid", "Atlantic/Canary", "America/New_York")
)


def rule(terms: Terms, start: date = date.min, end: date = date.max) -> Rule:
    return Rule("r", terms, Status.STATUTORY, "law", Sure.READ, start, end)


def daily(*windows: Window) -> Hours:
    return Hours((windows,) * 7)


def opening(*rules: Rule, clocks: Sequence[ZoneInfo] = (PARIS,), lifts: dict[YieldsTo, Span] | None = None) -> Opening:
    return Opening(rules, tuple(clocks), "FR", lifts or {})


NIGHT = daily(Window(135, 165))
"""From 02:15 to 02:45."""


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-10-25 00:14", False),
        ("2026-10-25 00:15", True),  # 02:15 in summer time
        ("2026-10-25 00:45", False),
        ("2026-10-25 01:15", True),  # 02:15 once more, in winter time
        ("2026-10-25 01:45", False),
    ],
)
def test_an_hour_that_the_autumn_night_repeats_is_open_twice(utc: str, is_open: bool) -> None:
    assert opening(rule(NIGHT)).is_open(at(utc, "UTC")) is is_open


def test_after_the_first_of_them_the_second_is_next() -> None:
    assert opening(rule(NIGHT)).next_open(at("2026-10-25 00:45", "UTC")) == at("2026-10-25 01:15", "UTC")


def test_a_day_off_ends_at_midnight_where_no_hours_are_set() -> None:
    found = opening(rule(DaysOff(True))).next_open(at("2026-07-14 12:00", "Europe/Paris"))
    assert found == at("2026-07-15 00:00", "Europe/Paris")


def test_a_window_within_the_hour_that_the_spring_night_skips_waits_for_the_next_night() -> None:
    assert opening(rule(NIGHT)).next_open(at("2027-03-28 00:00", "UTC")) == at("2027-03-29 02:15", "Europe/Paris")


def test_a_window_that_begins_in_the_skipped_hour_opens_where_the_clock_lands() -> None:
    found = opening(rule(daily(Window(150, 240)))).next_open(at("2027-03-28 00:00", "UTC"))
    assert found == at("2027-03-28 03:00", "Europe/Paris")


@pytest.mark.parametrize(
    ("moment", "next_one"),
    [
        ("2026-10-24 21:00", "2026-10-26 09:00"),  # over the night of 25 October
        ("2027-03-26 21:00", "2027-03-29 09:00"),  # over the night of 28 March
    ],
)
def test_a_weekend_with_a_jump_ends_at_nine_on_the_clock(moment: str, next_one: str) -> None:
    weekdays = Hours(((Window(540, 1260),),) * 5 + ((), ()))
    assert opening(rule(weekdays)).next_open(at(moment, "Europe/Paris")) == at(next_one, "Europe/Paris")


def test_a_call_is_open_only_on_all_clocks() -> None:
    found = opening(rule(daily(Window(540, 1260))), clocks=(MADRID, CANARY))
    assert found.next_open(at("2026-11-24 21:00", "Europe/Madrid")) == at("2026-11-25 09:00", "Atlantic/Canary")


def test_clocks_that_are_never_open_together_have_no_next_moment() -> None:
    found = opening(rule(daily(Window(540, 600))), clocks=(PARIS, NEW_YORK))
    assert found.next_open(at("2026-11-24 12:00", "UTC")) is None


@pytest.mark.parametrize(
    ("moment", "next_one"),
    [
        ("2026-08-10 19:59", "2026-08-10 20:00"),  # the old rule's evening
        ("2026-08-10 22:00", "2026-08-11 09:00"),  # the new rule's morning
    ],
)
def test_the_next_moment_is_under_the_rule_of_its_own_day(moment: str, next_one: str) -> None:
    old = rule(daily(Window(1200, 1320)), end=date(2026, 8, 10))
    new = rule(daily(Window(540, 600)), start=date(2026, 8, 11))
    assert opening(old, new).next_open(at(moment, "Europe/Paris")) == at(next_one, "Europe/Paris")


def test_a_day_of_the_operators_own_and_its_eve() -> None:
    hours = Hours(((Window(540, 1260),),) * 7, eves=(Window(0, 720),))
    off = DaysOff(True, also=frozenset({MonthDay(9, 2)}), dates=frozenset({date(2026, 9, 9)}))
    found = opening(rule(hours), rule(off))
    for day in (1, 8):
        assert found.is_open(at(f"2026-09-0{day} 11:59", "Europe/Paris"))
        assert found.next_open(at(f"2026-09-0{day} 12:00", "Europe/Paris")) == at(
            f"2026-09-{day + 2:02} 09:00", "Europe/Paris"
        )


def test_what_lifts_a_rule_opens_it_for_its_span() -> None:
    asked = Span(at("2026-11-28 20:00", "Europe/Paris"), at("2026-11-28 20:15", "Europe/Paris"))
    hours = Hours(((Window(540, 1080),),) * 5 + ((), ()), yields_to=YieldsTo.APPOINTMENT)
    found = opening(rule(hours), lifts={YieldsTo.APPOINTMENT: asked})
    assert found.next_open(at("2026-11-27 18:00", "Europe/Paris")) == asked.start
    assert not found.is_open(asked.end)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ([(540, 1260)], [(0, 1110)], [(540, 1110)]),
        ([(600, 780), (840, 1200)], [(700, 900)], [(700, 780), (840, 900)]),
        ([(600, 960)], [(960, 1110)], []),
        ([], [(0, 1440)], []),
    ],
)
def test_windows_share_what_is_in_both(
    one: list[tuple[int, int]], other: list[tuple[int, int]], shared: list[tuple[int, int]]
) -> None:
    def windows(pairs: list[tuple[int, int]]) -> Windows:
        return tuple(Window(*pair) for pair in pairs)

    assert common(windows(one), windows(other)) == windows(shared)


windows = st.lists(st.tuples(st.integers(0, 95), st.integers(1, 96)), max_size=2).map(
    lambda pairs: tuple(Window(start * 15, end * 15) for start, end in sorted(pairs) if start < end)
)
weeks = st.tuples(*[windows] * 7)
jumps = st.sampled_from(
    [date(2026, 10, 24), date(2027, 3, 27), date(2026, 10, 31), date(2027, 3, 13), date(2026, 12, 24)]
)
moments = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes),
    jumps,
    st.integers(0, 3 * 24 * 60),
)


@given(weeks, moments, st.sampled_from([(PARIS,), (MADRID, CANARY), (NEW_YORK, PARIS)]), st.booleans())
def test_the_next_moment_is_open_and_nothing_before_it_is(
    week: tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows],
    after: datetime,
    clocks: tuple[ZoneInfo, ...],
    block: bool,
) -> None:
    found = opening(rule(Hours(week)), rule(DaysOff(block)), clocks=clocks)
    assume(not found.is_open(after))
    first = found.next_open(after)
    if first is not None:
        assert found.is_open(first)
        assert first > after
    step = after
    while step < min(first or datetime.max.replace(tzinfo=UTC), after + timedelta(days=3)):
        assert not found.is_open(step)
        step += timedelta(minutes=15)


@pytest.mark.parametrize("dialled", [FRENCH, SPANISH_MOBILE])
@given(moment=moments)
def test_the_packs_own_next_moment_passes_the_rules_of_hours_and_days_off(dialled: str, moment: datetime) -> None:
    timed = [f for f in findings(dialled, moment).values() if f.topic in ("hours", "days-off")]
    closed = [finding for finding in timed if not finding.passed]
    for finding in closed:
        assert finding.retry_at is not None
        then = findings(dialled, finding.retry_at)
        assert all(f.passed for f in then.values() if f.topic in ("hours", "days-off"))
    assert len({finding.retry_at for finding in closed}) <= 1


def test_one_moment_is_shown_on_each_clock() -> None:
    moment = on((MADRID, CANARY), at("2026-11-24 12:00", "UTC"))
    assert [local.hour for local in moment] == [13, 12]
