"""A register's file into force: read and checked, written beside the ledger, loaded into Redis, entered in the ledger.

In that order. A file that is refused changes nothing; from the moment that the list file is written, Redis can be
filled with it again whatever happens, and the ledger says which version decided about a call.
"""

import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from callgate import installation
from callgate.config import Settings
from callgate.core.bulk import Numbers
from callgate.core.events import Event, Json, Kind
from callgate.registers.errors import FileRefused, Flaw
from callgate.registers.intake import Limits, Taken, take
from callgate.registers.reading import Reading, Tally
from callgate.registers.sorting import blocks_of, stored
from callgate.registers.source import OnBytes
from callgate.stores.errors import ListRefused
from callgate.stores.lists.file import ListFile, ListVersion, open_list
from callgate.stores.lists.inforce import load_list
from callgate.stores.lists.writer import write_list


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to come into force: which list, from which file, how it is read, and to when its source was true.

    `by`: who brings it; the user of this process, where nobody is named.
    """

    list: str
    file: str
    reading: Reading
    as_of: datetime
    version: str
    limits: Limits
    member: str | None = None
    by: str | None = None


def read_file(settings: Settings, wanted: Wanted, tally: Tally, on_bytes: OnBytes) -> Taken:
    """Read the file and hold it against the version in force. Raises `FileRefused` and OSError."""
    path = installation.list_path(settings, wanted.list)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = version_in_force(path)
    _check_age(wanted, old, installation.clock_of(settings)())
    return take(
        wanted.file,
        wanted.reading,
        tally,
        in_force=numbers_of(old, path.parent) if old else None,
        folder=path.parent,
        limits=wanted.limits,
        member=wanted.member,
        on_bytes=on_bytes,
    )


async def put(settings: Settings, wanted: Wanted, taken: Taken, tally: Tally) -> ListVersion:
    """Bring what was read into force. Raises what the stores raise; the ledger's part comes last."""
    country = settings.lists[wanted.list].country
    of = ListVersion(wanted.list, country, wanted.version, wanted.as_of, Path(wanted.file).name)
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, cache):
        written = write_list(installation.list_path(settings, of.id), of, blocks_of(taken.numbers))
        await load_list(cache.redis, cache.keys, written)
        entered: dict[str, Json] = {
            "list": of.id,
            "version": of.version,
            "as_of": of.scrubbed_at.isoformat(),
            "numbers": len(taken.numbers),
            "new": taken.new,
            "gone": taken.gone,
            "lines": tally.lines,
            "broken": tally.broken,
            "by": wanted.by or getpass.getuser(),
        }
        await ledger.append([Event(Kind.LIST_LOADED, clock(), payload=entered)])
    return of


def _check_age(wanted: Wanted, old: ListFile | None, now: datetime) -> None:
    if wanted.as_of > now:
        raise FileRefused(f"--as-of {wanted.as_of.isoformat()} is in the future", Flaw.FUTURE)
    if old is not None and wanted.as_of < old.of.scrubbed_at:
        raise FileRefused(
            f"it is of {wanted.as_of.isoformat()} and older than version {old.of.version}, which is in force and of"
            f" {old.of.scrubbed_at.isoformat()}",
            Flaw.OLDER,
        )


# Between columns of numbers and the list files.


def version_in_force(path: Path) -> ListFile | None:
    """The list file, where there is one that can be read: a damaged one is to be replaced, not held against."""
    try:
        return open_list(path)
    except (FileNotFoundError, ListRefused):
        return None


def numbers_of(file: ListFile, folder: Path) -> Numbers | None:
    """The numbers of a list file as a sorted column; None for a damaged one."""
    try:
        return stored(_columns(file), folder)
    except ListRefused:
        return None


def _columns(file: ListFile) -> Iterator[Numbers]:
    for chunk, offsets in file.filled():
        yield np.asarray(offsets, np.uint64) + np.uint64(chunk.base)
