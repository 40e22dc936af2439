"""When lists are fetched: by a clock that the test moves."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from callgate.supply.schedule import Job, Ran, Supply, run_fetch

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
GOOD, BAD = Ran(True, ""), Ran(False, "the server answered 500")


class Scene:
    """One list's supply, whose sleeps move the clock; it ends when the outcomes are used up."""

    def __init__(self, outcomes: Sequence[Ran], in_force: datetime | None, takes: timedelta = MINUTE) -> None:
        self.now = NOW
        self.runs: list[datetime] = []
        self.alarms: list[tuple[str, str]] = []
        self._outcomes = list(outcomes)
        self._takes = takes
        self._done = asyncio.Event()
        self._supply = Supply(
            (Job("be-dncm", DAY),),
            self._run,
            true_at=lambda _: in_force,
            clock=lambda: self.now,
            alarm=lambda what, why: self.alarms.append((what, why)),
            sleep=self._sleep,
            rng=random.Random(1),
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def _run(self, name: str) -> Ran:
        assert name == "be-dncm"
        if not self._outcomes:
            self._done.set()
            await asyncio.Event().wait()
        self.runs.append(self.now)
        self.now += self._takes
        return self._outcomes.pop(0)

    async def play(self) -> list[timedelta]:
        """How long after the beginning each fetch began."""
        running = asyncio.create_task(self._supply.run())
        await self._done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [at - NOW for at in self.runs]


@pytest.mark.parametrize(
    ("in_force", "first"),
    [(None, timedelta()), (NOW - 3 * DAY, timedelta()), (NOW - 20 * HOUR, 4 * HOUR), (NOW, DAY)],
)
async def test_the_first_fetch_is_due_when_what_is_in_force_is_as_old_as_the_interval(
    in_force: datetime | None, first: timedelta
) -> None:
    assert await Scene([GOOD], in_force).play() == [first]


async def test_fetches_follow_each_other_at_the_interval_however_long_each_takes() -> None:
    assert await Scene([GOOD] * 3, None, takes=2 * HOUR).play() == [timedelta(), DAY, 2 * DAY]
    assert await Scene([GOOD] * 2, None, takes=30 * HOUR).play() == [timedelta(), 30 * HOUR]


async def test_a_failure_is_tried_again_soon_and_then_ever_later_up_to_an_hour() -> None:
    scene = Scene([BAD] * 12, None, takes=timedelta())
    runs = await scene.play()
    pauses = [later - earlier for earlier, later in pairwise(runs)]
    for at, pause in enumerate(pauses):
        longest = min(HOUR, MINUTE * 2**at)
        assert longest / 2 <= pause <= longest


async def test_failures_are_alarmed_once_until_there_was_a_success() -> None:
    scene = Scene([BAD, BAD, BAD, GOOD, BAD, BAD], None)
    await scene.play()
    assert scene.alarms == [("list-not-fetched", "be-dncm: the server answered 500")] * 2


async def test_after_a_success_the_pauses_begin_anew() -> None:
    runs = await Scene([BAD] * 6 + [GOOD, BAD, BAD], None, takes=timedelta()).play()
    assert runs[-1] - runs[-2] <= MINUTE


async def test_a_fetch_is_a_process_of_its_own_and_what_it_said_comes_back(tmp_path: Path) -> None:
    conf = tmp_path / "callgate.toml"
    conf.write_text("[site]\n")
    ran = await run_fetch(conf, "be-dncm")
    assert not ran.ok
    assert "is missing" in ran.said


async def test_a_fetch_that_does_not_end_is_ended(tmp_path: Path) -> None:
    ran = await run_fetch(tmp_path / "callgate.toml", "be-dncm", within=0.0)
    assert ran == Ran(False, "it did not end within 0 s")
