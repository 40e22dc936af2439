"""`callgate suppress`: enter an objection, take one back, show what is on file for a number."""

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, daemon
from callgate.cli.common import ConfigOption, JsonOption, default_config, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import phone
from callgate.core.events import OBJECTIONS, Event, Json, Kind
from callgate.office import LocalOffice

app = typer.Typer(help="Objections of people: enter, take back, show.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The person's number, international or as dialled on this PBX.")]
Controller = Annotated[str | None, typer.Option("--controller", help="The company whose calls they object to.")]
Everyone = Annotated[bool, typer.Option("--all", help="Every company's calls: only at the person's express request.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for example: letter of 2026-11-20.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who enters it; else the user of this shell.")]


@app.command()
def add(
    number: Number,
    reason: Reason,
    controller: Controller = None,
    everyone: Everyone = False,
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter an objection. It is durable, and in force at every centre, when this returns."""
    _enter(Kind.OBJECTION, number, reason, controller, everyone, actor, config_file, as_json)


@app.command()
def remove(
    number: Number,
    reason: Reason,
    controller: Controller = None,
    everyone: Everyone = False,
    lift_objection: Annotated[
        bool, typer.Option("--lift-objection", help="Yes: this person objected, and has proof that they changed it.")
    ] = False,
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Take an objection back, on the person's own proof. Who did so stays in the ledger for ever."""
    if not lift_objection:
        fail("taking back an objection lets this person be called again: say --lift-objection if that is their wish")
    _enter(Kind.OBJECTION_REMOVED, number, reason, controller, everyone, actor, config_file, as_json)


def _enter(
    kind: Kind,
    number: str,
    reason: str,
    controller: str | None,
    everyone: bool,
    actor: str | None,
    config_file: Path,
    as_json: bool,
) -> None:
    if everyone == (controller is not None):
        fail("say either --controller NAME or --all")

    async def work() -> phone.Number:
        settings = config.load(config_file)
        if controller is not None and controller not in settings.controllers:
            fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")
        parsed = _parse(number, settings)
        payload: dict[str, Json] = {
            "scope": "all" if everyone else "controller",
            "by": actor or getpass.getuser(),
            "source": "cli",
        }
        clock = daemon.clock_of(settings)
        async with daemon.stores(settings, daemon.command_writer(), clock) as (ledger, cache):
            office = LocalOffice(
                ledger,
                cache,
                policy=lambda: config.to_policy(settings),
                clock=clock,
                doubt=lambda _: None,
                alarm=lambda _: None,
            )
            event = Event(kind, clock(), None, parsed.e164, controller, payload, personal={"reason": reason})
            await office.suppress(event)
        return parsed

    parsed = run(work())
    if as_json:
        print_json({"number": parsed.masked, "event": kind, "scope": "all" if everyone else "controller"})
    else:
        done = "is in force" if kind is Kind.OBJECTION else "is lifted"
        out.print(f"The objection of {parsed.masked} {done} for {'every company' if everyone else controller}.")


@app.command()
def show(number: Number, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the objections on file for a number, and those that were taken back. Exit code 1: there is none."""

    async def work() -> list[Event]:
        settings = config.load(config_file)
        parsed = _parse(number, settings)
        found: list[Event] = []
        async with daemon.stores(settings, daemon.command_writer(), daemon.clock_of(settings)) as (ledger, _):
            async for batch in ledger.suppressions():
                found += [entry.event for entry in batch if entry.event.number == parsed.e164]
        return found

    events = run(work())
    rows = [
        {
            "at": event.at.isoformat(),
            "event": str(event.kind),
            "scope": str(event.payload.get("scope", "controller")),
            "controller": event.controller or "",
            "by": str(event.payload.get("by", "")),
            "reason": str(event.personal.get("reason", "")),
        }
        for event in events
        if event.kind in OBJECTIONS
    ]
    if as_json:
        print_json(rows)
    elif rows:
        table = Table(*rows[0], box=None, header_style="dim")
        for row in rows:
            table.add_row(*(_local(value) if key == "at" else value for key, value in row.items()))
        out.print(table)
    else:
        out.print("No objection is on file.")
    raise typer.Exit(0 if rows else 1)


def _local(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _parse(number: str, settings: Settings) -> phone.Number:
    try:
        return phone.parse(number, settings.site.country, settings.site.outside_line)
    except phone.NotANumber as error:
        fail(f"{number!r}: {error}")
