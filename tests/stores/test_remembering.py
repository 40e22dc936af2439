"""What was before this process stands on the board again: verdicts, blocks, alarms that nobody took."""

from datetime import timedelta
from typing import Any

from callgate.core.access import Principal, Role
from callgate.core.board import BLOCKS_MOST, Board, alarm_id
from callgate.core.events import Event, Json, Kind
from callgate.core.tally import DAY
from callgate.live import Live
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.history import seq_before
from callgate.watching.alarms import Alarms
from callgate.watching.remembering import remember
from tests.stores.conftest import NOW
from tests.web.world import FakeLater, verdict

ALL = Principal("olga", Role.OFFICER)
ACMES = Principal("sam", Role.SUPERVISOR, frozenset({"acme"}))


def alarm(alarm: str, *, minutes: int = 0, call: str | None = None, **facts: Json) -> Event:
    return Event(Kind.ALARM, NOW - timedelta(minutes=minutes), call, payload={"alarm": alarm, **facts})


async def remembered(ledger: Ledger) -> Board:
    board = Board()
    await remember(ledger, board, NOW, await ledger.last_seq())
    return board


def counted(board: Board, principal: Principal = ALL) -> dict[str, int]:
    found: dict[str, int] = {}
    for count in board.tally.counts(NOW, DAY, 15, lambda kind: principal.sees(kind.controller, kind.centre)):
        found[count.reason] = found.get(count.reason, 0) + count.verdicts
    return found


async def test_the_verdicts_of_the_day_are_counted_and_older_ones_are_not(either: Ledger) -> None:
    old = [verdict(f"{n:016x}", "objection", at=NOW - timedelta(hours=30)) for n in range(5)]
    lately = [verdict(f"{n:016x}", "clear", at=NOW - timedelta(minutes=n)) for n in range(10, 13)]
    await either.append([*old, *lately, verdict("f" * 16, "objection", at=NOW - timedelta(minutes=1))])
    assert counted(await remembered(either)) == {"clear": 3, "objection": 1}


async def test_the_latest_blocks_are_masked_and_belong_to_their_company(either: Ledger) -> None:
    await either.append(
        [
            verdict("1" * 16, "objection", at=NOW - timedelta(minutes=1)),
            verdict("2" * 16, "objection", controller="futura"),
            verdict("3" * 16, "clear"),
        ]
    )
    board = await remembered(either)
    assert [block["call"] for block in board.blocks(ALL)] == ["2" * 16, "1" * 16]
    assert [(block["call"], block["number"]) for block in board.blocks(ACMES)] == [("1" * 16, "+33 ••• 42")]
    assert counted(board, ACMES) == {"objection": 1, "clear": 1}


async def test_blocks_that_were_told_meanwhile_stay_the_newest(either: Ledger) -> None:
    await either.append([verdict(f"{n:016x}", "objection", at=NOW - timedelta(minutes=9)) for n in range(BLOCKS_MOST)])
    board = Board()
    board.take(NOW, "block", {"call": "new", "controller": "acme", "centre": "brussels", "reason": "objection"})
    await remember(either, board, NOW, await either.last_seq())
    assert [block["call"] for block in board.blocks(ALL)][:2] == ["new", f"{BLOCKS_MOST - 1:016x}"]


async def test_an_alarm_that_nobody_took_stands_with_how_often_it_was_raised(either: Ledger) -> None:
    taken = alarm_id("bypass", {"agent": "PJSIP/y"})
    await either.append(
        [
            alarm("bypass", minutes=30, agent="PJSIP/x"),
            alarm("bypass", minutes=20, agent="PJSIP/y"),
            Event(Kind.ALARM_TAKEN, NOW, payload={"id": taken, "by": "olga"}),
            alarm("bypass", minutes=10, agent="PJSIP/x"),
            alarm("unexpected", call="c1", on="answered"),
        ]
    )
    (standing,) = (await remembered(either)).alarms(ALL)
    assert (standing.alarm, standing.times) == ("bypass", 2)
    assert (standing.first, standing.last) == (NOW - timedelta(minutes=30), NOW - timedelta(minutes=10))


async def test_what_was_taken_and_raised_again_stands(either: Ledger) -> None:
    id_ = alarm_id("bypass", {"agent": "PJSIP/x"})
    await either.append(
        [
            alarm("bypass", agent="PJSIP/x"),
            Event(Kind.ALARM_TAKEN, NOW, payload={"id": id_, "by": "olga"}),
            alarm("bypass", agent="PJSIP/x"),
        ]
    )
    assert [standing.times for standing in (await remembered(either)).alarms(ALL)] == [1]


async def test_what_comes_after_the_start_is_left_to_those_who_tell_it(either: Ledger) -> None:
    await either.append([verdict("1" * 16, "objection")])
    upto = await either.last_seq()
    await either.append([verdict("2" * 16, "objection"), alarm("bypass", agent="PJSIP/x")])
    board = Board()
    await remember(either, board, NOW, upto)
    assert counted(board) == {"objection": 1}
    assert [block["call"] for block in board.blocks(ALL)] == ["1" * 16]
    assert list(board.alarms(ALL)) == []


async def test_a_moment_is_found_however_long_the_ledger_is(either: Ledger) -> None:
    ages = [*range(2000, 0, -10)]
    await either.append([verdict(f"{n:016x}", "clear", at=NOW - timedelta(minutes=age)) for n, age in enumerate(ages)])
    assert await seq_before(either, NOW - timedelta(days=30)) == 0
    before = await seq_before(either, NOW - timedelta(minutes=1000))
    (next_,) = await either.read(after_seq=before, limit=1)
    assert timedelta(minutes=1000) <= NOW - next_.event.at <= timedelta(minutes=1010)
    assert await seq_before(either, NOW + timedelta(days=1)) == await either.last_seq()


async def test_an_alarm_is_owed_to_the_ledger_once_and_taken_once(either: Ledger) -> None:
    live, later = Live(lambda: NOW), FakeLater()
    alarms = Alarms(live, later, either, lambda: NOW)
    facts: dict[str, Any] = {"list": "be-dncm"}
    for days in (3, 4):
        alarms.sound("list-stale", **facts, detail=f"be-dncm is {days} days old")
    assert [owed["kind"] for owed in later.kept] == [Kind.ALARM]
    (standing,) = live.board.alarms(ALL)
    assert standing.times == 2
    assert await alarms.take(standing.id, "olga") is True
    assert await alarms.take(standing.id, "otto") is False
    (taken,) = await either.read(kinds=[Kind.ALARM_TAKEN])
    assert taken.event.payload["by"] == "olga"
