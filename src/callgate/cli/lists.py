"""`callgate lists`: bring a national do-not-call list into force, and show those that are."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, TextIO

import numpy as np
import typer
from rich.progress import Progress
from rich.table import Table

from callgate import config, daemon
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, fail, out, print_json, run
from callgate.core import phone
from callgate.stores.listfile import ListFile, ListVersion
from callgate.stores.lists import directory, load_list
from callgate.stores.listwriter import write_list

app = typer.Typer(help="National do-not-call lists: import, show.", no_args_is_help=True)

SAMPLES = 5
WORST_SHARE = 0.01
"""More broken lines than this, and the file is not what it is taken for."""


@dataclass(slots=True)
class Read:
    """What came of reading a list file."""

    numbers: set[int] = field(default_factory=set)
    lines: int = 0
    broken: int = 0
    samples: list[str] = field(default_factory=list)


def read(lines: Iterable[str], country: str) -> Read:
    """One number a line, national or international; `#` begins a comment. Broken lines are counted and sampled."""
    result = Read()
    for at, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        result.lines += 1
        try:
            result.numbers.add(int(phone.parse(text, country).digits))
        except phone.NotANumber as error:
            result.broken += 1
            if len(result.samples) < SAMPLES:
                result.samples.append(f"line {at}: {error}")
    return result


@app.command(name="import")
def import_(
    file: Annotated[str, typer.Argument(help="One number a line; - reads standard input.")],
    name: Annotated[str, typer.Option("--list", help="Which list, as the configuration names it.")],
    version: Annotated[str | None, typer.Option("--version", help="Its version; else the moment of the scrub.")] = None,
    scrubbed_at: Annotated[
        str | None, typer.Option("--scrubbed-at", help="When its source was true, ISO 8601 with zone; else now.")
    ] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Load a new version beside the old one and switch to it in one step. A file that is refused changes nothing."""
    loaded = run(_import(config_file, file, name, version, scrubbed_at))
    if as_json:
        print_json({"list": name, "version": loaded.of.version, "numbers": loaded.count})
    else:
        out.print(f"{name}: version {loaded.of.version} with {loaded.count:,} numbers is in force.")


async def _import(config_file: Path, file: str, name: str, version: str | None, scrubbed_at: str | None) -> ListFile:
    settings = config.load(config_file)
    rule = settings.lists.get(name)
    if rule is None:
        fail(f"no list {name!r} is configured; known are {', '.join(sorted(settings.lists)) or 'none'}")
    at = datetime.fromisoformat(scrubbed_at) if scrubbed_at else daemon.clock_of(settings)()
    if at.tzinfo is None:
        fail(f"--scrubbed-at {scrubbed_at!r} has no zone; write it like 2026-11-24T09:00:00+01:00")
    result = _read_file(file, rule.country)
    for sample in result.samples:
        err.print(f"{file}: {sample}", style="yellow", markup=False)
    if result.broken > result.lines * WORST_SHARE:
        fail(f"{result.broken} of {result.lines} lines are broken: refused, the version before stays in force")
    if not result.numbers:
        fail(f"{file} holds no number: refused, the version before stays in force")
    of = ListVersion(name, rule.country, version or f"{at:%Y%m%d%H%M%S}", at)
    path = daemon.list_path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    async with daemon.stores(settings, daemon.command_writer(), daemon.clock_of(settings)) as (_, cache):
        written = write_list(path, of, [np.array(sorted(result.numbers), np.uint64)])
        await load_list(cache.redis, cache.keys, written)
    return written


def _read_file(file: str, country: str) -> Read:
    if file == "-":
        return read(sys.stdin, country)
    path = Path(file)
    with path.open(encoding="utf-8", errors="replace") as opened, Progress(console=err, transient=True) as progress:
        return read(_watched(opened, path.stat().st_size, progress), country)


def _watched(file: TextIO, size: int, progress: Progress) -> Iterator[str]:
    task = progress.add_task("reading", total=size)
    for line in file:
        progress.advance(task, len(line))
        yield line


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
