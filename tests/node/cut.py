"""A process that seals a recording and dies at one point of it, as in a power cut.

`python -m tests.node.cut FOLDER POINT`. What the office committed until then is a line each in the file `committed`.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callgate.core.events import Json, Kind
from callgate.pbx import recordings, spool
from callgate.pbx.sealing import Sealer
from tests.node.fakes import DECISION, NOW, FakeOffice

POINTS = (
    "before there is a sealed file",
    "before it is on disk",
    "before it has its name",
    "before its name is on disk",
    "before the commit",
    "after the commit",
    "before the second plain file goes",
    "after the plain files went",
)


class Committing(FakeOffice):
    """Its commits outlive the process."""

    def __init__(self, folder: Path, point: str) -> None:
        super().__init__([], set())
        self._file = folder / "committed"
        self._point = point

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        if self._point == "before the commit":
            die()
        with self._file.open("a") as file:
            file.write(f"{kind} {facts['sha256']}\n")
        if self._point == "after the commit":
            die()


def die() -> None:
    os._exit(9)


def dying(work: Callable[..., Any], at: int = 1) -> Callable[..., Any]:
    """Die instead of doing it for the `at`-th time."""
    times = 0

    def instead(*arguments: Any, **named: Any) -> Any:
        nonlocal times
        times += 1
        return die() if times == at else work(*arguments, **named)

    return instead


def arm(point: str) -> None:
    """Let the process die there."""
    match POINTS.index(point):
        case 0:
            recordings._make = dying(recordings._make)
        case 1:
            os.fsync = dying(os.fsync)
        case 2:
            Path.replace = dying(Path.replace)  # type: ignore[method-assign]
        case 3:
            recordings.sync = dying(recordings.sync)  # type: ignore[attr-defined]
        case 6:
            Path.unlink = dying(Path.unlink, at=2)  # type: ignore[method-assign]
        case 7:
            spool.sync = dying(spool.sync)


async def main(folder: Path, point: str) -> None:
    kept = recordings.Recordings(folder / "spool", folder / "sealed")
    arm(point)

    def alarm(what: str) -> None:
        raise AssertionError(what)

    await Sealer(Committing(folder, point), kept, lambda: NOW).seal(DECISION, "alice", alarm)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
