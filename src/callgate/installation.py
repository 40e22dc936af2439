"""What an installation consists of, by its settings: its clock, stores, files, terms and secrets.

Every command opens what it needs here, and `daemon` all of it. What only serves calls is not imported by this: a
command is there at once.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from callgate import config
from callgate.clock import Clock, shifted_clock, system_clock
from callgate.config import Settings, law
from callgate.core.events import DataClass
from callgate.core.policy import Policy
from callgate.core.retention import RecordingTerms, Terms, asked_by_law
from callgate.office.local import LocalOffice
from callgate.partnering import Erasing, partners_of
from callgate.pbx.recordings import Recordings
from callgate.recordings.archive import Archive
from callgate.recordings.keeping import destroy_recordings
from callgate.rights.desk import Desk
from callgate.stores.accounts import Accounts
from callgate.stores.cache.connection import connect
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.encoding import read_keys
from callgate.stores.errors import ListRefused
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.keyfile import read_ledger_keys
from callgate.stores.lists.file import ListFile, open_list
from callgate.stores.outbox import Outbox
from callgate.stores.tokens import stored_tokens
from callgate.web.auth.door import Door
from callgate.web.auth.door import Terms as SessionTerms
from callgate.web.auth.passwords import Passwords

log = structlog.stdlib.get_logger()


def clock_of(settings: Settings) -> Clock:
    """The policy's clock: the machine's, but in the lab."""
    return shifted_clock(settings.lab.now, settings.lab.since) if settings.lab.now else system_clock


def list_files(settings: Settings) -> list[ListFile]:
    """The national lists on disk, from which Redis can be filled at any time. Damaged ones are named and left out."""
    found = []
    for name in settings.lists:
        path = list_path(settings, name)
        try:
            found.append(open_list(path))
        except FileNotFoundError:
            continue
        except ListRefused as error:
            log.error("list-damaged", list=name, error=str(error))
    return found


def list_path(settings: Settings, name: str) -> Path:
    """Where a list's file is."""
    return settings.office.state / "lists" / f"{name}.list"


def true_at(settings: Settings, name: str) -> datetime | None:
    """The moment to which the file of a list is true; None where there is no file that can be read."""
    try:
        return open_list(list_path(settings, name)).of.scrubbed_at
    except (OSError, ListRefused):
        return None


def terms_of(settings: Settings) -> Terms:
    """How long the ledger keeps what it says."""
    days = settings.retention
    by_law = asked_by_law(law.book(settings.law), DataClass.PROOF)
    return Terms(timedelta(days.contact_days), timedelta(days.recording_days), timedelta(days.proof_days), by_law)


def recordings_of(settings: Settings) -> Recordings:
    """The spool and the folder of sealed recordings."""
    table = settings.recordings
    return Recordings(table.spool, table.sealed, table.min_free_mib * 2**20)


def archive_of(settings: Settings) -> Archive:
    """The sealed recordings."""
    return Archive(settings.recordings.sealed)


def recording_terms_of(settings: Settings) -> RecordingTerms:
    """How long recordings are kept."""
    days = settings.retention
    of = {campaign: timedelta(count) for campaign, count in days.recording_days_of.items()}
    return RecordingTerms(timedelta(days.recording_days), of)


def door_of(settings: Settings, ledger: Ledger, clock: Clock) -> Door:
    """Where users come in."""
    http = settings.http
    terms = SessionTerms(timedelta(minutes=http.session_idle_minutes), timedelta(hours=http.session_hours))
    return Door(Accounts(ledger, clock), Passwords(), clock, terms)


def journal_of(settings: Settings) -> Journal:
    """The journal of erasures, beside the office's other files."""
    return Journal(settings.office.state / "erasures.journal")


def desk_of(
    settings: Settings,
    ledger: Ledger,
    office: LocalOffice,
    recordings: Recordings,
    *,
    policy: Callable[[], Policy],
    clock: Clock,
) -> Desk:
    """Where requests of persons are handled. `recordings` are the node's, where it runs in this process."""
    archive = archive_of(settings)

    async def destroy(calls: Sequence[str]) -> list[str]:
        sealed = [call for call in calls if await asyncio.to_thread(archive.has, call)]
        await destroy_recordings(ledger, archive, sealed, clock(), why="erasure", by="callgate")
        # What still waits to be sealed, where the PBX is this machine's.
        return [call for call in calls if await recordings.destroy(call) or call in sealed]

    partners = Erasing(Outbox(ledger, partners_of(settings), clock), ledger)
    return Desk(ledger, office, journal_of(settings), terms_of(settings), clock, policy, partners, destroy)


def command_writer() -> str:
    """The ledger writer's name of one command: several may run beside the daemon, each with its own."""
    return f"command-{os.getpid()}"


def redis_of(settings: Settings) -> Client:
    """A client of Redis. Raises `BadConfig` where its URL is none."""
    try:
        return connect(settings.redis.url)
    except ValueError as error:
        raise config.BadConfig([config.Problem("redis.url", str(error))]) from None


@asynccontextmanager
async def stores(settings: Settings, writer: str, clock: Clock) -> AsyncIterator[tuple[Ledger, SuppressionCache]]:
    """The ledger and the cache, open. Raises `LedgerRefused`, `BadKeyFile`, `BadConfig`."""
    tokens = read_keys(settings.secrets.suppression_key_file)
    keys = read_ledger_keys(settings.secrets.ledger_key_file)
    redis = redis_of(settings)
    try:
        ledger = await Ledger.open(settings.ledger.url, writer, clock, keys=keys, tokens=partial(stored_tokens, tokens))
        try:
            yield ledger, SuppressionCache(redis, Keys(settings.redis.prefix), tokens, ledger.identity)
        finally:
            await ledger.close()
    finally:
        await redis.aclose()


def opened(settings: Settings) -> AbstractAsyncContextManager[tuple[Ledger, SuppressionCache]]:
    """The stores as a command opens them: under a name of its own. Raises as `stores`."""
    return stores(settings, command_writer(), clock_of(settings))


def outside_lines(settings: Settings) -> tuple[str, ...]:
    """The prefixes behind which the PBX dials outside."""
    return (settings.site.outside_line,) if settings.site.outside_line else ()
