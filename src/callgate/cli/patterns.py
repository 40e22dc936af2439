"""`callgate suppress …-pattern`: beginnings of numbers that are not to be called, as a company's own range."""

import getpass
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, daemon
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, fail, out, print_json, run
from callgate.config import Settings
from callgate.core.events import Event, Json, Kind
from callgate.core.patterns import BadPattern, covered, read_pattern
from callgate.office import LocalOffice
from callgate.onfile import OnFile, standing_patterns

Pattern = Annotated[str, typer.Argument(help="+, the calling code and at least four digits more: +3225550.")]
Controller = Annotated[str | None, typer.Option("--controller", help="The company whose calls it ends.")]
Everyone = Annotated[bool, typer.Option("--all", help="Every company's calls.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for example: our own range.")]
By = Annotated[str | None, typer.Option("--by", help="Who enters it; else the user of this shell.")]


def add_pattern(
    pattern: Pattern,
    reason: Reason,
    controller: Controller = None,
    everyone: Everyone = False,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Keep every number that begins so from being called. In force at every centre when this returns."""
    _enter(Kind.PATTERN, pattern, reason, controller, everyone, by, config_file, as_json)


def remove_pattern(
    pattern: Pattern,
    reason: Reason,
    controller: Controller = None,
    everyone: Everyone = False,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Take a pattern back. Objections of people whose numbers begin so stay in force."""
    _enter(Kind.PATTERN_REMOVED, pattern, reason, controller, everyone, by, config_file, as_json)


def show_patterns(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the patterns that are in force. Exit code 1: there is none."""

    async def work() -> list[OnFile]:
        settings = config.load(config_file)
        async with daemon.stores(settings, daemon.command_writer(), daemon.clock_of(settings)) as (ledger, _):
            return await standing_patterns(ledger)

    found = run(work())
    if as_json:
        print_json([asdict(one) | {"covers": covered(one.pattern)} for one in found])
    elif found:
        table = Table("pattern", "covers at most", "for", "since", "by", "reason", box=None, header_style="dim")
        for row in map(_row, found):
            table.add_row(*row)
        out.print(table)
    else:
        out.print("No pattern is in force.")
    raise typer.Exit(0 if found else 1)


def _row(one: OnFile) -> Iterator[str]:
    yield one.pattern
    yield f"{covered(one.pattern):,}"
    yield one.controller or "every company"
    yield one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    yield one.by
    yield one.reason


def _enter(
    kind: Kind,
    pattern: str,
    reason: str,
    controller: str | None,
    everyone: bool,
    by: str | None,
    config_file: Path,
    as_json: bool,
) -> None:
    try:
        read = read_pattern(pattern)
    except BadPattern as error:
        fail(str(error))

    async def work() -> None:
        settings = config.load(config_file)
        payload: dict[str, Json] = {
            "pattern": read,
            "scope": audience(settings, controller, everyone),
            "by": by or getpass.getuser(),
            "source": "cli",
            "reason": given(reason),
        }
        await enter(settings, Event(kind, daemon.clock_of(settings)(), None, None, controller, payload))

    run(work())
    count = covered(read)
    if as_json:
        print_json({"pattern": read, "event": kind, "scope": "all" if everyone else "controller", "covers": count})
        return
    done = "ends" if kind is Kind.PATTERN else "no longer ends"
    out.print(f"The pattern {read} {done} the calls of {'every company' if everyone else controller}.")
    err.print(f"It covers up to {count:,} numbers.", style="yellow")


def given(reason: str) -> str:
    """The reason; ends the command where it says nothing."""
    if not reason.strip():
        fail("--reason is empty; say why, for example: letter of 2026-11-20")
    return reason.strip()


def audience(settings: Settings, controller: str | None, everyone: bool) -> str:
    """The scope that the options say; ends the command where they say none or two, or name no company."""
    if everyone == (controller is not None):
        fail("say either --controller NAME or --all")
    if controller is not None and controller not in settings.controllers:
        fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")
    return "all" if everyone else "controller"


async def enter(settings: Settings, event: Event) -> None:
    """Commit a suppressing event; in force on return."""
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
        await office.suppress(event)
