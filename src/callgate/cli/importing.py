"""`callgate suppress import`: a partner's list of people who object, into force."""

import getpass
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from callgate import config, installation
from callgate.cli import entering
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import objectorfile
from callgate.core.gate import Scope
from callgate.core.objecting import Door, objection, origin_of
from callgate.core.objectorfile import Fault
from callgate.stores.encoding import read_keys
from callgate.stores.objections import Audience
from callgate.stores.objectors import read_objectors

BATCH = 500
"""Objections that share a transaction of the ledger."""
SHOWN = 20
"""Faults of a file that are shown."""


@dataclass(slots=True)
class Tally:
    """What came of a list: objections entered, people who objected already, and lines that name nobody."""

    entered: int = 0
    known: int = 0
    broken: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, batch: Sequence[str | Fault], entered: int, known: int) -> None:
        """Count a step; the first few faults are kept for a person."""
        faults = [str(one) for one in batch if isinstance(one, Fault)]
        self.entered += entered
        self.known += known
        self.broken += len(faults)
        self.samples += faults[: SHOWN - len(self.samples)]


def import_(
    file: Annotated[Path, typer.Argument(help="A number a line, or CSV with a column named number.")],
    controller: Annotated[str, typer.Option("--controller", help="The company whose calls they object to.")],
    source: Annotated[str, typer.Option("--source", help="Whose list it is, for example: partner crm.")],
    by: Annotated[str | None, typer.Option("--by", help="Who enters it; else the user of this shell.")] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter the objections of a list, step by step; those in force already are passed over, so it may be run again.

    Exit code 0: all of it is in force; 1: so is the rest, and some lines name nobody; 2: it could not be done to its
    end."""
    with explained():
        settings = config.load(config_file)
    entering.audience(settings, controller, everyone=False)
    try:
        origin = origin_of(source)
    except ValueError as error:
        fail(str(error))
    tally = Tally()
    try:
        run(_enter(settings, file, controller, origin, by or getpass.getuser(), tally))
    finally:
        _say(tally, file, controller, as_json)
    raise typer.Exit(1 if tally.broken else 0)


async def _enter(settings: Settings, file: Path, controller: str, origin: str, by: str, tally: Tally) -> None:
    keys, clock = read_keys(settings.secrets.suppression_key_file), installation.clock_of(settings)
    async with entering.an_office(settings) as (office, ledger):
        objectors, audience = await read_objectors(ledger, keys), Audience(Scope.CONTROLLER, controller)
        for batch in _batches(file, settings.site.country):
            wanted = dict.fromkeys(one for one in batch if not isinstance(one, Fault))
            new = [number for number in wanted if not objectors.stands(number, audience)]
            if new:
                at = clock()
                await office.suppress(
                    *(objection(one, at, Door.IMPORT, by=by, controller=controller, origin=origin) for one in new)
                )
            tally.add(batch, len(new), len(wanted) - len(new))


def _batches(file: Path, country: str) -> Iterator[list[str | Fault]]:
    """The list in steps, with a progress bar on a terminal. Raises OSError; ends the command where it is not UTF-8."""
    with (
        file.open(encoding="utf-8-sig", newline="") as text,
        Progress(console=err, transient=True, disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task("entering objections", total=file.stat().st_size)

        def lines() -> Iterator[str]:
            for line in text:
                progress.advance(bar, len(line.encode()))
                yield line

        read = objectorfile.read(lines(), country)
        try:
            while batch := list(islice(read, BATCH)):
                yield batch
        except UnicodeDecodeError:
            fail(f"{file} is not UTF-8")


def _say(tally: Tally, file: Path, controller: str, as_json: bool) -> None:
    if as_json:
        print_json({"entered": tally.entered, "known": tally.known, "broken": tally.broken, "samples": tally.samples})
        return
    for sample in tally.samples:
        err.print(f"{file}: {sample}", style="yellow", markup=False, soft_wrap=True)
    out.print(
        f"{tally.entered:,} objections to calls of {controller} were entered and are in force; {tally.known:,} were"
        f" already; {tally.broken:,} lines name nobody."
    )
