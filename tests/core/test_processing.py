"""Who may call for whom: contracts from their first day to their last, chains of processors, and what lapses when."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from callgate.core import processing
from callgate.core.policy import Mandate, Policy
from callgate.core.processing import Lapse
from callgate.core.reasons import Reason
from tests.core.test_gate import POLICY

TODAY = date(2026, 11, 24)


def with_mandates(*mandates: Mandate) -> Policy:
    return replace(POLICY, mandates={(mandate.controller, mandate.centre): mandate for mandate in mandates})


def against(policy: Policy, centre: str, day: date = TODAY) -> Reason | None:
    return next((t.reason for t in processing.terms(policy, "acme", policy.centres[centre], day) if not t.passed), None)


MAIN = Mandate("acme", "bruges", "DPA", date(2027, 1, 31), date(2026, 3, 1), sub_processors=frozenset({"ghent"}))
SUB = Mandate("acme", "ghent", "SUB", date(2026, 12, 31), date(2026, 6, 1), under="bruges")


@pytest.mark.parametrize(
    ("day", "main", "sub"),
    [
        (date(2026, 2, 28), Reason.NO_CONTRACT, Reason.NO_CONTRACT),
        (date(2026, 3, 1), None, Reason.NO_CONTRACT),
        (date(2026, 6, 1), None, None),
        (date(2026, 12, 31), None, None),
        (date(2027, 1, 1), None, Reason.NO_CONTRACT),
        (date(2027, 1, 31), None, Reason.NO_CONTRACT),
        (date(2027, 2, 1), Reason.NO_CONTRACT, Reason.NO_CONTRACT),
    ],
)
def test_a_contract_holds_from_its_first_day_to_its_last(day: date, main: Reason | None, sub: Reason | None) -> None:
    policy = with_mandates(MAIN, SUB)
    assert against(policy, "bruges", day) is main
    assert against(policy, "ghent", day) is sub


@pytest.mark.parametrize(
    ("mandates", "reason"),
    [
        ((MAIN, SUB), None),
        ((replace(MAIN, sub_processors=frozenset()), SUB), Reason.NOT_MANDATED),
        ((replace(MAIN, expires=date(2026, 11, 23)), SUB), Reason.NO_CONTRACT),
        ((SUB,), Reason.NOT_MANDATED),
        ((replace(MAIN, under="mons"), SUB), Reason.NOT_MANDATED),
        ((MAIN,), Reason.NOT_MANDATED),
    ],
)
def test_a_sub_processor_needs_the_controllers_word_and_both_contracts(
    mandates: tuple[Mandate, ...], reason: Reason | None
) -> None:
    assert against(with_mandates(*mandates), "ghent") is reason


def test_adequacy_ends_on_its_day() -> None:
    assert against(POLICY, "london", date(2029, 12, 31)) is None
    lasting = replace(POLICY, mandates={("acme", "london"): replace(MAIN, centre="london", expires=date(2099, 1, 1))})
    assert against(lasting, "london", date(2031, 12, 27)) is None
    assert against(lasting, "london", date(2031, 12, 28)) is Reason.NO_TRANSFER_BASIS


def test_what_lapses_soon_is_told_before_it_does() -> None:
    policy = with_mandates(MAIN, SUB)
    assert processing.lapsing(policy, TODAY, timedelta(days=30)) == []
    soon = [Lapse("ghent", "acme", "the processor contract SUB, until 2026-12-31", date(2026, 12, 31))]
    assert processing.lapsing(policy, TODAY, timedelta(days=37)) == soon
    [gone, *_] = processing.lapsing(policy, date(2027, 1, 1), timedelta(days=30))
    assert gone == Lapse("ghent", "acme", "the processor contract SUB lapsed on 2026-12-31", None)


def test_what_lapsed_is_told_first() -> None:
    lapses = processing.lapsing(POLICY, TODAY, timedelta(days=60))
    assert [lapse.until for lapse in lapses] == sorted((lapse.until for lapse in lapses), key=lambda d: d or date.min)
    assert {"casablanca", "dakar", "lapsed", "austin", "mons", "tunis"} == {lapse.centre for lapse in lapses}
