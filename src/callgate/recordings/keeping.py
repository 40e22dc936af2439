"""When recordings end: by their term, by an erasure, by somebody's word.

A file goes in three steps: nobody finds it any more, that it is destroyed is entered, it is unlinked. Cut off anywhere,
the next sweep does the rest; at worst it is entered twice, and never entered while it can still be heard. The event
names no person, so that it keeps no key alive.

Where the person's key was destroyed a file cannot be opened any more; it goes all the same, at once after an erasure
and whenever callgate starts.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
import structlog

from callgate.core.events import Event, Json, Kind
from callgate.core.retention import RecordingTerms
from callgate.core.sealedfile import Header
from callgate.recordings.archive import Archive
from callgate.recordings.listening import Recording
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger, vault
from callgate.stores.schema import ledger as ledger_table

log = structlog.stdlib.get_logger()

STEP = 200
LOOK_EVERY_S = 60.0
LOOKS_AN_HOUR = 60


async def destroy_recordings(
    ledger: Ledger, archive: Archive, calls: Collection[str], at: datetime, *, why: str, by: str
) -> int:
    """Destroy the sealed recordings of these calls; how many there were. Raises `LedgerUnavailable`, OSError."""
    headers = await asyncio.to_thread(lambda: [archive.header(call) for call in calls if archive.has(call)])
    return await _destroy(ledger, archive, headers, at, why=why, by=by)


async def withdraw(ledger: Ledger, archive: Archive, recording: Recording, at: datetime, *, by: str) -> bool:
    """Enter that a callee withdrew their consent after the call, and destroy its recording; whether there was one.

    As easy as it was given (GDPR Art. 7(3)): no reason is asked. Raises `LedgerUnavailable`, OSError.
    """
    call, controller = recording.call, recording.controller or None
    if not await ledger.read(kinds=[Kind.WITHDRAWAL], call=call, limit=1):
        (sealed, *_) = await ledger.read(kinds=[Kind.RECORDING_SEALED], call=call, limit=1)
        said: dict[str, Json] = {"by": by, "door": "officer"}
        await ledger.append([Event(Kind.WITHDRAWAL, at, call, sealed.event.number, controller, said)])
    return await destroy_recordings(ledger, archive, [call], at, why="withdrawn", by=by) > 0


async def sweep(ledger: Ledger, archive: Archive, at: datetime) -> int:
    """Destroy what nobody can open any more, and what was left half destroyed; how many there were.

    Raises `LedgerUnavailable`, OSError.
    """
    doomed = await asyncio.to_thread(lambda: list(archive.doomed()))
    count = await _destroy(ledger, archive, doomed, at, why="unfinished", by="schedule")
    kept = await asyncio.to_thread(lambda: list(archive.kept()))
    alive = await vault.alive(ledger, {bytes.fromhex(header.subject) for header in kept})
    erased = [header for header in kept if bytes.fromhex(header.subject) not in alive]
    return count + await _destroy(ledger, archive, erased, at, why="erased", by="schedule")


async def retire(
    ledger: Ledger, archive: Archive, terms: RecordingTerms, at: datetime, *, by: str, dry_run: bool = False
) -> list[str]:
    """Destroy what is past its term; the calls. With `dry_run`, destroy nothing.

    Raises `LedgerUnavailable`, OSError.
    """
    kept = await asyncio.to_thread(lambda: list(archive.kept()))
    over = [header for header in kept if header.sealed_at < at - terms.of(header.campaign)]
    if not dry_run:
        await _destroy(ledger, archive, over, at, why="term", by=by)
    return sorted(header.call for header in over)


async def _destroy(
    ledger: Ledger, archive: Archive, headers: Iterable[Header], at: datetime, *, why: str, by: str
) -> int:
    todo, count = list(headers), 0
    said: dict[str, Json] = {"why": why, "by": by, "existed": True}
    for start in range(0, len(todo), STEP):
        step = await asyncio.to_thread(_doomed, archive, todo[start : start + STEP])
        if step:
            events = [Event(Kind.RECORDING_DESTROYED, at, one.call, None, one.controller or None, said) for one in step]
            await ledger.append(events, patient=True)
        await asyncio.to_thread(_removed, archive, step)
        count += len(step)
    return count


def _doomed(archive: Archive, some: list[Header]) -> list[Header]:
    """Those of them that are doomed now, and still are after a power cut."""
    found = [one for one in some if archive.doom(one.call)]
    archive.sync()
    return found


def _removed(archive: Archive, some: list[Header]) -> None:
    for one in some:
        archive.destroy(one.call)
    archive.sync()


async def keep_recordings(
    ledger: Ledger, archive: Archive, clock: Callable[[], datetime], terms: RecordingTerms
) -> None:
    """Destroy what is to end, until cancelled: now, after each erasure, and what is past its term every hour."""
    seen, looks = -1, 0
    while True:
        try:
            erasures, hour = await _erasures(ledger), looks % LOOKS_AN_HOUR == 0
            if hour or erasures != seen:
                swept = await sweep(ledger, archive, clock())
                over = await retire(ledger, archive, terms, clock(), by="schedule")
                log.info("recordings-destroyed", swept=swept, over=len(over))
                seen = erasures
        except (LedgerUnavailable, OSError) as error:
            log.warning("recordings-not-kept", error=str(error))
        else:
            looks += 1
        await asyncio.sleep(LOOK_EVERY_S)


async def _erasures(ledger: Ledger) -> int:
    """How often keys were destroyed in this ledger, by whomever."""
    return int((await ledger.rows(sa.select(ledger_table.c.erasures)))[0][0])
