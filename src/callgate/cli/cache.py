"""`callgate cache`: whether Redis holds what it should, and how it comes to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.progress import Progress, TaskID
from rich.table import Table

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, out, print_json, run
from callgate.stores.cache import readiness
from callgate.stores.cache.verify import Compared, verify
from callgate.stores.errors import Unready

app = typer.Typer(help="The suppression cache in Redis: verify, rebuild.", no_args_is_help=True)


@app.command(name="verify")
def verify_(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Compare every entry with the truth: each list with its file, the objections with the ledger.

    Calls go on meanwhile, and nothing is changed. Exit code 1: something differs; `callgate cache rebuild` mends it.
    """

    async def work() -> list[Compared]:
        settings = config.load(config_file)
        async with installation.opened(settings) as (ledger, cache):
            with _bars() as progress:
                return [part async for part in verify(cache, ledger, installation.list_files(settings), progress)]

    parts = run(work())
    ok = all(part.ok for part in parts)
    if as_json:
        print_json({"ok": ok, "parts": [asdict(part) | {"ok": part.ok} for part in parts]})
    else:
        table = Table("", "part", "right", "missing", "in excess", "", box=None, header_style="dim")
        for part in parts:
            numbers = (f"{count:,}" for count in (part.right, part.missing, part.extra))
            table.add_row("[green]✓[/]" if part.ok else "[red]✗[/]", part.part, *numbers, part.note)
        out.print(table)
        if not ok:
            out.print("Run `callgate cache rebuild`; calls go on meanwhile.", markup=False)
    raise typer.Exit(0 if ok else 1)


@app.command()
def rebuild(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Fill Redis anew from the ledger and the list files. Calls go on: each part serves until the new one is whole.

    Exit code 1: it was filled, and something still stands between it and being believed.
    """

    async def work() -> tuple[Unready, ...]:
        settings = config.load(config_file)
        async with installation.opened(settings) as (ledger, cache):
            with _bars() as progress:
                files = installation.list_files(settings)
                return await readiness.rebuild(cache, ledger, files, anew=True, progress=progress)

    problems = run(work())
    if as_json:
        print_json({"ready": not problems, "problems": [asdict(problem) for problem in problems]})
    elif problems:
        for problem in problems:
            out.print(str(problem), style="red", markup=False, soft_wrap=True)
    else:
        out.print("The cache was filled anew and is ready.")
    raise typer.Exit(1 if problems else 0)


@contextmanager
def _bars() -> Iterator[readiness.Progress]:
    """A bar for each part, on a terminal."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = progress.add_task(part)
            progress.update(tasks[part], completed=done, total=total)

        yield show
