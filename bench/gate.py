"""The gate beside no gate and beside what people use today: what it adds to a call's set-up, and how many it takes.

A call's set-up is the time from the agent's INVITE to the carrier's. Variants take turns every few seconds, so that
whatever else the machine does hits them alike. What is *added* is a percentile of a variant less that of the ungated
calls placed in the same turns.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console

from bench.pbxs import SUPPRESSED, Variant, variants
from bench.report import Figure, percentile
from bench.sip import Attempt
from lab.process import LabError, Process
from lab.world import run_callgate

NUMBERS = [f"44207946{n:04}" for n in range(900)]
"""Kept for fiction in the United Kingdom, whose calls need a national list as well as the objections."""
RIVALS = ("astdb", "agi_script", "curl")
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

TURN_S = 3.0
TURNS = {20: 3, 50: 4}
"""Calls a second → how often each variant has its turn."""
IMPORTED = 1_000_000
"""Read, sorted and loaded in the better part of a minute; more numbers make it longer and no different."""

PROBE_S = 2.0
LADDER = [round(8 * 1.08**step) for step in range(76)]
"""The rates that are tried, calls a second: 8 % apart, from 8 to about 2,600."""
BLOWN_MS = 100.0
"""A rate is sustained while every call arrives and the p99 of its set-up is below this."""

TALKS, TALKS_PER_S, TALK_S = 120, 4.0, 60.0
"""Conversations: how many, how many begin in a second, and seconds from the callee's answer to their hanging up."""

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


Samples = Mapping[str, Sample]
Numbers = Iterator[str]


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
            say(f"{TALKS} conversations of {TALK_S:.0f} s, gated and ungated at the same time")
            talked = await _conversations(of, numbers)
            highest = {}
            for name in ("ungated", "gate", *RIVALS):
                say(f"the highest rate of attempts of {name}")
                highest[name] = await _highest(of[name], numbers)
    return [*_latency(by_rate), *_importing(while_importing), _talking(talked), *_rates(highest)]


# Measuring.


async def _prove(variant: Variant) -> None:
    """That a variant lets through what is clear and stops what is not; else its speed means nothing."""
    [clear] = await variant.line.calls(variant.prefix, NUMBERS[:1], 1)
    if clear.rang is None:
        raise LabError(f"{variant.name}: a clear number did not reach the carrier, and ended with {clear.status}")
    [stopped] = await variant.line.calls(variant.prefix, [SUPPRESSED], 1)
    if (stopped.rang is None) is (variant.name == "ungated"):
        raise LabError(f"{variant.name}: a suppressed number ended with {stopped.status}, carrier: {stopped.rang}")


async def _turn(variant: Variant, numbers: Numbers, rate: float, seconds: float) -> list[Attempt]:
    attempts = await variant.line.calls(variant.prefix, list(islice(numbers, round(rate * seconds))), rate)
    # What is still under way after a failure must not fall on the next one's turn.
    if any(attempt.status is None for attempt in attempts):
        await variant.lab.no_channels(deadline=30)
    return attempts


async def _take_turns(of: Sequence[Variant], numbers: Numbers, rate: int, turns: int, say: Say) -> Samples:
    samples = {variant.name: Sample() for variant in of}
    for turn in range(1, turns + 1):
        for variant in of:
            sample = samples[variant.name]
            if sample.failed:
                continue  # it cannot do this rate: more turns would only say so again
            say(f"{rate} calls a second, turn {turn} of {turns}: {variant.name}")
            sample.add(await _turn(variant, numbers, rate, TURN_S))
    return samples


async def _while_importing(of: Mapping[str, Variant], numbers: Numbers, say: Say) -> Samples:
    """Turns of the gated and the ungated while another process imports a national list behind the gate."""
    place = of["gate"].lab.place
    file = place.folder / "be-dncm.txt"
    file.write_text("".join(f"+3247{n:07}\n" for n in range(IMPORTED)))
    importing = asyncio.create_task(run_callgate(place, "lists", "import", str(file), "--list", "be-dncm"))
    samples = {name: Sample() for name in ("gate", "ungated")}
    while not importing.done():
        for name, sample in samples.items():
            say(f"50 calls a second while {IMPORTED:,} numbers are imported: {name}")
            sample.add(await _turn(of[name], numbers, 50, TURN_S))
    await importing
    return samples


