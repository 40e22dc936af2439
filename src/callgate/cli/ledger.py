"""`callgate ledger`: what happened, and the proof that it was so."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from callgate import config, installation
from callgate.cli import erasure, upkeep
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import phone
from callgate.core.access import Principal, Role
from callgate.core.anchor import Anchor, read_anchor
from callgate.rights.showing import visible
from callgate.stores.ledger.audit import Report
from callgate.stores.ledger.backup import insist
from callgate.stores.ledger.checkpoints import Checkpoint
from callgate.stores.ledger.questions import Question
from callgate.stores.schema import Entry

app = typer.Typer(help="What happened, as it was committed.", no_args_is_help=True)
app.command(name="retain")(upkeep.retain_command)
app.command(name="rotate-key")(upkeep.rotate_key)
app.command(name="rebuild-projections")(upkeep.rebuild_projections)
app.command(name="fingerprint")(upkeep.fingerprint_command)
app.command(name="backup")(upkeep.backup)
app.command(name="restore")(upkeep.restore_command)
app.command(name="erase")(erasure.erase)
app.command(name="accept-gap")(erasure.accept_gap)

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@app.command()
def show(
    call: Annotated[str | None, typer.Option("--call", help="Only this call: its CALLGATE_ID.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="Only what is held of this person.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only calls of this agent, for example PJSIP/7.")] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only calls of this campaign.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=TIMES, help="Only from this moment on, local time.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=TIMES, help="Only before this moment, local time.")
    ] = None,
    after: Annotated[int, typer.Option("--after", help="Only what came after this sequence number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many events.")] = 1_000,
    officer: Annotated[
        str | None, typer.Option("--officer", help="The officer who looks: also at what is for them alone.")
    ] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Show events of the ledger in their order. Numbers are masked.

    Of people who were erased, or whose data is restricted, only an officer sees what is kept.
    """
    who = Principal(officer, Role.OFFICER) if officer else Principal("command", Role.ADMIN)

    async def work() -> tuple[list[Entry], int]:
        settings = config.load(config_file)
        insist(settings.ledger.url)
        question = Question(
            call=call,
            number=_e164(number, settings) if number else None,
            controllers=tuple(settings.controllers),
            agent=agent,
            campaign=campaign,
            since=since.astimezone() if since else None,
            until=until.astimezone() if until else None,
            after_seq=after,
            limit=limit,
        )
        async with installation.opened(settings) as (ledger, _):
            found = await ledger.search(question)
            shown = await visible(ledger, found, who)
            return shown, len(found) - len(shown)

    entries, hidden = run(work())
    if hidden:
        err.print(f"{hidden} events are of people whose data is for the officer alone: --officer NAME shows them.")
    if as_json:
        print_json([_as_json(entry) for entry in entries])
    else:
        _print(entries)


def _e164(number: str, settings: Settings) -> str:
    try:
        return phone.parse(number, settings.site.country, settings.site.outside_line).e164
    except phone.NotANumber as error:
        fail(f"{number!r}: {error}")


def _print(entries: Sequence[Entry]) -> None:
    table = Table("seq", "at", "event", "call", "number", "what", box=None, header_style="dim")
    for entry in entries:
        event = entry.event
        said = event.payload
        what = " ".join(str(said[key]) for key in ("outcome", "reason", "by", "alarm", "seconds") if key in said)
        at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        number = phone.mask(event.number) if event.number else "(gone)" if entry.gone else ""
        table.add_row(str(entry.seq), at, event.kind, event.call or "", number, escape(what))
    out.print(table)


@app.command()
def verify(
    anchor_file: Annotated[
        Path | None, typer.Option("--anchor", help="A file of anchors, one a line, that others kept.")
    ] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Check every event and checkpoint. Exit code 1: something was changed, removed, moved or inserted."""
    anchors = _read_anchors(anchor_file) if anchor_file else []

    async def work() -> Report:
        settings = config.load(config_file)
        insist(settings.ledger.url)
        async with installation.opened(settings) as (ledger, _):
            with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
                task = progress.add_task("events", total=await ledger.last_seq())
                return await ledger.audit(anchors, lambda seq: progress.update(task, completed=seq))

    report = run(work())
    if as_json:
        print_json(
            {
                "ok": not report.problems,
                "events": report.events,
                "checkpoints": report.checkpoints,
                "covered": report.covered,
                "problems": report.problems,
            }
        )
    elif report.problems:
        for problem in report.problems:
            out.print(problem, style="red", markup=False, soft_wrap=True)
    else:
        out.print(
            f"{report.events} events and {report.checkpoints} checkpoints are as they were committed; the last"
            f" checkpoint covers event {report.covered}."
        )
        if not anchors:
            out.print("Whether the end was cut off shows only beside an anchor that others kept (--anchor).")
    raise typer.Exit(1 if report.problems else 0)


@app.command()
def anchor(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Sign where the ledger stands, and print the line that holds it to that, for others to keep."""

    async def work() -> Checkpoint | None:
        settings = config.load(config_file)
        clock = installation.clock_of(settings)
        async with installation.opened(settings) as (ledger, _):
            return await ledger.checkpoint(clock())

    checkpoint = run(work())
    if checkpoint is None:
        fail("the ledger holds no event yet, so there is nothing to hold it to")
    if as_json:
        said = {"anchor": str(checkpoint.anchor), "statement": checkpoint.statement}
        print_json(said | {"signer": checkpoint.signer.hex(), "signature": checkpoint.signature.hex()})
    else:
        out.print(str(checkpoint.anchor), markup=False, highlight=False, soft_wrap=True)


def _read_anchors(path: Path) -> list[Anchor]:
    with explained():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        anchors = [read_anchor(line) for line in lines]
    except ValueError as error:
        fail(f"{path}: {error}")
    if not anchors:
        fail(f"{path} holds no anchor; `callgate ledger anchor` prints one")
    return anchors


def _as_json(entry: Entry) -> dict[str, object]:
    event = entry.event
    return {
        "seq": entry.seq,
        "writer": entry.writer,
        "at": event.at.isoformat(),
        "event": event.kind,
        "call": event.call,
        "number": phone.mask(event.number) if event.number else None,
        "controller": event.controller,
        "payload": dict(event.payload) | dict(event.personal),
        "gone": entry.gone,
    }
