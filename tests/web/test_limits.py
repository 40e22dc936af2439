"""How often somebody may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.access import Role
from callgate.web import limits as limits_module
from callgate.web.limits import Limits, Rate
from tests.web.world import World


class Watch:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 100), max_size=200), st.integers(1, 50), st.integers(1, 600))
def test_no_more_are_let_through_than_at_once_and_by_the_minute(
    pauses: list[float], at_once: int, a_minute: int
) -> None:
    watch = Watch()
    limits, taken = Limits(watch), 0
    for pause in pauses:
        watch.now += pause
        taken += limits.take("x", "y", Rate(a_minute, at_once)) == 0
        assert taken <= at_once + watch.now * a_minute / 60 + 1e-6


def test_who_waits_as_long_as_told_may_ask() -> None:
    watch = Watch()
    limits, rate = Limits(watch), Rate(30, 3)
    assert [limits.take("x", "y", rate) for _ in range(4)] == [0, 0, 0, pytest.approx(2)]
    watch.now = 2
    assert limits.take("x", "y", rate) == 0
    assert limits.take("x", "y", rate) > 0
    assert limits.take("x", "other", rate) == limits.take("other", "y", rate) == 0


def test_the_memory_of_who_asked_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "KEPT", 100)
    limits = Limits(Watch())
    for number in range(110):
        limits.take(str(number), "y", Rate(1, 1))
    assert limits.take(str(109), "y", Rate(1, 1)) > 0
    assert limits.take("0", "y", Rate(1, 1)) == 0


def test_a_household_counts_once() -> None:
    limits, rate = Limits(Watch()), Rate(1, 1)
    asked = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "crm")
    assert [limits.take(one, "y", rate) == 0 for one in asked] == [True, False, True, True, False, True, True]


def test_who_asked_is_forgotten_when_it_counts_no_more() -> None:
    watch = Watch()
    limits = Limits(watch)
    limits.take("192.0.2.1", "form", Rate(10 / 15, 10))
    limits.take("192.0.2.2", "form", Rate(1 / 60, 1))
    watch.now = 95
    limits.take("192.0.2.3", "form", Rate(1, 1))
    assert len(limits) == 2, "the first is full again after 90 s, the second after an hour"


@pytest.mark.server
async def test_who_asks_too_often_is_told_how_long_to_wait(world: World) -> None:
    token, other = await world.user("boss", Role.OFFICER), await world.user("deputy", Role.OFFICER)
    statuses = [(await world.ask("GET", "/api/v1/lists", token)).status for _ in range(60)]
    assert set(statuses) == {200}
    refused = await world.ask("GET", "/api/v1/lists", token)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert (await refused.json())["type"] == "urn:callgate:problem:too-many"
    assert (await world.ask("GET", "/api/v1/lists", other)).status == 200
    world.later(seconds=1)
    assert (await world.ask("GET", "/api/v1/lists", token)).status == 200
