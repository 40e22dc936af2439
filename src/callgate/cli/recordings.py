"""`callgate recordings`: what was recorded, to be heard, to leave the house with its proof, and to end.

Who runs a command on the office's own machine, with its keys, is an officer; the ledger keeps the name that they give.
"""

import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, fail, out, print_json, run
from callgate.cli.ledger import TIMES
from callgate.config import Settings
from callgate.core.access import Principal, Role
from callgate.core.sealedfile import NotSealed
from callgate.recordings import keeping
from callgate.recordings.export import Exported, Format, NoEncoder, export
from callgate.recordings.listening import Listening, NoRecording, Recording
from callgate.stores.ledger import Ledger

T = TypeVar("T")

app = typer.Typer(help="Recordings: find, hear, export, end.", no_args_is_help=True)

Call = Annotated[str, typer.Argument(help="The CALLGATE_ID of the call.")]
Who = Annotated[str, typer.Option("--by", help="Who listens; the ledger keeps this.")]


@asynccontextmanager
async def _office(config_file: Path) -> AsyncIterator[tuple[Settings, Ledger, Listening]]:
    settings = config.load(config_file)
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, _):
        yield settings, ledger, Listening(ledger, installation.archive_of(settings), clock)


def _run(work: Awaitable[T]) -> T:
    async def explained() -> T:
        try:
            return await work
        except (NoRecording, NotSealed, NoEncoder) as error:
            fail(str(error))

    return run(explained())


def _officer(by: str) -> Principal:
    return Principal(by, Role.OFFICER)


@app.command("list")
def list_(
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", formats=TIMES, help="Only sealed from then on.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Only sealed before then.")] = None,
    after: Annotated[int, typer.Option("--after", help="Only what was sealed after this sequence number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """The recordings that are kept, in the order in which they were sealed. Numbers are masked."""

    async def work() -> list[Recording]:
        async with _office(config_file) as (_, _, listening):
            return await listening.recordings(
                _officer("command"),
                campaign=campaign,
                since=since.astimezone() if since else None,
                until=until.astimezone() if until else None,
                after_seq=after,
                limit=limit,
            )

    found = _run(work())
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    table = Table("seq", "sealed at", "call", "seconds", "controller", "campaign", "centre", "number", box=None)
    for one in found:
        at = one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        whose = one.controller, one.campaign, one.centre, one.number or "(erased)"
        table.add_row(str(one.seq), at, one.call, f"{one.seconds:.1f}", *map(escape, whose))
    out.print(table)


@app.command()
def show(call: Call, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """What the ledger knows of a recording, and whether it is still kept. Nobody hears it by this."""

    async def work() -> Recording:
        async with _office(config_file) as (_, _, listening):
            return await listening.find(_officer("command"), call)

    found = _as_json(_run(work()))
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        out.print(f"{name:14} {escape(str(value))}", highlight=False)


@app.command()
def play(call: Call, by: Who, config_file: ConfigOption = default_config) -> None:
    """Write a recording to standard output as WAV, for example into `aplay -q`: left the callee, right the agent."""
    if sys.stdout.isatty():
        fail("a terminal cannot play sound: lead the output to a player, for example `| aplay -q`")

    async def work() -> None:
        async with _office(config_file) as (_, _, listening):
            playing = await listening.listen(_officer(by), call)
            async for chunk in playing.read():
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()

    _run(work())


@app.command("export")
def export_(
    call: Call,
    by: Who,
    format_: Annotated[Format, typer.Option("--format", help="As what.")] = Format.WAV,
    to: Annotated[Path, typer.Option("--to", help="The folder to write to.")] = Path(),
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Write a recording and its proof (consent, words, hashes, places in the ledger) to a folder."""

    async def work() -> Exported:
        async with _office(config_file) as (_, _, listening):
            return await export(listening, _officer(by), call, format_, to)

    made = _run(work())
    if as_json:
        print_json(asdict(made))
    else:
        out.print(f"{made.audio} is the recording, {made.proof} its proof.", markup=False, highlight=False)


@app.command()
def withdraw(call: Call, by: Who, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """The callee takes their consent back after the call: enter it, and destroy the recording."""

    async def work() -> bool:
        async with _office(config_file) as (settings, ledger, listening):
            recording = await listening.find(_officer(by), call)
            return await keeping.withdraw(
                ledger, installation.archive_of(settings), recording, listening.clock(), by=by
            )

    existed = _run(work())
    if as_json:
        print_json({"call": call, "destroyed": existed})
    else:
        out.print("It was entered. The recording is destroyed." if existed else "The recording was destroyed before.")


@app.command()
def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be destroyed, and destroy nothing.")
    ] = False,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Destroy the recordings that are past their term. The daemon does so every hour."""

    async def work() -> list[str]:
        async with _office(config_file) as (settings, ledger, _):
            archive, terms = installation.archive_of(settings), installation.recording_terms_of(settings)
            now = installation.clock_of(settings)()
            return await keeping.retire(ledger, archive, terms, now, by="command", dry_run=dry_run)

    over = _run(work())
    if as_json:
        print_json({"destroyed": over, "dry_run": dry_run})
    elif not over:
        out.print("No recording is past its term.")
    elif dry_run:
        out.print(f"{len(over)} recordings are past their term. Nothing was destroyed: a rehearsal.")
    else:
        out.print(f"{len(over)} recordings were past their term, and are destroyed.")


def _as_json(one: Recording) -> dict[str, object]:
    return asdict(one) | {"at": one.at.isoformat(), "number": one.number or None}
