"""`callgate evidence`: what a regulator asks for in one sealed file, and the check of it."""

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.cli.ledger import TIMES
from callgate.core import phone
from callgate.core.access import Principal, Role
from callgate.evidence import verifier
from callgate.evidence.export import Done, Forbidden, Order, check, export, verifier_text
from callgate.evidence.selection import Selection

app = typer.Typer(help="Evidence for whoever may ask: export it, check it.", no_args_is_help=True)


@app.command(name="export")
def export_command(
    to: Annotated[Path, typer.Option("-o", "--output", help="The new file to write, for example bundle.zip.")],
    since: Annotated[
        datetime | None, typer.Option("--from", formats=TIMES, help="Only from this moment on, local time.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, help="Only before this moment, local time.")
    ] = None,
    controller: Annotated[str | None, typer.Option("--controller", help="Only what concerns this company.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="Only what is held of this person.")] = None,
    call: Annotated[str | None, typer.Option("--call", help="Only this call: its CALLGATE_ID.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Write out the numbers of the selected; else they stay sealed.")
    ] = False,
    links: Annotated[
        bool,
        typer.Option(
            "--links",
            help="Show also when, of what kind and of which company the events outside the selection are, so that"
            " nothing can have been left out of it.",
        ),
    ] = False,
    audio: Annotated[bool, typer.Option("--audio", help="With the audio of the prompts that callees heard.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who asks for it; else the user of this shell.")] = None,
    because: Annotated[str, typer.Option("--because", help="Why; the ledger keeps this.")] = "",
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Write a bundle that a third party can check without callgate. That it was made stays in the ledger."""
    with explained():
        settings = config.load(config_file)
    if controller is not None and controller not in settings.controllers:
        fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")
    e164 = _e164(number, settings) if number else None
    selection = Selection(
        since.astimezone() if since else None, until.astimezone() if until else None, controller, e164, call
    )
    order = Order(selection, reveal, links, audio, because)
    who = Principal(by or getpass.getuser(), Role.OFFICER)
    try:
        check(order, who)
    except Forbidden as error:
        fail(str(error))
    clock = installation.clock_of(settings)

    async def work() -> Done:
        async with installation.opened(settings) as (ledger, _):
            with Progress(console=err, transient=True) as progress:
                task = progress.add_task("events", total=None)
                return await export(
                    ledger, settings, order, who, to, clock=clock,
                    progress=lambda done, total: progress.update(task, completed=done, total=total),
                )  # fmt: skip

    done = run(work())
    if as_json:
        print_json({"bundle": to, "shown": done.shown, "spanned": done.spanned, "checkpoint": done.checkpoint})
        return
    out.print(f"{to} holds {done.shown} of {done.spanned} events, up to checkpoint {done.checkpoint}.", markup=False)
    out.print(f"Whoever receives it runs `python3 verify.py {to.name}` with a verify.py that they trust.", markup=False)


def _e164(number: str, settings: config.Settings) -> str:
    try:
        return phone.parse(number, settings.site.country, settings.site.outside_line).e164
    except phone.NotANumber:
        fail("--number is no telephone number; write it like +32 2 555 01 99")


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="What `callgate evidence export` wrote.")],
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", help="A file that others kept: anchors, one a line, or an item in JSON."),
    ] = None,
    signer: Annotated[str | None, typer.Option("--signer", help="The ledger's public key, from elsewhere.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle. Exit code 1: something in it was changed; 2: it is none. Needs no configuration and no ledger."""
    arguments = [str(bundle), *(word for path in anchor or () for word in ("--anchor", str(path)))]
    arguments += ["--signer", signer] if signer else []
    raise typer.Exit(verifier.main([*arguments, "--json"] if as_json else arguments))


@app.command(name="verifier")
def verifier_command() -> None:
    """Print the single file that checks bundles with Python 3.9 or later and nothing else."""
    sys.stdout.write(verifier_text())
