"""The lab: a real Asterisk, a real Redis and callgate, up inside `async with Lab(place)` and gone after it."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from callgate.core import emergency
from lab import config
from lab.asterisk import Asterisk
from lab.people import make_people
from lab.place import REPOSITORY, Place
from lab.process import LabError, Process, until
from lab.redis import Redis

PROGRAM = Path(sys.executable).with_name("callgate")

LISTS = {"uk-tps": ("+442079460201", "+442079460202"), "be-dncm": ("+3225550201", "+3225550202")}
"""The national lists of the lab's campaign. The UK keeps 020 7946 0 for fiction; Belgium keeps no range."""

CONSENTS = "number,given,proof\n" + "".join(f"+33199{n:06},2026-11-01,the lab's own word\n" for n in range(1200, 1500))
"""The people whom the lab calls in France, where marketing needs a consent. One of them may be called four times."""

COUNTRY = "BE"
"""Where the lab's PBX stands."""


async def is_ready(place: Place) -> bool:
    """Whether callgate would allow calls: it says so on /readyz."""
    try:
        reader, writer = await asyncio.open_connection(*place.http)
    except OSError:
        return False
    try:
        writer.write(f"GET /readyz HTTP/1.0\r\nHost: {place.http}\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


def callgate(place: Place) -> Process:
    """callgate on the lab's address, to be started."""
    command = (str(PROGRAM), "serve", "--config", str(place.config))
    return Process("callgate", command, place, ready=partial(is_ready, place), deadline=20)


async def run_callgate(place: Place, *words: str, stdin: str = "") -> str:
    """Run a callgate command on a lab; what it said. Raises `LabError` with that when it fails."""
    running = await asyncio.create_subprocess_exec(
        PROGRAM,
        *words,
        "--config",
        place.config,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate(stdin.encode())
    if running.returncode != 0:
        raise LabError(f"callgate {' '.join(words)}: {said.decode(errors='replace').strip()}")
    return said.decode()


class Lab:
    """Everything on one place, which the caller has claimed (`lab.place.claimed`, `lab.place.somewhere`).

    Each program can be stopped, killed, frozen and started again while the lab is up.
    """

    def __init__(
        self, place: Place, *, start_callgate: bool = True, adapt: Callable[[Place], None] = lambda _: None
    ) -> None:
        """`adapt` may change the files that Asterisk and callgate are about to read."""
        self.place = place
        self._adapt = adapt
        self.redis = Redis(place)
        self.asterisk = Asterisk(place)
        self.callgate = callgate(place)
        self._starts = [self.redis, self.asterisk, *([self.callgate] if start_callgate else [])]
        self._up = AsyncExitStack()

    async def __aenter__(self) -> Self:
        clear(self.place)
        self._configure()
        async with AsyncExitStack() as stack:
            # callgate may be started later by hand, so that it is stopped here in any case.
            for process in (self.redis, self.asterisk, self.callgate):
                stack.push_async_callback(process.stop)
            if self.callgate in self._starts:
                await run_callgate(self.place, "prompts", "build")
                await make_people(self.place)
            for process in self._starts:
                await process.start()
            if self.callgate in self._starts:
                for name, numbers in LISTS.items():
                    await run_callgate(self.place, "lists", "import", "-", "--list", name, stdin="\n".join(numbers))
                await run_callgate(self.place, "consents", "import", "-", "--controller", "acme", stdin=CONSENTS)
            self._up = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._up.aclose()

    async def no_channels(self, deadline: float = 5.0) -> None:
        """Return once every call has ended. Raises `LabError` that lists what is left after `deadline` seconds."""

        async def none() -> bool:
            return await self.asterisk.channels() == 0

        try:
            await until(none, "every channel gone", deadline)
        except LabError as error:
            raise LabError(f"{error}\n{await self.asterisk.cli('core show channels concise')}") from None

    def _configure(self) -> None:
        for folder in (self.place.run, self.place.logs, self.place.state, self.place.asterisk):
            folder.mkdir(parents=True)
        config.make_secrets(self.place)
        template = REPOSITORY / "lab" / "callgate.toml.in"
        if self.callgate in self._starts:
            self.place.config.write_text(config.render(template, config.values(self.place)))
        self.asterisk.configure(emergency.context(COUNTRY))
        self._adapt(self.place)


def clear(place: Place) -> None:
    """Remove what a lab leaves in its folder: configuration, secrets, state, logs, sockets. Results stay."""
    for folder in (place.run, place.logs, place.state, place.asterisk, place.secrets):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (place.config, place.env):
        file.unlink(missing_ok=True)