async def _highest(variant: Variant, numbers: Numbers) -> int:
    """The highest rate of the ladder that is sustained, by bisection; 0 if not even the lowest is."""
    low, high = -1, len(LADDER)
    while high - low > 1:
        middle = (low + high) // 2
        # Twice, because a machine that is shared stumbles by itself, and a rate that it cannot do fails again.
        if await _sustains(variant, numbers, LADDER[middle]) or await _sustains(variant, numbers, LADDER[middle]):
            low = middle
        else:
            high = middle
    return LADDER[low] if low >= 0 else 0


async def _sustains(variant: Variant, numbers: Numbers, rate: int) -> bool:
    sample = Sample()
    sample.add(await _turn(variant, numbers, rate, PROBE_S))
    p99 = sample.at(0.99)
    return not sample.failed and p99 is not None and p99 < BLOWN_MS


async def _conversations(of: Mapping[str, Variant], numbers: Numbers) -> Mapping[str, float]:
    """Processor time of one conversation in ms: of Asterisk, and behind the gate of callgate and its Redis as well."""
    gated, ungated = of["gate"], of["ungated"]
    programs = {
        "gate": (gated.lab.asterisk, gated.lab.callgate, gated.lab.redis),
        "ungated": (ungated.lab.asterisk,),
    }
    before = {name: sum(map(_used_s, programs[name])) for name in programs}
    dialled = list(islice(numbers, TALKS))
    placed = await asyncio.gather(
        *(of[name].line.talks(of[name].prefix, dialled, TALKS_PER_S, TALK_S) for name in programs)
    )
    for name, attempts in zip(programs, placed, strict=True):
        if failed := [attempt.status for attempt in attempts if attempt.status != 200]:
            raise LabError(f"{name}: {len(failed)} of {TALKS} conversations did not come about: {set(failed)}")
    return {name: (sum(map(_used_s, programs[name])) - before[name]) * 1000 / TALKS for name in programs}


def _used_s(program: Process) -> float:
    """Seconds of processor that a program and the children it waited for have used: proc(5), stat, fields 14 to 17."""
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


# Figures.


def _added(samples: Samples, name: str, share: float) -> float | None:
    with_it, without = samples[name].at(share), samples["ungated"].at(share)
    return None if with_it is None or without is None else with_it - without


def _latency(by_rate: Mapping[int, Samples]) -> list[Figure]:
    """Of each variant what it adds at 50 calls a second, the names without a rate, and at 20."""
    figures = []
    targets = {"gate.added_p50_ms": "< 3", "gate.added_p99_ms": "< 10"}
    for rate in sorted(by_rate, reverse=True):
        samples, suffix = by_rate[rate], "" if rate == 50 else f"_at_{rate}"
        for variant in ("gate", *RIVALS):
            stem = "gate.added" if variant == "gate" else f"gate.{variant}_added"
            for label, share in PERCENTILES.items():
                name = f"{stem}_{label}{suffix}_ms"
                anchor = f"ungated {label}, {rate} calls/s"
                value = _added(samples, variant, share)
                figures.append(Figure(name, value, "ms", anchor, samples["ungated"].at(share), targets.get(name)))
            sample = samples[variant]
            placed = sample.failed + len(sample.times)
            name = f"{stem.removesuffix('added')}failed{suffix}"
            figures.append(Figure(name, float(sample.failed), "calls", f"placed at {rate} calls/s", float(placed)))
    return figures


def _importing(samples: Samples) -> list[Figure]:
    return [
        Figure(
            f"gate.import_added_{label}_ms",
            _added(samples, "gate", share),
            "ms",
            f"ungated {label} during the import",
            samples["ungated"].at(share),
        )
        for label, share in PERCENTILES.items()
    ]


def _rates(highest: Mapping[str, int]) -> list[Figure]:
    ungated = float(highest["ungated"])
    figures = [
        Figure(f"gate.{'' if name == 'gate' else name + '_'}attempt_rate", float(rate), "calls/s", "ungated", ungated)
        for name, rate in highest.items()
    ]
    ratio = highest["gate"] / ungated if ungated else None
    return [Figure("gate.attempt_ratio", ratio, "", "the ungated rate of attempts", 1.0), *figures]


def _talking(talked: Mapping[str, float]) -> Figure:
    """The highest rate of conversations, gated to ungated: what they compete for is processor time.

    The rates are in inverse proportion to it.
    """
    ratio = talked["ungated"] / talked["gate"]
    note = f"{talked['gate']:.0f} ms of processor time gated, {talked['ungated']:.0f} ms ungated, in {TALK_S:.0f} s"
    return Figure("gate.rate_ratio", ratio, "", "an ungated conversation", 1.0, ">= 0.85", note)
