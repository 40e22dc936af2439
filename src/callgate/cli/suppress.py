"""`callgate suppress`: enter an objection, take one back, show what is on file for a number."""

import getpass
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, installation
from callgate.cli import entering, importing, patterns
from callgate.cli.common import ConfigOption, JsonOption, default_config, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import phone, written
from callgate.core.events import Kind
from callgate.core.objecting import Door, objection
from callgate.office.onfile import OnFile, on_file
from callgate.stores.encoding import read_keys

app = typer.Typer(help="Objections of people: enter, take back, show; and patterns.", no_args_is_help=True)
app.command(name="import")(importing.import_)
app.command(name="add-pattern")(patterns.add_pattern)
app.command(name="remove-pattern")(patterns.remove_pattern)
app.command(name="patterns")(patterns.show_patterns)

Number = Annotated[str, typer.Argument(help="The person's number, as written or as dialled on this PBX.")]
Controller = Annotated[str | None, typer.Option("--controller", help="The company whose calls they object to.")]
Campaign = Annotated[
    str | None, typer.Option("--campaign", help="One campaign's calls alone; the company's others stay allowed.")
]
Everyone = Annotated[bool, typer.Option("--all", help="Every company's calls: only at the person's express request.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for example: letter of 2026-11-20.")]
By = Annotated[str | None, typer.Option("--by", help="Who enters it; else the user of this shell.")]


@app.command()
def add(
    number: Number,
    reason: Reason,
    controller: Controller = None,
    campaign: Campaign = None,
    everyone: Everyone = False,
    by: By = None,
    source: Annotated[Door, typer.Option("--source", help="By which door it came, for example letter.")] = Door.CLI,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter an objection. It is durable, and in force at every centre, when this returns."""
    _enter(Kind.OBJECTION, number, reason, (controller, campaign, everyone), by, source, config_file, as_json)


@app.command()
def remove(
    number: Number,
    reason: Reason,
    controller: Controller = None,
    campaign: Campaign = None,
    everyone: Everyone = False,
    at_the_persons_request: Annotated[
        bool,
        typer.Option(
            "--at-the-persons-request",
            help="Yes: the person themselves asked to be called again, and proof of it is on file.",
        ),
    ] = False,
    proof: Annotated[str, typer.Option("--proof", help="Proof of that, for example: their letter of 2026-11-20.")] = "",
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Take an objection back, at the person's own request. Who did so, when and why stays in the ledger for ever."""
    if not at_the_persons_request:
        fail(
            "taking back an objection lets this person be called again, and stays in the ledger for ever with who did"
            " it: say --at-the-persons-request if they asked for it themselves, and with --proof what proves that"
        )
    if not proof.strip():
        fail("--proof is empty; say what proves the person's own wish, for example: their letter of 2026-11-20")
    whose = controller, campaign, everyone
    _enter(Kind.OBJECTION_REMOVED, number, reason, whose, by, Door.CLI, config_file, as_json, proof)


def _enter(
    kind: Kind,
    number: str,
    reason: str,
    whose: tuple[str | None, str | None, bool],
    by: str | None,
    door: Door,
    config_file: Path,
    as_json: bool,
    proof: str = "",
) -> None:
    """`whose` calls it is about: the company, the campaign, everyone."""
    _, campaign, everyone = whose

    async def work() -> tuple[phone.Number, str | None]:
        settings = config.load(config_file)
        controller = _controller(settings, *whose)
        parsed = _parse(number, settings)
        who, why, at = by or getpass.getuser(), entering.given(reason), installation.clock_of(settings)()
        event = objection(
            parsed.e164,
            at,
            door,
            by=who,
            controller=controller,
            campaign=campaign,
            reason=why,
            proof=proof.strip(),
            kind=kind,
        )
        await entering.enter(settings, event)
        return parsed, controller

    parsed, controller = run(work())
    if as_json:
        scope = "all" if everyone else "campaign" if campaign else "controller"
        print_json({"number": parsed.masked, "event": kind, "scope": scope})
        return
    done = "is in force" if kind is Kind.OBJECTION else "is lifted"
    of = "every company" if everyone else f"the campaign {campaign} of {controller}" if campaign else controller
    out.print(f"The objection of {parsed.masked} {done} for {of}.")
    if kind is Kind.OBJECTION_REMOVED:
        out.print("That it was taken back, by whom and why, is in the ledger for ever.")


def _controller(settings: Settings, controller: str | None, campaign: str | None, everyone: bool) -> str | None:
    """The company whose calls it is about; ends the command where the options do not fit. A campaign has one."""
    if campaign is None:
        entering.audience(settings, controller, everyone)
        return controller
    if campaign not in settings.campaigns:
        fail(f"no campaign {campaign!r}; known are {', '.join(sorted(settings.campaigns))}")
    of = settings.campaigns[campaign].controller
    if everyone or controller not in (None, of):
        fail(f"the campaign {campaign} is one of {of}: leave out --all, and name no other company")
    return of


@app.command()
def show(number: Number, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the objections on file for a number, those that were taken back, and the patterns that cover it.

    An objection outlives the erasure of the person's data: it is found by what the ledger kept in place of the number.
    Exit code 1: there is none.
    """

    async def work() -> list[OnFile]:
        settings = config.load(config_file)
        parsed = _parse(number, settings)
        keys = read_keys(settings.secrets.suppression_key_file)
        async with installation.opened(settings) as (ledger, _):
            return await on_file(ledger, keys, parsed.e164)

    rows = [asdict(found) for found in run(work())]
    if as_json:
        print_json(rows)
    elif rows:
        table = Table(*(name.replace("_", " ") for name in rows[0]), box=None, header_style="dim")
        for row in rows:
            table.add_row(*(_shown(value) for value in row.values()))
        out.print(table)
    else:
        out.print("No objection is on file.")
    raise typer.Exit(0 if rows else 1)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return ("yes" if value else "") if isinstance(value, bool) else str(value)


def _parse(number: str, settings: Settings) -> phone.Number:
    try:
        return phone.parse(number, settings.site.country, settings.site.outside_line)
    except phone.NotANumber:
        pass
    try:
        return written.read(number, settings.site.country)
    except phone.NotANumber as error:
        fail(f"the number cannot be used: {error}")
