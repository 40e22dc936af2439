"""`callgate relations`: what a company says of its own customers, from a file; end, show."""

import getpass
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from rich.progress import Progress

from callgate import installation
from callgate.cli import entering
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, out, print_json, run, show_rows
from callgate.cli.entering import Actor, Number
from callgate.config import Settings
from callgate.core import relationfile
from callgate.core.events import Event, Kind
from callgate.office.relating import RelationDesk
from callgate.stores.cache import relations
from callgate.stores.ledger.questions import Question

app = typer.Typer(help="What connects people with a company: import, end, show.", no_args_is_help=True)

Controller = Annotated[str, typer.Option("--controller", help="The company whose customers they are.")]


@app.command(name="import")
def import_(
    file: Annotated[str, typer.Argument(help="CSV: number, relation, about, since, proof, until; - is stdin.")],
    controller: Controller,
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter relations from a file: all of its lines, but for people whose data was erased, or none.

    What is said of a person replaces what was said of them before. Exit code 0: they are in force; 1: the file was
    refused and nothing was entered; 2: it could not be done.
    """
    settings = entering.settings_for(config_file, controller)
    now = installation.clock_of(settings)()
    stated = entering.whole(file, as_json, lambda lines: relationfile.read(lines, settings.site.country, now))

    async def work() -> tuple[int, int]:
        entered = erased = 0
        async with _desk(settings, controller, actor, "import") as desk:
            with Progress(console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
                bar = progress.add_task("entering relations", total=len(stated))
                async for more in desk.enter(stated):
                    entered, erased = entered + more.entered, erased + more.erased
                    progress.advance(bar, more.entered + more.erased)
        return entered, erased

    entered, erased = run(work())
    if as_json:
        print_json({"entered": entered, "erased": erased})
        return
    out.print(f"The relations of {entered:,} people to {controller} are in force.")
    if erased:
        out.print(f"{erased:,} people had their data erased; they are not entered, and must be taken off the list.")


@app.command()
def end(
    number: Number,
    controller: Controller,
    reason: Annotated[str, typer.Option("--reason", help="Why, for example: contract ended on 2026-11-20.")],
    actor: Actor = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter that no relation to a person is left. None counts any more, at every centre, when this returns."""
    settings = entering.settings_for(config_file, controller)
    parsed, why = entering.number_in(number, settings), entering.given(reason)

    async def work() -> None:
        async with _desk(settings, controller, actor, "cli") as desk:
            await desk.end(parsed.e164, why)

    run(work())
    if as_json:
        print_json({"number": parsed.masked, "controller": controller, "relations": "ended"})
    else:
        out.print(f"No relation of {parsed.masked} to {controller} is in force.")


@app.command()
def show(
    number: Number, controller: Controller, config_file: ConfigOption = default_config, as_json: JsonOption = False
) -> None:
    """Show what was said of a person's relations; the last of it holds. Exit code 1: nothing was."""
    settings = entering.settings_for(config_file, controller)
    parsed = entering.number_in(number, settings)

    async def work() -> Sequence[Event]:
        async with installation.opened(settings) as (ledger, _):
            asked = Question(number=parsed.e164, controllers=(controller,), kinds=(Kind.RELATIONS,), limit=10_000)
            return [entry.event for entry in await ledger.search(asked)]

    rows = [row for event in run(work()) for row in _rows(event)]
    show_rows(rows, "No relation is on file.", as_json)
    raise typer.Exit(0 if rows else 1)


def _rows(event: Event) -> list[dict[str, str]]:
    """A row for each relation of an event, or one that says that none is left."""
    said: dict[str, Any] = {**event.payload, **event.personal}
    told = {"at": event.at.isoformat(), "by": str(said["by"]), "source": str(said["source"])}
    rows = [
        {
            **told,
            "relation": one.relation.value,
            "about": one.about,
            "since": one.since.isoformat(),
            "until": one.until.isoformat() if one.until else "",
            "proof": str(proof),
        }
        for one, proof in zip(relations.related_of(event), said.get("proofs", ()), strict=False)
    ]
    none = dict.fromkeys(("about", "since", "until"), "")
    return rows or [{**told, "relation": "none left", **none, "proof": str(said.get("reason", ""))}]


@asynccontextmanager
async def _desk(settings: Settings, controller: str, actor: str | None, source: str) -> AsyncIterator[RelationDesk]:
    async with entering.an_office_with_objectors(settings) as (office, objectors):
        by = actor or getpass.getuser()
        yield RelationDesk(office, objectors, controller, by, source, installation.clock_of(settings))
