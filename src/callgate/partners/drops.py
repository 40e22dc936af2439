"""Telling without a network of ours: a file in a folder, or a command of the operator's. For anchors, which hold
nothing of a person.

The folder may be one that others copy or mount; the command may send a mail. Done is what is on disk, or what ended
with exit code 0."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callgate.core.partners import Item, Reply
from callgate.partners.errors import Undelivered

WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Folder:
    """Puts each item into a file of its own, which is there whole or not at all."""

    path: Path

    async def deliver(self, items: Sequence[Item]) -> Reply:
        """Raises `Undelivered`."""
        try:
            await asyncio.to_thread(self._write, items)
        except OSError as error:
            raise Undelivered(f"{self.path} cannot be written: {error.strerror}") from None
        return Reply(frozenset(item.id for item in items), {})

    def _write(self, items: Sequence[Item]) -> None:
        for item in items:
            part = self.path / f".{item.id}.part"
            with part.open("w", encoding="utf-8") as file:
                file.write(_text(item))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / f"{item.at:%Y-%m-%d}-{item.what}-{item.id[:8]}.json")
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True, slots=True)
class Command:
    """Runs the operator's program for each item, with the item as JSON on its standard input; no shell has a part."""

    words: tuple[str, ...]

    async def deliver(self, items: Sequence[Item]) -> Reply:
        """Raises `Undelivered` where not even the first item was taken."""
        done: set[str] = set()
        for item in items:
            try:
                await self._run(_text(item).encode())
            except Undelivered:
                if not done:
                    raise
                break
            done.add(item.id)
        return Reply(frozenset(done), {})

    async def _run(self, said: bytes) -> None:
        quiet = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *self.words, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet
            )
        except OSError as error:
            raise Undelivered(f"{self.words[0]} cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(WITHIN_S):
                await process.communicate(said)
        except TimeoutError:
            raise Undelivered(f"{self.words[0]} did not end within {WITHIN_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Undelivered(f"{self.words[0]} ended with {process.returncode}")


def _text(item: Item) -> str:
    return json.dumps(item.told(), indent=2) + "\n"
