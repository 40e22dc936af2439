"""What lapses is told in time: 60, 30 and 7 days ahead, once each, and when it blocks calls."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from callgate.core.law.transfers import Signed
from callgate.core.policy import Centre
from callgate.core.processing import Lapse, lapsing
from callgate.watching.lapses import LapseWatch
from tests.core.test_gate import POLICY, mandate

TODAY = date(2026, 11, 24)


class Scene:
    def __init__(self, last_day: date) -> None:
        self.now = datetime.combine(TODAY, time(12), UTC)
        self.policy = replace(
            POLICY,
            centres={"brussels": POLICY.centres["brussels"]},
            mandates={("acme", "brussels"): mandate("brussels", last_day)},
        )
        self.alarms: list[str] = []
        self.says: list[str] = []
        self.watch = LapseWatch(policy=lambda: self.policy, clock=lambda: self.now, alarm=self._alarm)

    def _alarm(self, what: str, why: str) -> None:
        self.alarms.append(what)
        self.says.append(why)


def test_each_warning_comes_once_and_on_its_day() -> None:
    scene, told = Scene(TODAY + timedelta(days=61)), {}
    for day in range(64):
        for _ in range(3):
            before = len(scene.alarms)
            scene.watch.look()
            if scene.alarms[before:]:
                told[day] = scene.alarms[before:]
        scene.now += timedelta(days=1)
    assert told == {
        1: ["contract-lapses"],
        31: ["contract-lapses"],
        54: ["contract-lapses"],
        62: ["contract-lapsed"],
    }
    assert scene.says[0] == (
        "brussels for acme lapses after 2027-01-24: the processor contract DPA-brussels, until 2027-01-24"
    )
    assert scene.says[-1].startswith("brussels for acme blocks every call: ")


def test_a_contract_that_is_mended_and_lapses_again_is_told_again() -> None:
    scene = Scene(TODAY + timedelta(days=5))
    lapsing_soon = scene.policy
    scene.watch.look()
    scene.policy = replace(lapsing_soon, mandates={("acme", "brussels"): mandate("brussels")})
    scene.watch.look()
    scene.policy = lapsing_soon
    scene.watch.look()
    assert scene.alarms == ["contract-lapses"] * 2


def test_a_transfer_basis_that_lapses_is_told_as_a_contract_is() -> None:
    scene = Scene(date(2030, 1, 1))
    clauses = Signed("SCC-7", date(2024, 1, 1), TODAY + timedelta(days=20))
    scene.policy = replace(
        scene.policy,
        centres={"tunis": Centre("tunis", "Tunis", "TN", "fr", clauses)},
        mandates={("acme", "tunis"): mandate("tunis")},
    )
    scene.watch.look()
    assert scene.alarms == ["contract-lapses"]
    assert "SCC-7" in scene.says[0]


@pytest.mark.parametrize(
    ("left", "warning"), [(90, 60), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, 0)]
)
def test_the_warning_that_is_due_goes_by_the_days_left(left: int, warning: int) -> None:
    assert Lapse("a", "b", "c", TODAY + timedelta(days=left)).warned(TODAY) == warning


def test_what_never_held_is_told_as_lapsed() -> None:
    policy = replace(POLICY, mandates={("acme", "casablanca"): mandate("casablanca")})
    (found,) = lapsing(policy, TODAY, timedelta(days=60))
    assert (found.until, found.warned(TODAY)) == (None, 0)
