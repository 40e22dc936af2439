"""What stands on the live page, folded from what was told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callgate.core.access import Principal, Role
from callgate.core.board import ALARMS_MOST, BLOCKS_MOST, CALLS_MOST, MOMENTS_MOST, Board, alarm_id

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ALL = Principal("olga", Role.OFFICER)
ACMES = Principal("sam", Role.SUPERVISOR, frozenset({"acme"}))
LILLE = Principal("lea", Role.SUPERVISOR, None, frozenset({"lille"}))


def call(id_: str = "c1", **facts: Any) -> dict[str, Any]:
    of = {"call": id_, "number": "+33 ••• 42", "controller": "acme", "centre": "brussels", "campaign": "spring"}
    return of | facts


def test_a_call_stands_from_its_allow_to_its_end() -> None:
    board = Board()
    board.take(NOW, "allow", call())
    board.take(NOW + timedelta(seconds=5), "call", call(stage="ringing"))
    (standing,) = board.calls(ALL)
    assert (standing["stage"], standing["since"]) == ("ringing", NOW.isoformat())
    board.take(NOW + timedelta(seconds=9), "call", call(stage="closed"))
    assert list(board.calls(ALL)) == []


def test_the_newest_block_is_the_first() -> None:
    board = Board()
    for n in range(3):
        board.take(NOW + timedelta(seconds=n), "block", call(f"c{n}", reason="objection"))
    assert [block["call"] for block in board.blocks(ALL)] == ["c2", "c1", "c0"]


def test_a_busy_company_does_not_push_another_s_blocks_out() -> None:
    board = Board()
    board.take(NOW, "block", call("mine", reason="objection"))
    for n in range(2 * BLOCKS_MOST):
        board.take(NOW, "block", call(f"c{n}", reason="objection", controller="futura"))
    assert [block["call"] for block in board.blocks(ACMES)] == ["mine"]
    assert len(board.blocks(ALL)) == BLOCKS_MOST


def test_what_happened_in_calls_stands_by_its_name_the_newest_first() -> None:
    board = Board()
    for n, (what, facts) in enumerate(
        [
            ("objection", call()),
            ("call", call(stage="paused", on="paused")),
            ("call", call(stage="recording", on="resumed")),
            ("withdrawal", call()),
            ("sealed", call(seconds=3.5)),
            ("emergency", {"agent": "PJSIP/x", "centre": "brussels"}),
            ("called-back", {"campaigns": ["spring"], "objected": True}),
        ]
    ):
        board.take(NOW + timedelta(seconds=n), what, facts)
    assert [(moment["what"], str(moment["at"])[17:19]) for moment in board.moments(ALL)] == [
        ("called-back", "06"), ("emergency", "05"), ("sealed", "04"), ("withdrawal", "03"), ("resumed", "02"),
        ("paused", "01"), ("objection", "00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ("call", call(stage="ringing", on="dialled")),
        ("call", call(stage="paused", on="taken-up")),
        ("block", call(reason="objection")),
        ("alarm", call(alarm="bypass")),
    ],
)
def test_a_stage_a_verdict_and_an_alarm_are_no_moments(what: str, facts: dict[str, Any]) -> None:
    board = Board()
    board.take(NOW, what, facts)
    assert board.moments(ALL) == []


def test_moments_are_bounded_for_each_company_and_seen_by_whom_they_concern() -> None:
    board = Board()
    board.take(NOW, "withdrawal", call("mine"))
    board.take(NOW, "emergency", {"agent": "PJSIP/x", "centre": "lille"})
    for n in range(2 * MOMENTS_MOST):
        board.take(NOW, "sealed", call(f"c{n}", controller="futura", seconds=1))
    assert [moment["call"] for moment in board.moments(ACMES)] == ["mine"]
    assert [moment["what"] for moment in board.moments(LILLE)] == ["emergency"]
    assert len(board.moments(ALL)) == MOMENTS_MOST


def test_one_company_sees_nothing_of_another() -> None:
    board = Board()
    board.take(NOW, "block", call(reason="objection", controller="futura"))
    board.take(NOW, "call", call(stage="talking", controller="futura"))
    board.take(NOW, "alarm", call(alarm="recording-missing", controller="futura"))
    board.take(NOW, "alarm", {"alarm": "bypass", "agent": "PJSIP/x"})
    assert (list(board.calls(ACMES)), board.blocks(ACMES), list(board.alarms(ACMES))) == ([], [], [])


def test_a_centre_sees_its_own_calls_only() -> None:
    board = Board()
    board.take(NOW, "call", call("a", stage="talking"))
    board.take(NOW, "call", call("b", stage="talking", centre="lille"))
    assert [one["call"] for one in board.calls(LILLE)] == ["b"]


def test_an_alarm_about_the_same_thing_stands_once_and_says_how_often() -> None:
    board = Board()
    for n in range(3):
        board.take(NOW + timedelta(minutes=n), "alarm", {"alarm": "bypass", "agent": "PJSIP/x", "ruling": "no token"})
    board.take(NOW, "alarm", {"alarm": "bypass", "agent": "PJSIP/y", "ruling": "no token"})
    first, second = board.alarms(ALL)
    assert (first.times, first.first, first.last) == (3, NOW, NOW + timedelta(minutes=2))
    assert second.times == 1


def test_an_alarm_that_was_taken_is_gone_until_it_is_raised_again() -> None:
    board = Board()
    facts = {"alarm": "bypass", "agent": "PJSIP/x"}
    board.take(NOW, "alarm", facts)
    board.take(NOW, "alarm-taken", {"id": alarm_id("bypass", facts), "by": "olga"})
    assert list(board.alarms(ALL)) == []
    board.take(NOW, "alarm", facts)
    assert [alarm.times for alarm in board.alarms(ALL)] == [1]


def test_an_alarm_has_the_same_id_when_it_is_read_back() -> None:
    live = {"agent": "PJSIP/x", "ruling": "no token"}
    read = {"late": NOW.isoformat(), "ruling": "no token", "alarm": "bypass", "agent": "PJSIP/x"}
    assert alarm_id("bypass", live) == alarm_id("bypass", read)
    assert alarm_id("bypass", call(agent="x")) == alarm_id("bypass", {"call": "c1"})
    assert alarm_id("bypass", live) != alarm_id("bypass", live | {"agent": "PJSIP/y"})


def test_it_holds_so_much_and_no_more() -> None:
    board = Board()
    for n in range(CALLS_MOST + 10):
        board.take(NOW, "call", call(f"c{n}", stage="talking"))
    for n in range(ALARMS_MOST + 10):
        board.take(NOW, "alarm", {"alarm": "bypass", "agent": f"PJSIP/{n}"})
    assert len(list(board.calls(ALL))) == CALLS_MOST
    assert len(list(board.alarms(ALL))) == ALARMS_MOST


def test_what_it_does_not_know_changes_nothing() -> None:
    board = Board()
    board.take(NOW, "something-new", {"x": 1})
    board.take(NOW, "objection", call("never-seen"))
    assert (list(board.calls(ALL)), board.blocks(ALL), board.health) == ([], [], [])


def test_who_objects_is_marked_while_the_call_goes_on() -> None:
    board = Board()
    board.take(NOW, "call", call(stage="talking"))
    board.take(NOW, "objection", call())
    assert [one.get("objected") for one in board.calls(ALL)] == [True]
