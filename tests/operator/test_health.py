"""What a supervisor is told of what callgate stands on."""

from datetime import timedelta

import pytest

from callgate.core.gate import ListState
from callgate.core.policy import ListRule
from callgate.live import Live
from callgate.stores.errors import LedgerUnavailable, StoreUnavailable
from callgate.watching import health
from callgate.watching.health import Part
from tests.stores.conftest import NOW


class Enough(Exception):
    """Everything was looked at."""


RULES = {"be-dncm": ListRule("be-dncm", "BE", 5)}


@pytest.mark.parametrize(
    ("age", "state"), [(1, "good"), (3, "warning"), (6, "bad"), (None, "bad")]
)  # fmt: skip
async def test_a_list_is_as_good_as_it_is_young(age: int | None, state: str) -> None:
    async def states() -> dict[str, ListState]:
        return {"be-dncm": ListState("v", NOW - timedelta(days=age))} if age is not None else {}

    (part,) = await health.lists(RULES, states, NOW)
    assert (part["name"], part["state"]) == ("be-dncm", state)


async def test_while_redis_is_away_no_list_is_good() -> None:
    async def states() -> dict[str, ListState]:
        raise StoreUnavailable("Redis cannot be reached")

    (part,) = await health.lists(RULES, states, NOW)
    assert (part["state"], part["says"]) == ("bad", "Redis cannot be reached")


async def test_a_ledger_that_does_not_answer_is_bad() -> None:
    async def mark() -> int:
        raise LedgerUnavailable("no answer")

    assert (await health.ledger(mark))["state"] == "bad"


def test_what_stands_between_redis_and_being_believed_is_said() -> None:
    assert health.redis(["behind"])["says"] == "behind"
    assert health.redis([])["state"] == "good"


@pytest.mark.parametrize(
    ("hindrance", "stands_by", "state"),
    [("", False, "good"), ("it is not seen over AMI", False, "bad"), ("another callgate is in charge", True, "good")],
)
def test_a_pbx_that_no_call_passes_is_bad_but_where_another_callgate_lets_them_pass(
    hindrance: str, stands_by: bool, state: str
) -> None:
    part = health.pbx("north", hindrance, stands_by=stands_by)
    assert (part["state"], part["says"]) == (state, hindrance)


async def test_only_what_changed_is_told_and_an_age_does_not_change_by_itself() -> None:
    live = Live(lambda: NOW)
    looks: list[list[Part]] = [
        [health.redis([])],
        [health.redis([])],
        [health.redis(["away"])],
        [health.redis(["away"]), {"part": "list", "name": "x", "state": "warning", "says": "3.1 days"}],
        [health.redis(["away"]), {"part": "list", "name": "x", "state": "warning", "says": "3.2 days"}],
    ]
    left = iter(looks)

    async def look() -> list[Part]:
        if (found := next(left, None)) is None:
            raise Enough
        return found

    async def pause(_: float) -> None: ...

    with pytest.raises(Enough):
        await health.watch_health(live, look, pause)
    assert [happening.what for happening in live.after(0)] == ["health"] * 3
