"""Files that somebody else's recorder wrote of a callee: destroyed where that is surely what they are.

callgate would rather leave a file than delete a wrong one. It deletes below the folders that the operator named, a
regular file with one name and no link on its way, and one that can have been created in this call: not bigger than what
a recorder writes since it was seen to begin. Anything else is an alarm that a person has to look at.
"""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from callgate.core.events import Kind
from callgate.node.exchange import Exchange
from callgate.pbx.channels import Channel

BYTES_PER_SECOND: Final = 192_000
"""Two sides of 16 bits at 48 kHz: no recorder of Asterisk writes more."""

SLACK_S: Final = 3.0
MISSING: Final = "it is not there"
TRIES, TRY_AGAIN_S = 10, 0.2


class Strays:
    """Stops a recorder that is not callgate's, and destroys what it wrote."""

    def __init__(
        self,
        roots: Sequence[Path],
        exchange: Exchange,
        clock: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._roots = roots
        self._exchange = exchange
        self._clock = clock
        self._pause = pause

    async def stop_and_destroy(self, channel: Channel, call: str, *, spare_ours: bool) -> None:
        """Stop the channel's recorders, and destroy what the latest wrote. callgate's own began before it."""
        seen = self._clock()
        name = await self._exchange.variable(channel.name, "MIXMONITOR_FILENAME")
        await (self._exchange.stop_latest_recorder if spare_ours else self._exchange.stop_recording)(channel.name)
        took = (self._clock() - seen).total_seconds() + SLACK_S
        why = await self._destroy(Path(name), round(took * BYTES_PER_SECOND)) if name else "its name is not known"
        if why == MISSING:
            return
        if why:
            self._exchange.alarm("stray-recording-left", endpoint=channel.endpoint, call=call, why=why)
        else:
            facts = {"why": "without-consent", "endpoint": channel.endpoint, "of": call}
            await self._exchange.note(Kind.RECORDING_DESTROYED, dict(facts))

    async def _destroy(self, path: Path, most: int) -> str:
        """MixMonitor makes its file with the first sound, in a thread that may do so after it was told to stop."""
        for _ in range(TRIES):
            if (why := destroy(path, self._roots, most=most)) != MISSING:
                return why
            await self._pause(TRY_AGAIN_S)
        return MISSING


def destroy(path: Path, roots: Sequence[Path], *, most: int) -> str:
    """Delete one file of at most `most` bytes; why it was left, or nothing.

    Every folder on the way is opened without following links, so that nobody can put another under the path meanwhile.
    """
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None or ".." in path.parts:
        return "it is below no folder that recordings.guarded names"
    *folders, name = path.relative_to(root).parts or ("",)
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        for step in folders:
            below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
    except OSError as error:
        return f"its folder cannot be opened: {error.strerror}"
    try:
        return _destroy_in(folder, name, most)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"it cannot be deleted: {error.strerror}"
    finally:
        os.close(folder)


def _destroy_in(folder: int, name: str, most: int) -> str:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        return "it is no regular file with one name"
    if found.st_size > most:
        return "it is bigger than what this call can have written"
    os.unlink(name, dir_fd=folder)
    return ""
