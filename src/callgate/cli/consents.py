"""`callgate consents`: prior consents to be called, from a file or one by one; withdraw, show."""

import getpass
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, astuple
from typing import Annotated

import typer
from rich.progress import Progress

from callgate import installation
from callgate.cli import entering
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, fail, out, print_json, run, show_rows
from callgate.cli.entering import Actor, Number
from callgate.config import Settings
from callgate.core import consentfile, phone
from callgate.core.consentfile import Given
from callgate.core.events import CONSENTS, Event
from callgate.office.consenting import Batch, ConsentRefused, Desk
from callgate.stores.ledger.questions import Question

app = typer.Typer(help="Prior consents to be called: import, add, withdraw, show.", no_args_is_help=True)

Controller = Annotated[str, typer.Option("--controller", help="The company to whose calls they consent.")]


@app.command(name="import")
def import_(
    file: Annotated[str, typer.Argument(help="CSV: number, given, proof, expires, appointment; - is standard input.")],
    controller: Controller,
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter consents from a file: all of its lines, but for people who object, or none.

    Exit code 0: they are in force; 1: the file was refused and nothing was entered; 2: it could not be done.
    """
    settings = entering.settings_for(config_file, controller)
    now = installation.clock_of(settings)()
    given = entering.whole(file, as_json, lambda lines: consentfile.read(lines, settings.site.country, now))

    async def work() -> Batch:
        done = Batch(0, 0, 0)
        async with _desk(settings, controller, actor, "import") as desk:
            with Progress(console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
                bar = progress.add_task("entering consents", total=len(given))
                async for more in desk.enter(given):
                    done = Batch(*map(sum, zip(astuple(done), astuple(more), strict=True)))
                    progress.advance(bar, more.size)
        return done

    done = run(work())
    if as_json:
        print_json(asdict(done))
        return
    left = f"{done.objecting:,} people object and stay left alone."
    out.print(f"{done.entered:,} consents are in force for {controller}; {left}")
    if done.erased:
        out.print(
            f"{done.erased:,} people had their data erased; they are not entered, and must be taken off the list."
        )


@app.command()
def add(
    number: Number,
    controller: Controller,
    given: Annotated[str, typer.Option("--given", help="When: a date, or ISO 8601 with zone.")],
    proof: Annotated[str, typer.Option("--proof", help="Where the proof is kept.")],
    expires: Annotated[str, typer.Option("--expires", help="When it ends, if the person was told so.")] = "",
    appointment: Annotated[str, typer.Option("--appointment", help="For which moment the person asked a call.")] = "",
    lift_objection: Annotated[
        bool, typer.Option("--lift-objection", help="Yes: this person objected, and has proof that they changed it.")
    ] = False,
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter one consent. Exit code 1: it was refused."""
    settings = entering.settings_for(config_file, controller)
    try:
        consent = consentfile.consent(given, expires, appointment, installation.clock_of(settings)())
        kept = consentfile.proof_of(proof)
    except ValueError as error:
        fail(str(error))
    parsed = entering.number_in(number, settings)

    async def work() -> None:
        async with _desk(settings, controller, actor, "cli") as desk:
            await desk.add(Given(parsed.e164, consent, kept), lift_objection=lift_objection)

    try:
        run(work())
    except ConsentRefused as error:
        err.print(f"refused: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _done(parsed, controller, "is in force", as_json)


@app.command()
def withdraw(
    number: Number,
    controller: Controller,
    reason: Annotated[str, typer.Option("--reason", help="Why, for example: letter of 2026-11-20.")],
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter that a person takes their consent back. It counts no more, at every centre, when this returns."""
    settings = entering.settings_for(config_file, controller)
    parsed = entering.number_in(number, settings)

    async def work() -> None:
        async with _desk(settings, controller, actor, "cli") as desk:
            await desk.withdraw(parsed.e164, reason)

    run(work())
    _done(parsed, controller, "is withdrawn", as_json)


@app.command()
def show(
    number: Number, controller: Controller, config_file: ConfigOption = default_config, as_json: JsonOption = False
) -> None:
    """Show the consents on file for a number, and those that were withdrawn. Exit code 1: there is none."""
    settings = entering.settings_for(config_file, controller)
    parsed = entering.number_in(number, settings)

    async def work() -> Sequence[Event]:
        async with installation.opened(settings) as (ledger, _):
            found = await ledger.search(Question(number=parsed.e164, controllers=(controller,), limit=10_000))
        return [entry.event for entry in found if entry.event.kind in CONSENTS]

    rows = [_row(event) for event in run(work())]
    show_rows(rows, "No consent is on file.", as_json)
    raise typer.Exit(0 if rows else 1)


def _row(event: Event) -> dict[str, str]:
    said = {**event.payload, **event.personal}
    names = ("given", "expires", "appointment", "by", "source", "proof", "reason")
    return {"at": event.at.isoformat(), "event": str(event.kind)} | {name: str(said.get(name) or "") for name in names}


def _done(number: phone.Number, controller: str, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"number": number.masked, "controller": controller, "consent": what})
    else:
        out.print(f"The consent of {number.masked} to calls of {controller} {what}.")


@asynccontextmanager
async def _desk(settings: Settings, controller: str, actor: str | None, source: str) -> AsyncIterator[Desk]:
    clock = installation.clock_of(settings)
    async with entering.an_office_with_objectors(settings) as (office, objectors):
        yield Desk(office, objectors, controller, actor or getpass.getuser(), source, clock)
