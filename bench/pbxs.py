"""Two PBXs side by side: one behind the gate, and one without it, where what people use today is measured as well.

The second has no callgate, no AMI client and no guard, so that nothing of the gate's cost falls on what it is compared
with. Each has a Redis and a carrier of its own; idle, neither takes anything from the other. Both log warnings only: a
log of every step of the dialplan would cost the gate's longer dialplan more than the others'.
"""

import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.asyncio import Redis

from bench.talking import TalkingLine
from lab.config import render, values
from lab.place import REPOSITORY, Place, somewhere
from lab.process import Process, accepts
from lab.world import Lab, run_callgate

HERE = Path(__file__).resolve().parent
SUPPRESSED = "442079460999"
LISTED = [f"4420700{n:05}" for n in range(100_000)]
"""What each variant has to look through; none of them is dialled."""
MODULES = ("res_curl.so", "func_curl.so")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to place the same calls: on which PBX, and what is dialled before the number."""

    name: str
    lab: Lab
    line: TalkingLine
    prefix: str


@asynccontextmanager
async def variants() -> AsyncIterator[dict[str, Variant]]:
    """Both PBXs are up and filled, and everything that is asked answers, while this lasts."""
    async with AsyncExitStack() as stack:
        # Two labs need two folders; a socket's path has to be short.
        folders = [Path(stack.enter_context(TemporaryDirectory(prefix="bench-"))) for _ in range(2)]
        places = [stack.enter_context(somewhere(folder)) for folder in folders]
        gated = await stack.enter_async_context(Lab(places[0], adapt=as_service))
        plain = await stack.enter_async_context(Lab(places[1], start_callgate=False, adapt=_rivals))
        await _fill_gate(gated)
        await _fill_redis(plain.place)
        await _web_service(plain.place, stack)
        lines = [await stack.enter_async_context(TalkingLine(place)) for place in places]
        made = {"gate": Variant("gate", gated, lines[0], "00")}
        for name, prefix in (("ungated", "81"), ("astdb", "82"), ("agi_script", "83"), ("curl", "84")):
            made[name] = Variant(name, plain, lines[1], prefix)
        yield made


def as_service(place: Place) -> None:
    """Calls of service: the same people are called again and again, as often as the law lets nobody call for marketing.

    The lists that the campaign names bind it all the same.
    """
    _quiet(place)
    text = place.config.read_text()
    place.config.write_text(text.replace('purpose = "marketing"', 'purpose = "service"'))


def _quiet(place: Place) -> None:
    (place.etc / "logger.conf").write_text(f"[general]\n[logfiles]\n{place.logs}/asterisk.log => warning,error\n")
    options = place.etc / "asterisk.conf"
    options.write_text(options.read_text().replace("verbose = 3", "verbose = 0"))


def _rivals(place: Place) -> None:
    _quiet(place)
    known = values(place) | {"AGI_SCRIPT": str(_script(place))}
    with (place.etc / "extensions.conf").open("a") as dialplan:
        dialplan.write(render(HERE / "extensions.conf", known))
    with (place.etc / "modules.conf").open("a") as modules:
        modules.writelines(f"load = {module}\n" for module in MODULES)
    # The table that Asterisk makes itself where there is none: main/db.c.
    with sqlite3.connect(place.asterisk / "db" / "astdb.sqlite3") as database:
        database.execute("CREATE TABLE astdb(key TEXT, value TEXT, PRIMARY KEY(key))")
        rows = ((f"/suppressed/{number}", "1") for number in (SUPPRESSED, *LISTED))
        database.executemany("INSERT INTO astdb VALUES (?, ?)", rows)
    database.close()


def _script(place: Place) -> Path:
    """The AGI script, to be run by this very Python: `env` may find a wrapper that takes longer than the script."""
    script = place.asterisk / "agi" / "check"
    script.write_text(f"#!{Path(sys.executable).resolve()} -IS\n{(HERE / 'agi_script.py').read_text()}")
    script.chmod(0o755)
    return script


async def _fill_gate(lab: Lab) -> None:
    await run_callgate(lab.place, "lists", "import", "-", "--list", "uk-tps", stdin="\n".join(f"+{n}" for n in LISTED))
    await run_callgate(lab.place, "suppress", "add", f"+{SUPPRESSED}", "--controller", "acme", "--reason", "bench")


async def _fill_redis(place: Place) -> None:
    address = place.redis
    async with Redis(host=address.host, port=address.port) as redis, redis.pipeline(transaction=False) as pipe:
        pipe.sadd("suppressed", SUPPRESSED, *LISTED)
        await pipe.execute()


async def _web_service(place: Place, stack: AsyncExitStack) -> None:
    # On callgate's own port, where the ungated lab has nobody.
    command = (sys.executable, "-m", "bench.web_service", *map(str, place.http), f"redis://{place.redis}/0")
    asked = ("env", f"PYTHONPATH={REPOSITORY}", *command)
    service = Process("web-service", asked, place, ready=partial(accepts, place.http), deadline=10)
    stack.push_async_callback(service.stop)
    await service.start()
