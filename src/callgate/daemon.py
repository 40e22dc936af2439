"""`callgate serve`: builds everything, starts it in order, stops it in order.

What cannot be mended by waiting (a bad configuration, no prompts, a ledger that cannot be opened, a port that is taken)
ends it at once with a sentence. What can (Redis or AMI away) does not: the gate is closed until it is back.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from callgate import config, front, notes
from callgate.config import Settings
from callgate.core import emergency
from callgate.core.law import daysoff
from callgate.core.policy import Policy
from callgate.hooking import Hooking
from callgate.installation import (
    archive_of,
    clock_of,
    desk_of,
    door_of,
    list_files,
    outside_lines,
    recording_terms_of,
    recordings_of,
    stores,
    terms_of,
    true_at,
)
from callgate.live import Live
from callgate.node.later import LateFile
from callgate.node.node import Node, Station
from callgate.office.abandonment import Abandonment
from callgate.office.local import LocalOffice, keep_held
from callgate.office.policing import Policing
from callgate.pace import set_pace
from callgate.partnering import Partnering
from callgate.recordings.keeping import keep_recordings
from callgate.rights.watch import RightsWatch
from callgate.stores.ledger.schedule import keep_checkpoints, keep_terms, try_checkpoint
from callgate.supply.schedule import Job, Supply, run_fetch
from callgate.watching.alarms import Alarms
from callgate.watching.keeper import Keeper
from callgate.watching.lapses import LapseWatch
from callgate.watching.lists import ListWatch
from callgate.watching.metrics import MeasuredOffice, Metrics
from callgate.web.dialers import Dialers

log = structlog.stdlib.get_logger()


def languages_of_notes(settings: Settings) -> set[str]:
    """The languages in which notes may be written: none where no campaign takes any, and no CRM asks."""
    screened = (table for table in settings.campaigns.values() if table.notes or settings.http.screens_notes)
    spoken = {language for table in screened for language in table.languages.values()}
    return spoken | {centre.language for centre in settings.centres.values()} if spoken else set()


def countries_of(policy: Policy) -> frozenset[str]:
    """The countries that any campaign calls."""
    return frozenset[str]().union(*(campaign.countries for campaign in policy.campaigns.values()))


def jobs_of(settings: Settings) -> tuple[Job, ...]:
    """The lists that are fetched."""
    return tuple(Job(name, table.fetch.every) for name, table in settings.lists.items() if table.fetch is not None)


def station_of(settings: Settings) -> Station:
    """What the node is to know of its PBX. Raises `BadConfig` for a secret that cannot be used."""
    return Station(
        pbx=settings.pbx.name,
        agi=(settings.pbx.agi.host, settings.pbx.agi.port),
        agi_allowed=settings.pbx.agi_allowed,
        ami=(settings.pbx.ami.host, settings.pbx.ami.port),
        ami_user=settings.pbx.ami_user,
        ami_secret=config.read_secret(settings.pbx.ami_secret_file).decode(),
        trunks=settings.pbx.trunks,
        emergency=emergency.dialled_forms(settings.site.country, outside_lines(settings)),
        token_key=config.read_secret(settings.secrets.token_key_file),
        guarded=settings.recordings.guarded,
    )


async def serve(settings: Settings, config_file: Path, reload: Callable[[], Settings]) -> None:
    """Run until SIGTERM or SIGINT; at SIGHUP `reload` reads the configuration again, for its policy.

    `config_file` is for the processes that fetch lists.

    Raises what the module's text names.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = clock_of(settings)
    station = station_of(settings)
    async with AsyncExitStack() as stack:
        ledger, cache = await stack.enter_async_context(stores(settings, settings.ledger.writer, clock))
        # Whatever ends this, an error too: what was written until then is signed.
        stack.push_async_callback(try_checkpoint, ledger, clock)
        live = Live(clock)
        # Before the gate opens: nobody on the telephone waits while the words are read.
        languages = languages_of_notes(settings)
        notes.prepare(languages)

        def alarm(what: str, why: str = "") -> None:
            alarms.sound(what, why=why)

        policing = Policing(settings, reload, ledger, clock, alarm)
        loop.add_signal_handler(signal.SIGHUP, policing.want)
        # Before the gate opens, likewise: whoever takes over from a callgate that died is asked at once.
        daysoff.prepare(countries_of(policing.policy), clock().year)
        # What the ledger and these brought in is never looked through again.
        set_pace()
        keeper = Keeper(cache, ledger, lambda: list_files(settings))
        abandonment = Abandonment(ledger, policy=lambda: policing.policy, clock=clock)
        office = LocalOffice(
            ledger,
            cache,
            policy=lambda: policing.policy,
            clock=clock,
            doubt=keeper.doubt,
            alarm=alarm,
            shares=abandonment.shares,
        )
        metrics = Metrics()
        ledger.timed = metrics.time_commit
        measured = MeasuredOffice(office, metrics)
        later = LateFile(settings.office.state / "late.jsonl", measured, clock)
        recordings = recordings_of(settings)
        alarms = Alarms(live, later, ledger, clock)
        node = Node(
            station,
            office=measured,
            catalogue=lambda: policing.catalogue,
            recordings=recordings,
            later=later,
            live=live,
            clock=clock,
        )

        lists = ListWatch(
            cache,
            rules=lambda: policing.policy.lists,
            clock=clock,
            alarm=lambda aged: alarms.sound(aged.age, list=aged.list, detail=f"{aged.list} {aged.says}"),
            files=lambda: list_files(settings),
        )

        lapses = LapseWatch(
            policy=lambda: policing.policy,
            clock=clock,
            alarm=alarm,
        )
        supply = Supply(
            jobs_of(settings),
            partial(run_fetch, config_file),
            true_at=partial(true_at, settings),
            clock=clock,
            alarm=alarm,
        )

        partnering = Partnering(
            settings,
            ledger,
            cache.tokens,
            office.suppress,
            clock=clock,
            alarm=alarm,
        )
        hooking = Hooking(settings, ledger, clock=clock, alarm=alarm)
        desk = desk_of(settings, ledger, office, recordings, policy=lambda: policing.policy, clock=clock)
        rights = RightsWatch(desk, alarm=alarm)
        door = door_of(settings, ledger, clock)
        dialers = Dialers(measured, live, clock, station.token_key, later.keep)
        parts = front.Parts(
            settings, config_file, reload, clock, ledger, cache, office, keeper, node, live, metrics, door, dialers,
            policy=lambda: policing.policy, partnering=partnering, recordings=recordings, archive=archive_of(settings),
            desk=desk, rights=rights, languages=frozenset(languages), alarm=alarm, alarms=alarms,
        )  # fmt: skip
        front.watch(parts)

        tasks = [
            asyncio.create_task(keeper.run(), name="keeper"),
            asyncio.create_task(keep_held(office), name="held"),
            asyncio.create_task(policing.run(), name="policy"),
            asyncio.create_task(node.run(), name="node"),
            asyncio.create_task(lists.run(), name="lists"),
            asyncio.create_task(abandonment.run(), name="abandonment"),
            asyncio.create_task(lapses.run(), name="lapses"),
            asyncio.create_task(supply.run(), name="supply"),
            asyncio.create_task(rights.run(), name="rights"),
            asyncio.create_task(keep_checkpoints(ledger, clock), name="checkpoints"),
            asyncio.create_task(
                keep_recordings(ledger, archive_of(settings), clock, recording_terms_of(settings)), name="recordings"
            ),
            asyncio.create_task(keep_terms(ledger, clock, terms_of(settings)), name="retention"),
            asyncio.create_task(front.keep_board(parts, await ledger.last_seq()), name="board"),
            asyncio.create_task(partnering.run(), name="partners"),
            asyncio.create_task(hooking.run(), name="hooks"),
            asyncio.create_task(metrics.follow(live), name="metrics"),
            asyncio.create_task(door.run(), name="door"),
            asyncio.create_task(front.take_up_calls(door, dialers), name="dialers"),
            asyncio.create_task(front.serve_http(front.services_of(parts)), name="http"),
        ]
        await _until_stopped(tasks, stop)


async def _until_stopped(tasks: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Wait for the signal, or for a task that ends by itself, which none should; then end them all."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    stopping.cancel()
    ended = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
    for task in ended:
        task.result()
