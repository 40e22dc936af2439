"""When lists are fetched: each as often as it says, sooner after a failure, and never on the path of a call.

A fetch and its import run as `callgate lists fetch NAME`, in a process of their own and with low priority, since
reading a register takes a processor for minutes. The daemon only waits for it. The first fetch is due when the version
in force is as old as the time between two; so a restart fetches nothing anew, and a list that was never loaded is
fetched at once.

A failure is alarmed once until there was a success, and tried again after a pause that doubles up to an hour. What a
list that is not renewed means for calls is the list's age, which `listwatch` watches.
"""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from callgate.clock import Clock

log = structlog.stdlib.get_logger()

PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
RUN_WITHIN = 4 * 3600.0
"""Seconds for a fetch with its import; more, and it is taken for stuck."""
NICE = 10
_SAID = 300


@dataclass(frozen=True, slots=True)
class Ran:
    """How a fetch ended. `said`: the end of what it said on standard error."""

    ok: bool
    said: str


Run = Callable[[str], Awaitable[Ran]]
"""Fetches the list of this name and brings it into force."""


@dataclass(frozen=True, slots=True)
class Job:
    """A list that is fetched, and the time between two fetches."""

    list: str
    every: timedelta


class Supply:
    """The task that keeps lists supplied. `true_at` says to when the version in force is true, None without one."""

    def __init__(
        self,
        jobs: tuple[Job, ...],
        run: Run,
        *,
        true_at: Callable[[str], datetime | None],
        clock: Clock,
        alarm: Callable[[str, str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._jobs = jobs
        self._run = run
        self._true_at = true_at
        self._clock = clock
        self._alarm = alarm
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret

    async def run(self) -> None:
        """Keep every list supplied, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                group.create_task(self._keep(job), name=f"fetch-{job.list}")
            await asyncio.Event().wait()

    async def _keep(self, job: Job) -> None:
        in_force = self._true_at(job.list)
        due = in_force + job.every - self._clock() if in_force else timedelta()
        failures = 0
        while True:
            await self._sleep(max(due, timedelta()).total_seconds())
            began = self._clock()
            ran = await self._run(job.list)
            if ran.ok:
                log.info("list-fetched", list=job.list)
                failures, due = 0, began + job.every - self._clock()
            else:
                due = self._pause(failures)
                self._failed(job, ran, failures, due)
                failures += 1

    def _pause(self, failures: int) -> timedelta:
        """Shortened by up to half, at random: several nodes do not knock at a register's door together."""
        return min(LONGEST_PAUSE, PAUSE * 2.0 ** min(failures, 30)) * self._rng.uniform(0.5, 1.0)

    def _failed(self, job: Job, ran: Ran, failures: int, again: timedelta) -> None:
        log.warning("list-not-fetched", list=job.list, said=ran.said, again_in_s=round(again.total_seconds()))
        if not failures:
            self._alarm("list-not-fetched", f"{job.list}: {ran.said}")


async def run_fetch(config_file: Path, name: str, within: float = RUN_WITHIN) -> Ran:
    """Run `callgate lists fetch` in a process of its own; ended with it when this is cancelled."""
    words = ("-m", "callgate", "lists", "fetch", name, "--config", str(config_file))
    process = await asyncio.create_subprocess_exec(
        "nice", "-n", str(NICE), sys.executable, *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            _, said = await process.communicate()
    except TimeoutError:
        return Ran(False, f"it did not end within {within:.0f} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ran(process.returncode == 0, " ".join(said.decode(errors="replace").split())[-_SAID:])
