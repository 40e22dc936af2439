"""`callgate notes`: put a note through the screen, enter how a call ended, look through the notes that are kept."""

import getpass
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from callgate import config, installation, notes
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.core.screen import Finding
from callgate.core.vocabulary import SOURCES
from callgate.office.noting import NoteRefused, Noting, Rescreened

app = typer.Typer(help="Call notes: what they may hold, and how calls ended.", no_args_is_help=True)

Text = Annotated[str, typer.Argument(help="The note; - reads it from standard input.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it; else the user of this shell.")]


@app.command()
def screen(
    text: Text = "-",
    language: Annotated[
        list[str] | None, typer.Option("--language", help="One it may be written in; else all: nl, fr, de, en.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a note must not hold. Nothing of it is kept. Exit code 0: nothing was found; 1: something was."""
    try:
        found = notes.screen(_read(text), language or notes.LANGUAGES)
    except ValueError as error:
        fail(str(error))
    if as_json:
        print_json({"ok": not found, "findings": _as_json(found)})
    elif not found:
        out.print("Nothing was found that a note must not hold.")
    _refuse(found, say=not as_json)


@app.command()
def add(
    call: Annotated[str, typer.Argument(help="The call: its CALLGATE_ID.")],
    outcome: Annotated[str, typer.Option("--outcome", help="How it ended: one of the campaign's outcomes.")],
    text: Annotated[str, typer.Option("--text", help="A note; - reads it from standard input.")] = "",
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter how a call ended, and a note where the campaign takes notes. Exit code 1: refused, and nothing was kept."""
    note = _read(text) if text else ""
    with explained():
        settings = config.load(config_file)

    async def work() -> None:
        clock = installation.clock_of(settings)
        async with installation.opened(settings) as (ledger, cache):
            noting = Noting(ledger, lambda: config.to_policy(settings), clock, cache.contacts)
            await noting.note(call, outcome, note, by or getpass.getuser())

    try:
        run(work())
    except NoteRefused as error:
        if as_json:
            print_json({"ok": False, "why": str(error), "findings": _as_json(error.findings)})
        else:
            err.print(f"refused: {error}", style="red", markup=False, soft_wrap=True)
            _refuse(error.findings, say=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"ok": True})
    else:
        out.print("It is in the ledger.")


@app.command()
def rescreen(
    erase: Annotated[bool, typer.Option("--erase", help="Remove those that fail, for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Put every note that is kept through the screen as it is today.

    Exit code 0: none fails, or those that failed were removed; 1: some fail, and are still there.
    """
    if erase and not yes:
        typer.confirm("Remove for good the notes that fail?", abort=True)
    with explained():
        settings = config.load(config_file)

    async def work() -> Rescreened:
        clock = installation.clock_of(settings)
        async with installation.opened(settings) as (ledger, cache):
            noting = Noting(ledger, lambda: config.to_policy(settings), clock, cache.contacts)
            with Progress(console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
                bar = progress.add_task("reading notes", total=None)
                return await noting.rescreen(
                    by or getpass.getuser(), erase=erase, progress=lambda read: progress.update(bar, completed=read)
                )

    done = run(work())
    print_json(_told(done)) if as_json else _print(done)
    if done.failing and not done.removed:
        raise typer.Exit(1)


def _read(text: str) -> str:
    return sys.stdin.read().strip() if text == "-" else text


def _as_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [asdict(finding) | {"source": SOURCES[finding.category]} for finding in findings]


def _refuse(findings: Sequence[Finding], *, say: bool) -> None:
    """End with exit code 1 where something was found."""
    if say:
        for finding in findings:
            line = f"  {finding.words}: {finding.category} ({SOURCES[finding.category]})"
            err.print(line, markup=False, soft_wrap=True)
    if findings:
        raise typer.Exit(1)


def _told(done: Rescreened) -> dict[str, object]:
    failing = [asdict(one) | {"at": one.at.isoformat(), "findings": _as_json(one.findings)} for one in done.failing]
    return {"read": done.read, "failing": failing, "removed": done.removed, "overwritten": done.overwritten}


def _print(done: Rescreened) -> None:
    table = Table("seq", "at", "call", "controller", "category", "words", box=None, header_style="dim")
    for one in done.failing:
        at = one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        for finding in one.findings:
            table.add_row(str(one.seq), at, one.call, one.controller, finding.category, finding.words)
    if done.failing:
        out.print(table)
    ending = ", and were removed" if done.failing and done.removed else ""
    out.print(f"{done.read:,} notes were read; {len(done.failing):,} fail{ending}.")
    if not done.overwritten:
        out.print("Somebody was reading: copies lie in the log until tonight, or until this is repeated.")
