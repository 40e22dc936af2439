"""`callgate lists`: bring a national do-not-call list into force, and show those that are."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.progress import Progress
from rich.table import Table

from callgate import config, daemon
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.intoforce import Wanted, put, read_file
from callgate.registers.errors import FileRefused
from callgate.registers.intake import MAX_BROKEN, Limits, Taken
from callgate.registers.layouts import LAYOUTS
from callgate.registers.reading import Reading, Tally
from callgate.stores.lists import directory

app = typer.Typer(help="National do-not-call lists: import, show.", no_args_is_help=True)

FORMATS = ", ".join(sorted(LAYOUTS))


def _share(text: str) -> float:
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1
    if not 0 <= found <= 1:
        fail(f"--max-broken {text!r} is no share; write it like 0.1% or 0.001")
    return found


@app.command(name="import")
def import_(
    file: Annotated[str, typer.Argument(help="The register's file, plain, gz or zip; - reads standard input.")],
    name: Annotated[str, typer.Option("--list", help="Which list, as the configuration names it.")],
    layout: Annotated[str, typer.Option("--format", help=f"Whose layout it has: {FORMATS}.")] = "text",
    column: Annotated[str | None, typer.Option(help="The number's column, by heading or number; makes it csv.")] = None,
    change: Annotated[
        str | None, typer.Option("--change-column", help="The column that says added or deleted: a file of changes.")
    ] = None,
    country: Annotated[str | None, typer.Option(help="Where national numbers are of; else the list's country.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Calling codes are written without a plus: 32470…")] = False,
    member: Annotated[str | None, typer.Option(help="Which file of a zip file, where it has several.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="When its source was true: a date, or ISO 8601 with zone; else now.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="Its version; else the moment of --as-of.")] = None,
    max_broken: Annotated[
        str, typer.Option("--max-broken", help="The share of lines that may be broken: 0.1% or 0.001.")
    ] = f"{MAX_BROKEN:.1%}",
    accept_shrink: Annotated[
        bool, typer.Option("--accept-shrink", help="However much smaller it is than the version in force.")
    ] = False,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Load a new version beside the old one and switch to it in one step.

    Exit code 0: it is in force; 1: the file was refused, and the version before stays in force; 2: it could not be
    done.
    """
    with explained():
        settings = config.load(config_file)
    rule = settings.lists.get(name)
    if rule is None:
        fail(f"no list {name!r} is configured; known are {', '.join(sorted(settings.lists)) or 'none'}")
    at = _moment(as_of) if as_of else daemon.clock_of(settings)()
    wanted = Wanted(
        list=name,
        file=file,
        reading=_reading(layout, country or rule.country, bare, column, change),
        as_of=at,
        version=version or f"{at:%Y%m%d%H%M%S}",
        limits=Limits(_share(max_broken), accept_shrink),
        member=member,
    )
    tally = Tally()
    with explained():
        try:
            taken = _watched(settings, wanted, tally)
        except FileRefused as error:
            _refuse(wanted, tally, error, as_json)
    of = run(put(settings, wanted, taken, tally))
    _say(of.version, wanted, taken, tally, as_json)


def _reading(layout: str, country: str, bare: bool, column: str | None, change: str | None) -> Reading:
    if layout == "text" and column is not None:
        layout = "csv"
    if layout not in LAYOUTS:
        fail(f"no format {layout!r}; known are {FORMATS}")
    if layout == "csv" and column is None:
        fail("say with --column which column has the number, by its heading or by its number")
    return Reading(LAYOUTS[layout], country, bare, column, change)


def _moment(as_of: str) -> datetime:
    try:
        at = datetime.fromisoformat(as_of)
    except ValueError:
        fail(f"--as-of {as_of!r} is no moment; write it like 2026-11-24 or 2026-11-24T09:00:00+01:00")
    if len(as_of) <= len("2026-11-24"):
        return at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        fail(f"--as-of {as_of!r} has no zone; write it like 2026-11-24T09:00:00+01:00")
    return at


def _watched(settings: Settings, wanted: Wanted, tally: Tally) -> Taken:
    size = Path(wanted.file).stat().st_size if wanted.file != "-" else None
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"reading {wanted.list}", total=size)
        return read_file(settings, wanted, tally, lambda count: progress.advance(task, count))


def _refuse(wanted: Wanted, tally: Tally, error: FileRefused, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"list": wanted.list, "refused": str(error), **_lines(tally)})
    _describe(wanted, tally)
    err.print(f"refused: {error}. The version before stays in force.", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _say(version: str, wanted: Wanted, taken: Taken, tally: Tally, as_json: bool) -> None:
    count = len(taken.numbers)
    if as_json:
        counted = {"numbers": count, "new": taken.new, "gone": taken.gone}
        print_json({"list": wanted.list, "version": version, "as_of": wanted.as_of, **counted, **_lines(tally)})
        return
    _describe(wanted, tally)
    out.print(
        f"{wanted.list}: version {version} with {count:,} numbers is in force: {taken.new:,} new, {taken.gone:,} gone,"
        f" {tally.broken:,} of {tally.lines:,} lines broken."
    )


def _lines(tally: Tally) -> dict[str, object]:
    return {"lines": tally.lines, "broken": tally.broken, "samples": tally.samples}


def _describe(wanted: Wanted, tally: Tally) -> None:
    for sample in tally.samples:
        err.print(f"{wanted.file}: {sample}", style="yellow", markup=False, soft_wrap=True)


@app.command()
def show(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the lists in force, their versions and ages."""

    async def work() -> list[dict[str, object]]:
        settings = config.load(config_file)
        now = daemon.clock_of(settings)()
        async with daemon.stores(settings, daemon.command_writer(), daemon.clock_of(settings)) as (_, cache):
            found = await directory(cache.redis, cache.keys)
        rows: list[dict[str, object]] = []
        for name, rule in settings.lists.items():
            loaded = found.get(name)
            age = (now - loaded.of.scrubbed_at).total_seconds() / 86_400 if loaded else None
            rows.append(
                {
                    "list": name,
                    "country": rule.country,
                    "version": loaded.of.version if loaded else None,
                    "numbers": loaded.count if loaded else 0,
                    "days_old": round(age, 2) if age is not None else None,
                    "days_allowed": rule.max_age_days,
                }
            )
        return rows

    rows = run(work())
    if as_json:
        print_json(rows)
        return
    table = Table("list", "country", "version", "numbers", "days old", "allowed", box=None, header_style="dim")
    for row in rows:
        table.add_row(*("never loaded" if value is None else str(value) for value in row.values()))
    out.print(table)
