"""`callgate suppress …-pattern`: beginnings of numbers that are not to be called, as a company's own range."""

import getpass
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, installation
from callgate.cli import entering
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, fail, out, print_json, run
from callgate.core.events import Event, Json, Kind
from callgate.core.patterns import BadPattern, covered, read_pattern
from callgate.office.onfile import OnFile, standing_patterns

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
        async with installation.opened(settings) as (ledger, _):
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
            "scope": entering.audience(settings, controller, everyone),
            "by": by or getpass.getuser(),
            "source": "cli",
            "reason": entering.given(reason),
        }
        await entering.enter(settings, Event(kind, installation.clock_of(settings)(), None, None, controller, payload))

    run(work())
    count = covered(read)
    if as_json:
        print_json({"pattern": read, "event": kind, "scope": "all" if everyone else "controller", "covers": count})
        return
    done = "ends" if kind is Kind.PATTERN else "no longer ends"
    out.print(f"The pattern {read} {done} the calls of {'every company' if everyone else controller}.")
    err.print(f"It covers up to {count:,} numbers.", style="yellow")
