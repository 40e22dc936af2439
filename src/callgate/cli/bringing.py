"""A register's file into force, as both `lists import` and `lists fetch` do it, and what they say of it."""

from pathlib import Path
from typing import NoReturn

import typer
from rich.progress import Progress

from callgate.cli.common import err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.intoforce import Wanted, put, read_file
from callgate.registers.errors import FileRefused
from callgate.registers.intake import Taken
from callgate.registers.layouts import LAYOUTS
from callgate.registers.reading import Reading, Tally

FORMATS = ", ".join(sorted(LAYOUTS))


def bring(settings: Settings, wanted: Wanted, as_json: bool) -> None:
    """Bring a file into force and say so; where it is refused, say why, and end with exit code 1."""
    tally = Tally()
    with explained():
        try:
            taken = _watched(settings, wanted, tally)
        except FileRefused as error:
            _refuse(wanted, tally, error, as_json)
    of = run(put(settings, wanted, taken, tally))
    _say(of.version, wanted, taken, tally, as_json)


def share_of(text: str) -> float:
    """A share, written like 0.1% or 0.001; ends the command for anything else."""
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1
    if not 0 <= found <= 1:
        fail(f"--max-broken {text!r} is no share; write it like 0.1% or 0.001")
    return found


def reading_of(layout: str, country: str, bare: bool, column: str | None, change: str | None) -> Reading:
    """How a file is to be read; ends the command for a layout that there is not."""
    if layout == "text" and column is not None:
        layout = "csv"
    if layout not in LAYOUTS:
        fail(f"no format {layout!r}; known are {FORMATS}")
    if layout == "csv" and column is None:
        fail("say with --column which column has the number, by its heading or by its number")
    return Reading(LAYOUTS[layout], country, bare, column, change)


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
