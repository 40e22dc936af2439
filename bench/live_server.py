"""The pages over an empty ledger, in a process of its own: `python -m bench.live_server RATE SECONDS`.

Says its address; at a line on its standard input tells so many happenings a second for so long, says `told`, and ends
at the next line.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from aiohttp import web

from bench.decide import POLICY
from bench.ledger import opened
from callgate.alarms import Alarms
from callgate.core.events import Event, Json
from callgate.core.gate import ListState
from callgate.live import Live
from callgate.onfile import OnFile
from callgate.web.app import make_app
from callgate.web.pages.site import House

REASONS = ("objection", "national-list", "outside-hours", "no-consent", "contact-cap")
STAGES = ("ringing", "identifying", "asking", "recording", "closed")


class _Nobody:
    """An office and a file of what is owed, of which nothing is asked here."""

    async def object(self, call: str, by: str) -> None: ...

    async def suppress(self, *events: Event) -> None: ...

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None: ...


async def _none(_: str) -> list[OnFile]:
    return []


async def _no_lists() -> dict[str, ListState]:
    return {}


async def _tell(live: Live, rate: int, seconds: int) -> None:
    """Blocks and stages in turn, evenly spaced."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for n in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + n / rate - loop.time()))
        whose: dict[str, Json] = {
            "number": f"+33 ••• {n % 90 + 10}",
            "campaign": "spring",
            "controller": "acme",
            "centre": "lille",
            "agent": f"PJSIP/agent-{n % 40}",
        }
        if rate == 1 or n % 2:
            detail = "an objection with the scope controller is on file (GDPR Art. 21)"
            live.tell("block", call=f"{n:016x}", reason=REASONS[n % 5], detail=detail, **whose)
        else:
            live.tell("call", call=f"{n // 10 % 40:016x}", stage=STAGES[n // 2 % 5], on="x", **whose)


async def main(words: Sequence[str]) -> None:
    rate, seconds = int(words[0]), int(words[1])

    def clock() -> datetime:
        return datetime.now(UTC)

    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with opened(f"sqlite:///{folder}/ledger.db", folder) as ledger:
            live, nobody = Live(clock), _Nobody()
            house = House(
                live=live, ledger=ledger, clock=clock, policy=lambda: POLICY, office=nobody, on_file=_none,
                alarms=Alarms(live, nobody, ledger, clock), lists=_no_lists,
            )  # fmt: skip
            runner = web.AppRunner(make_app(house, list), access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            print(f"http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await _tell(live, rate, seconds)
            print("told", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
