"""A lab in the background: `make lab-up` leaves one behind, `make lab-down` ends it.

One process, the keeper, holds the lab as a test would, in `async with Lab(place)`. Who it is needs no pid file: the
kernel knows who holds the claim on the folder, and that claim ends with it. If the keeper is killed, all that it
started is killed with it (lab.process).
"""

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from lab.people import MACHINE, PEOPLE, read_people
from lab.place import REPOSITORY, Place, claimed, holder
from lab.process import Process, udp_bound
from lab.world import Lab, clear

READY = "ready"
"""The keeper's last line to the one who started it."""


def up(place: Place) -> bool:
    """Bring a lab up in the background; return once it is ready, or False when it is not, after it said why."""
    keeper = subprocess.Popen(
        (sys.executable, "-m", "lab", "keep"),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    assert keeper.stdout is not None
    try:
        for line in keeper.stdout:
            if line.rstrip() == READY:
                return True
            print(line, end="", flush=True)
    except KeyboardInterrupt:
        keeper.terminate()
    keeper.wait()
    return False


async def keep(place: Place) -> None:
    """Hold a lab until SIGTERM. Raises what `claimed` and `Lab` raise."""
    ended = asyncio.current_task()
    assert ended is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.cancel)
    with claimed(place):
        with contextlib.suppress(asyncio.CancelledError):
            async with Lab(place, start_callgate=os.environ.get("CALLGATE") != "none"), _carrier(place):
                place.env.touch(mode=0o600)  # there are passwords in it
                place.env.write_text(environment(place))
                _say_ready(place)
                await asyncio.Event().wait()
        clear(place)


def down(place: Place, grace: float = 20.0) -> bool:
    """End the lab in the folder of `place` and remove what it left. False when there was none."""
    pid = holder(place)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _left(place, grace):
            os.kill(pid, signal.SIGKILL)
            _left(place, grace)
    clear(place)
    return pid is not None


def processes(place: Place) -> dict[str, int]:
    """What the lab runs: name → pid."""
    return {file.stem: int(file.read_text()) for file in sorted(place.run.glob("*.pid"))}


def environment(place: Place) -> str:
    """A file for the shell: after `. .lab/env` the commands of this checkout act on this lab."""
    exported = {
        "CALLGATE_CONFIG": str(place.config),
        "LAB_NET": place.net,
        "LAB_FOLDER": str(place.folder),
        "LAB_HTTP": f"http://{place.http}",
        "LAB_REDIS": f"redis://{place.redis}",
    }
    people = read_people(place)
    exported |= {f"LAB_{name.upper()}_PASSWORD": people[name] for name in PEOPLE if name in people}
    exported |= {"LAB_TOKEN": people[MACHINE]} if MACHINE in people else {}
    path = shlex.quote(str(Path(sys.executable).parent))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
    # Sourced twice, the path still holds it once.
    lines.append(f'case ":$PATH:" in *:{path}:*) ;; *) export PATH={path}:"$PATH" ;; esac')
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def _carrier(place: Place) -> AsyncIterator[None]:
    """A carrier with callees who answer, unless CARRIER=none leaves the address to someone else's."""
    if os.environ.get("CARRIER") == "none":
        yield
        return

    async def answers() -> bool:
        return udp_bound(place.carrier)

    process = Process("carrier", (sys.executable, "-m", "lab", "carrier"), place, ready=answers, deadline=10)
    await process.start()
    try:
        yield
    finally:
        await process.stop()


def _say_ready(place: Place) -> None:
    print(READY, flush=True)
    # Whoever started us goes away now; what is said from here on is for the log.
    log = os.open(place.logs / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _left(place: Place, deadline: float) -> bool:
    """Whether the keeper gave its claim up within `deadline` seconds."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if holder(place) is None:
            return True
        time.sleep(0.02)
    return False
