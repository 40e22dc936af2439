"""The pages over empty stores, in a process of its own: `python -m bench.live_server RATE SECONDS`.

Says its address and the secret of a session; at a line on its standard input tells so many happenings a second for so
long, says `told`, and ends at the next line.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from callgate.core.access import Role
from callgate.core.events import Json
from callgate.live import Live
from tests.web.world import a_world

REASONS = ("objection", "national-list", "outside-hours", "no-consent", "contact-cap")
STAGES = ("ringing", "identifying", "asking", "recording", "closed")


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
            live.tell("call", call=f"{n // 2 % 40:016x}", stage=STAGES[n // 80 % 5], on="x", **whose)


def _now() -> datetime:
    return datetime.now(UTC)


async def main(words: Sequence[str]) -> None:
    rate, seconds = int(words[0]), int(words[1])
    with TemporaryDirectory(prefix="bench-") as name:
        async with a_world(Path(name), time=_now) as world:
            await world.user("boss", Role.SUPERVISOR)
            print(world.at("/"), await world.session("boss"), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await _tell(world.live, rate, seconds)
            print("told", flush=True)
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
