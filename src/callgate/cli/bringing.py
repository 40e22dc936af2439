"""A register's file into force, as both `lists import` and `lists fetch` do it, and what they say of it.

How far it is, is shown to a person (`shown`) or told to a program that watches (`told`).
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.progress import Progress as Bar

from callgate.cli.common import err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.intoforce import Wanted, put, read_file
from callgate.registers.errors import FileRefused
from callgate.registers.intake import Taken
from callgate.registers.layouts import LAYOUTS
from callgate.registers.reading import Reading, Tally
from callgate.registers.source import OnBytes

FORMATS = ", ".join(sorted(LAYOUTS))


Progress = Callable[[Wanted], AbstractContextManager[OnBytes]]
"""Says how far the reading of a file is; hears how many bytes of it were read since the last time."""


@contextmanager
def shown(wanted: Wanted) -> Iterator[OnBytes]:
    """To a person, on a terminal."""
    size = Path(wanted.file).stat().st_size if wanted.file != "-" else None
    with Bar(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"reading {wanted.list}", total=size)
        yield lambda count: progress.advance(task, count)


@contextmanager
def told(wanted: Wanted) -> Iterator[OnBytes]:
    """To a program, which may end this process (SIGTERM) while the file is read.

    From then on it is brought into force, and nothing half-done is to be left by somebody who changed their mind.
    """
    del wanted
    read = 0

    def say(count: int) -> None:
        nonlocal read
        read += count
        err.file.write(json.dumps({"read": read}) + "\n")
        err.file.flush()

    yield say
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    err.file.write(json.dumps({"loading": True}) + "\n")
    err.file.flush()


def bring(settings: Settings, wanted: Wanted, as_json: bool, progress: Progress = shown) -> None:
    """Bring a file into force and say so; where it is refused, say why, and end with exit code 1."""
    tally = Tally()
    with explained():
        try:
            with progress(wanted) as on_bytes:
                taken = read_file(settings, wanted, tally, on_bytes)
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


def _refuse(wanted: Wanted, tally: Tally, error: FileRefused, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"list": wanted.list, "refused": str(error), "flaw": error.flaw, **_lines(tally)})
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
