"""How soon the guard hangs up what rings on a trunk around the gate, with twenty gated calls a second beside it.

Each bypass is an ordinary call through a dialplan that forgot the gate; the carrier lets it ring. What is measured is
the time from AMI's DialBegin to AMI's Hangup of the same channel, as a second AMI client of the lab's own sees both;
beside it, the time from the INVITE that reached the carrier to the CANCEL that took it back: how long a telephone rang.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench.gate import NUMBERS
from bench.pbxs import as_service
from bench.report import Figure, percentile
from bench.sip import Attempt, Line
from callgate.pbx.ami import Message, Session, State
from lab.config import secret
from lab.place import somewhere
from lab.process import LabError
from lab.sip import Call, UserAgent
from lab.world import LISTS, Lab

GATED_RATE = 20
BYPASS_RATE = 5
BYPASSES = 200
TRUNK = "PJSIP/carrier2-"
"""The gated calls go out by the other trunk."""


@dataclass(slots=True)
class Kills:
    """What AMI tells of the channels on the trunk, at seconds of one clock."""

    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def see(self, news: object) -> None:
        """Take in one event."""
        if not isinstance(news, Message):
            return
        now = time.perf_counter()
        if news.get("Event") == "DialBegin" and news.get("DestChannel").startswith(TRUNK):
            self.began[news.get("DestUniqueid")] = now
        elif news.get("Event") == "Hangup" and news.get("Uniqueid") in self.began:
            self.ended.setdefault(news.get("Uniqueid"), now)

    def times_ms(self) -> list[float]:
        """How long each lived."""
        return [(ended - self.began[channel]) * 1000 for channel, ended in self.ended.items()]


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with TemporaryDirectory(prefix="bench-") as folder, somewhere(Path(folder)) as place:
        async with Lab(place, adapt=as_service) as lab, Line(place) as line:
            kills = Kills()
            watching = asyncio.create_task(_ami(lab, kills).run())
            try:
                with console.status(f"{BYPASSES} calls around the gate, {GATED_RATE} a second through it"):
                    rang, beside = await _play(lab, line)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    if len(kills.ended) < BYPASSES:
        raise LabError(f"of {BYPASSES} calls around the gate {len(kills.ended)} were hung up")
    return [*_figures(kills.times_ms(), rang), _failed(beside)]


def _figures(killed: list[float], rang: list[float]) -> list[Figure]:
    return [
        Figure(f"guard.kill_{label}_ms", percentile(killed, share), "ms", f"rang at the carrier, {label}", beside)
        for label, share in (("p50", 0.50), ("p99", 0.99))
        if (beside := percentile(rang, share)) is not None
    ]


def _failed(beside: list[Attempt]) -> Figure:
    """Gated calls that did not reach the carrier: the guard may hang up none of them."""
    failed = [attempt.status for attempt in beside if attempt.rang is None]
    note = f"they ended with {failed}" if failed else ""
    return Figure("guard.gated_failed", float(len(failed)), "calls", "placed", float(len(beside)), "<= 0", note)


def _ami(lab: Lab, kills: Kills) -> Session:
    return Session(lab.place.ami, "lab", secret(lab.place, "ami-lab"), events=True, on_news=kills.see, on_state=_ignore)


def _ignore(_: State, __: str) -> None:
    """A session that does not come up leaves nothing to measure, and that is told."""


async def _play(lab: Lab, line: Line) -> tuple[list[float], list[Attempt]]:
    """Place all calls; for how many milliseconds each telephone rang, and what came of the calls beside it."""
    rang: list[float] = []

    async def ringing(call: Call) -> None:
        began = asyncio.get_running_loop().time()
        await call.ring()
        ended = await call.until_ended(10)
        rang.append((ended.at - began) * 1000)

    clear = [number for number in NUMBERS if f"+{number}" not in LISTS["uk-tps"]]
    gated = list(islice(cycle(clear), round(GATED_RATE * BYPASSES / BYPASS_RATE)))
    async with (
        UserAgent(*lab.place.carrier2, user="carrier2", on_invite=ringing),
        UserAgent(*lab.place.liege, user="liege") as phone,
    ):
        beside = asyncio.create_task(line.calls("00", gated, GATED_RATE))
        for at in range(BYPASSES):
            await asyncio.sleep(1 / BYPASS_RATE)
            await phone.dial(f"7744207946{at:04}", lab.place.sip)
        attempts = await beside
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while len(rang) < BYPASSES:  # noqa: ASYNC110 - the last ones are on their way
                    await asyncio.sleep(0.05)
    return rang, attempts
