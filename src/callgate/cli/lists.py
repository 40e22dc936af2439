"""`callgate lists`: bring a national do-not-call list into force, and show those that are."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from callgate import config, installation
from callgate.cli.bringing import FORMATS, bring, reading_of, share_of, shown, told
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, fail, out, print_json, run
from callgate.cli.fetch import fetch
from callgate.intoforce import Wanted
from callgate.registers.intake import MAX_BROKEN, Limits
from callgate.watching.lists import lists_in_force

app = typer.Typer(help="National do-not-call lists: import, fetch, show.", no_args_is_help=True)
app.command(name="fetch")(fetch)


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
    by: Annotated[str | None, typer.Option("--by", help="Who does so; else the user of this shell.")] = None,
    watched: Annotated[
        bool, typer.Option("--watched", help="Say on standard error how far it is, one JSON object a line.")
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
    at = _moment(as_of) if as_of else installation.clock_of(settings)()
    wanted = Wanted(
        list=name,
        file=file,
        reading=reading_of(layout, country or rule.country, bare, column, change),
        as_of=at,
        version=version or f"{at:%Y%m%d%H%M%S}",
        limits=Limits(share_of(max_broken), accept_shrink),
        member=member,
        by=by,
    )
    bring(settings, wanted, as_json, told if watched else shown)


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


@app.command()
def show(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the lists in force, their versions and ages."""

    async def work() -> list[dict[str, object]]:
        settings = config.load(config_file)
        now = installation.clock_of(settings)()
        async with installation.opened(settings) as (_, cache):
            found = await lists_in_force(cache)
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
