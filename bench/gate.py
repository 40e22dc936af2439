"""The gate beside no gate and beside what people use today: what it adds to a call's set-up, and how many it takes.

A call's set-up is the time from the agent's INVITE to the carrier's. Variants take turns every few seconds, so that
whatever else the machine does hits them alike. What is *added* is a percentile of a variant less that of the ungated
calls placed in the same turns.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from rich.console import Console

from bench.pbxs import SUPPRESSED, Variant, command, variants
from bench.report import Figure, percentile
from bench.sip import Attempt
from lab.place import Place
from lab.process import LabError
from lab.world import PROGRAM

NUMBERS = [f"44207946{n:04}" for n in range(900)]
"""Kept for fiction in the United Kingdom, whose calls need a national list as well as the objections."""
RIVALS = ("astdb", "agi_script", "curl")
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

TURN_S = 3.0
TURNS = {20: 3, 50: 4}
"""Calls a second → how often each variant has its turn."""
IMPORTED = 2_000_000

PROBE_S = 2.0
LADDER = [round(20 * 1.06**step) for step in range(70)]
"""The rates that are tried, calls a second: 6 % apart, from 20 to about 1,100."""
BLOWN_MS = 100.0
"""A rate is sustained while every call arrives and the p99 of its set-up is below this."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Sample:
    """The calls of one variant at one rate."""

    times: list[float] = field(default_factory=list)
    failed: int = 0

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Count a turn's calls."""
        times = [attempt.setup_ms for attempt in attempts if attempt.setup_ms is not None]
        self.times += times
        self.failed += len(attempts) - len(times)

    def at(self, share: float) -> float | None:
        """A percentile of the set-up times in ms."""
        return percentile(self.times, share)


Samples = dict[str, Sample]


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with console.status("starting two PBXs, one with the gate") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text)

        async with variants() as of:
            numbers = cycle(NUMBERS)
            for variant in of.values():
                await _prove(variant)
            by_rate = {}
            for rate, turns in TURNS.items():
                by_rate[rate] = await _take_turns(list(of.values()), numbers, rate, turns, say)
            while_importing = await _while_importing(of, numbers, say)
            highest = {}
            for name in ("ungated", "gate", *RIVALS):
                say(f"the highest rate of {name}")
                highest[name] = await _highest(of[name], numbers)
    return [*_latency(by_rate), *_importing(while_importing), *_rates(highest)]
