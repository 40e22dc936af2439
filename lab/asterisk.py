"""The lab's Asterisk: started from a configuration of its own, and asked things through its control socket.

One in a container sees the lab's folder under the same path and has the host's network, so that nothing else of the lab
knows the difference.
"""

import asyncio
import os
import re
import subprocess

from lab.config import write_asterisk
from lab.install import Install, find
from lab.place import Place
from lab.process import LabError, Process


class Asterisk(Process):
    """A real Asterisk on the lab's address."""

    def __init__(self, place: Place) -> None:
        self._install = find()
        self._place = place
        self._container = f"callgate-lab-{place.net}" if self._install.image else ""
        start, ask = _commands(self._install, place, self._container)
        configuration = ("-C", str(place.etc / "asterisk.conf"))
        self._ask = (*ask, *configuration)
        # In the foreground (-f), so that its pid is the one we started.
        super().__init__("asterisk", (*start, *configuration, "-f"), place, ready=self._booted, deadline=15)

    def configure(self, emergency: str) -> None:
        """Write its configuration. `emergency` is the text of callgate-emergency.conf."""
        write_asterisk(self._place, self._install, emergency)

    async def kill(self) -> None:
        """End it at once. A container outlives the client that started it, so it is ended by its name."""
        if self._container:
            removing = ("docker", "rm", "--force", self._container)
            await asyncio.to_thread(subprocess.run, removing, capture_output=True, check=False)
        await super().kill()

    async def cli(self, command: str) -> str:
        """What the console answers to `command`. Raises `LabError` when Asterisk cannot be asked."""
        asking = await asyncio.create_subprocess_exec(
            *self._ask, "-rx", command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asking.communicate()
        text = said.decode(errors="replace")
        if asking.returncode != 0:
            raise LabError(f"asterisk -rx {command!r}: {text.strip()}")
        return text

    def complaints(self) -> list[str]:
        """The warnings and errors in its log."""
        return [
            line for line in self.log.read_text(errors="replace").splitlines() if re.search(r" (WARNING|ERROR)\[", line)
        ]

    async def channels(self) -> int:
        """How many channels there are."""
        said = await self.cli("core show channels count")
        found = re.search(r"^(\d+) active channel", said, re.MULTILINE)
        if found is None:
            raise LabError(f"core show channels count: {said!r}")
        return int(found[1])

    async def _booted(self) -> bool:
        if not self._place.asterisk_socket.exists():
            return False
        try:
            # Answers when every module is loaded, not before.
            await self.cli("core waitfullybooted")
        except LabError:
            return False  # the socket file is there a moment before anyone listens
        return True


def _commands(install: Install, place: Place, container: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before Asterisk's arguments to start it, and to ask it."""
    if not container:
        return install.command, install.command
    start = (
        "docker", "run", "--rm", "--name", container, "--network", "host", "--user", f"{os.getuid()}:{os.getgid()}",
        "--volume", f"{place.folder}:{place.folder}", "--volume", f"{place.prompts}:{place.prompts}:ro",
        "--entrypoint", "asterisk", install.image,
    )  # fmt: skip
    return start, ("docker", "exec", container, "asterisk")
