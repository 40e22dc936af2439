"""How soon an objection holds elsewhere: from the callee's key in a call on one PBX to the first blocked dial on
another.

Real calls through two real Asterisks, each with a callgate of its own, over one PostgreSQL and one Redis. A callee of
`brussels` on the first presses 9 while the notice plays; from that moment `lille` dials the same number on the second,
again and again, until the callgate there says that it is blocked because the person objected. Before that the dials are
blocked too, since the person is being called; those do not count. The key is held for 160 ms, which are in the figure,
and so is the wait for the next dial. All of it is on one machine: what lies between two sites comes on top.

Beside it stands what a block takes that needs no propagation: a dial there of somebody who objected long ago.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench.report import Figure, percentile
from lab.pair import pair
from lab.process import LabError
from lab.scene import Scene
from lab.sip import Call, CallEnded

NUMBERS = [f"33199{n:06}" for n in range(1200, 1320)]
"""People who consented in the lab; each objects once."""
EVERY_S = 0.025
"""Between two dials of the other centre."""
WITHIN_S = 5.0
PERCENTILES = {"p50": 0.50, "p99": 0.99}


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with console.status("starting two PBXs") as status, TemporaryDirectory(prefix="bench-") as folder:
        times, known = await _measured(Path(folder), status.update)
    return [
        Figure(
            f"rights.propagation_{label}_ms",
            percentile(times, share),
            "ms",
            f"a dial of one who objected before, {label}",
            percentile(known, share),
            note=f"{len(times)} objections, two PBXs; key held 160 ms, dials every {EVERY_S * 1000:g} ms",
        )
        for label, share in PERCENTILES.items()
    ]


async def _measured(folder: Path, say: Callable[[str], None]) -> tuple[list[float], list[float]]:
    """Milliseconds of each objection, and of a dial of each afterwards."""
    async with pair(lambda name: folder / name) as (here, there):
        times = []
        for done, number in enumerate(NUMBERS):
            say(f"objections: {done} of {len(NUMBERS)}")
            times.append(await _propagates(here, there, number))
        return times, [await _is_blocked(there, number) for number in NUMBERS]


async def _propagates(here: Scene, there: Scene, number: str) -> float:
    """Milliseconds from the key in a call here to the first dial there that is blocked for the objection."""
    since = here.watcher.mark()
    agent = await here.dial("brussels", f"00{number}")
    callee = await here.callee(number)
    await callee.answer()
    await here.stage("identifying", since)
    pressing = asyncio.create_task(_press(callee))
    blocked, dialled = await _until_blocked(there, number, there.watcher.mark())
    began = await pressing
    await _quiet(here, [agent])
    await _quiet(there, dialled)
    return (blocked - began) * 1000


async def _press(callee: Call) -> float:
    """The moment at which the callee's key went down. The call may end before it is up."""
    began = asyncio.get_running_loop().time()
    with suppress(CallEnded):
        return await callee.press("9")
    return began


async def _until_blocked(scene: Scene, number: str, since: int) -> tuple[float, list[Call]]:
    """When callgate told the first block for an objection, and the calls that were dialled for it."""
    told = asyncio.create_task(scene.watcher.until("block", since, WITHIN_S, centre="lille", reason="objection"))
    dialled: list[Call] = []
    while not told.done():
        dialled.append(await scene.dial("lille", f"00{number}"))
        await asyncio.wait({told}, timeout=EVERY_S)
    await told
    return asyncio.get_running_loop().time(), dialled


async def _is_blocked(scene: Scene, number: str) -> float:
    """Milliseconds from a dial to the block of somebody who objected before."""
    since, began = scene.watcher.mark(), asyncio.get_running_loop().time()
    call = await scene.dial("lille", f"00{number}")
    fact = await scene.watcher.until("block", since, WITHIN_S, centre="lille")
    at = asyncio.get_running_loop().time()
    await _quiet(scene, [call])
    if fact["reason"] != "objection":
        raise LabError(f"a number that was objected to was blocked for {fact['reason']}")
    return (at - began) * 1000


async def _quiet(scene: Scene, calls: list[Call]) -> None:
    """End what rings or plays, so that no measurement hears another."""
    for call in calls:
        with suppress(CallEnded, TimeoutError):
            await call.hangup()
    await scene.lab.no_channels(10)
