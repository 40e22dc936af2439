"""The lab: a real Asterisk, a real Redis and callgate, up inside `async with Lab(place)` and gone after it."""

import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from callgate.core import emergency
from lab import config
from lab.asterisk import Asterisk
from lab.place import REPOSITORY, Place
from lab.process import LabError, Process, until
from lab.redis import Redis

PROGRAM = Path(sys.executable).with_name("callgate")

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


async def build_prompts(place: Place) -> None:
    """What callees and agents hear; a moment when it was built before. Raises `LabError` with what the build said."""
    building = await asyncio.create_subprocess_exec(
        PROGRAM,
        "prompts",
        "build",
        "--config",
        place.config,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await building.communicate()
    if building.returncode != 0:
        raise LabError(f"callgate prompts build: {said.decode(errors='replace').strip()}")


class Lab:
    """Everything on one place, which the caller has claimed (`lab.place.claimed`, `lab.place.somewhere`).

    Each program can be stopped, killed, frozen and started again while the lab is up.
    """

    def __init__(self, place: Place, *, start_callgate: bool = True) -> None:
        self.place = place
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
                await build_prompts(self.place)
            for process in self._starts:
                await process.start()
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


def clear(place: Place) -> None:
    """Remove what a lab leaves in its folder: configuration, secrets, state, logs, sockets. Results stay."""
    for folder in (place.run, place.logs, place.state, place.asterisk, place.secrets):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (place.config, place.env):
        file.unlink(missing_ok=True)
