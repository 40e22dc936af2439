"""`callgate ledger`, the part for quiet hours: retention, keys, backup, restore."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, out, print_json, run
from callgate.stores.ledger import escrow, gap
from callgate.stores.ledger.audit import Report
from callgate.stores.ledger.backup import back_up, insist, restore
from callgate.stores.ledger.keyfile import add_master
from callgate.stores.ledger.projections import rebuild
from callgate.stores.ledger.upkeep import Removed, retain, rewrap

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]


def retain_command(
    dry_run: DryRun = False, config_file: ConfigOption = default_config, as_json: JsonOption = False
) -> None:
    """Remove what events say that are past their term. The daemon does so every night."""

    async def work() -> Removed:
        settings = config.load(config_file)
        clock = installation.clock_of(settings)
        async with installation.opened(settings) as (ledger, _):
            terms, now = installation.terms_of(settings), clock()
            by_law = terms.kept_by_law(now)
            return await retain(ledger, terms.limits(now), now, "command", kept_by_law=by_law, dry_run=dry_run)

    removed = run(work())
    if as_json:
        print_json({"removed": removed.by_kind, "first": removed.first, "last": removed.last, "dry_run": dry_run})
        return
    table = Table("event", "past its term", box=None, header_style="dim")
    for kind, count in sorted(removed.by_kind.items()):
        table.add_row(kind, str(count))
    if removed.by_kind:
        out.print(table)
        out.print("Nothing was removed: a rehearsal." if dry_run else "It was removed, and the chain holds on.")
    else:
        out.print("Nothing is past its term.")


def rotate_key(
    new: Annotated[
        str | None, typer.Option("--new", help="First add a fresh master key of this name to the file of keys.")
    ] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Wrap people's keys under the first master key of the file. Can be broken off, and run again.

    A daemon that is running still makes keys under the one that it began with: restart it, run this once more, and only
    then take the old line out of the file.
    """

    async def work() -> int:
        settings = config.load(config_file)
        if new is not None:
            add_master(settings.secrets.ledger_key_file, new)
        async with installation.opened(settings) as (ledger, _):
            return await rewrap(ledger)

    count = run(work())
    if as_json:
        print_json({"wrapped": count})
    elif count:
        out.print(f"{count} keys were wrapped anew. Restart callgate and run this again, until none is left.")
    else:
        out.print("Every key is under the first master key of the file; the other master lines can be taken out.")


def rebuild_projections(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Make the tables that are folded from the events anew. Nobody can append for as long as it takes."""

    async def work() -> int:
        settings = config.load(config_file)
        async with installation.opened(settings) as (ledger, _):
            return await rebuild(ledger)

    count = run(work())
    if as_json:
        print_json({"open_calls": count})
    else:
        out.print(f"The projections are as the events have it: {count} calls are open.")


def fingerprint_command(
    ledger_key: Annotated[Path | None, typer.Argument(help="A copy of ledger.key.")] = None,
    suppression_key: Annotated[Path | None, typer.Argument(help="A copy of suppression.key.")] = None,
    config_file: ConfigOption = default_config,
) -> None:
    """Print the fingerprint of the keys: of the two copies, or of those in force."""
    if (ledger_key is None) != (suppression_key is None):
        fail("a copy of ledger.key and one of suppression.key are needed, or neither")
    with explained():
        if ledger_key is None or suppression_key is None:
            keys = config.load(config_file).secrets
            ledger_key, suppression_key = keys.ledger_key_file, keys.suppression_key_file
        out.print(escrow.fingerprint(ledger_key, suppression_key), highlight=False)


def backup(
    to: Annotated[Path, typer.Argument(help="The new file to write.")],
    escrowed: Annotated[
        str | None,
        typer.Option("--escrowed", help="What `callgate ledger fingerprint` says of the copies of the keys."),
    ] = None,
    config_file: ConfigOption = default_config,
) -> None:
    """Write a copy of the ledger while calls go on. The keys are not in it: copies of them must lie elsewhere."""
    with explained():
        settings = config.load(config_file)
        escrow.insist(escrowed, settings.secrets.ledger_key_file, settings.secrets.suppression_key_file)
    run(back_up(settings.ledger.url, to))
    out.print(f"{to} holds the ledger. Without {settings.secrets.ledger_key_file} nobody can read what is personal.")


def restore_command(
    backup_file: Annotated[
        Path | None,
        typer.Argument(help="What `callgate ledger backup` wrote. Leave it out after `pg_restore`."),
    ] = None,
    config_file: ConfigOption = default_config,
) -> None:
    """Put a backup where the ledger is to be, erase again what was erased since, and verify it.

    No call is made on it until `callgate ledger accept-gap`. Exit code 1: it is not as it was committed.
    """
    with explained():
        settings = config.load(config_file)
        if backup_file is None:
            insist(settings.ledger.url)
    clock = installation.clock_of(settings)

    async def make_ready(url: str) -> tuple[Report, int]:
        elsewhere = settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"url": url})})
        async with installation.opened(elsewhere) as (ledger, _):
            await gap.mark(ledger, clock())
            erased = await gap.erase_again(ledger, installation.journal_of(settings), clock())
            return await ledger.audit(), erased

    ready = restore(backup_file, settings.ledger.url, make_ready) if backup_file else make_ready(settings.ledger.url)
    report, erased = run(ready)
    if report.problems:
        err.print(f"It was restored, and does not verify: {report.problems[0]}", style="red", markup=False)
        raise typer.Exit(1)
    out.print(f"The ledger was restored: {report.events} events, this one among them, are as they were committed.")
    out.print(f"{erased} keys that had been destroyed since the backup were destroyed again.")
    out.print("Objections since the backup are missing: `callgate partners fetch` brings those that partners received.")
    out.print("Enter the rest, then run `callgate ledger accept-gap`. Until then every call is blocked.")
