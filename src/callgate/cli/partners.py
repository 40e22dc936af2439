"""`callgate partners`: who is told, what waits for them, what did not arrive; and what they received from us."""

import getpass
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callgate import config, installation, partnering
from callgate.cli import entering
from callgate.cli.common import ConfigOption, JsonOption, default_config, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import phone
from callgate.partners import refill
from callgate.partners.http import http_session
from callgate.partners.settling import NotDead, let_be, tell_again
from callgate.stores.encoding import read_keys
from callgate.stores.outbox import Dead, Outbox, Stand

app = typer.Typer(help="Those who hold copies: what they were told, and what did not arrive.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A partner of the configuration.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this item, by its id; may be repeated.")]
By = Annotated[str | None, typer.Option("--by", help="Who does so; else the user of this shell.")]


@app.command()
def show(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the partners, and what waits for each. Exit code 1: something did not arrive, and a person has to look."""

    async def work() -> list[Stand]:
        async with _outbox(config.load(config_file)) as outbox:
            return [await outbox.stand(name) for name in (*outbox.partners, *await outbox.strangers())]

    stands = run(work())
    if as_json:
        print_json([asdict(stand) for stand in stands])
    elif stands:
        table = Table("partner", "waiting", "dead", "since", "failed", "again", "why", box=None, header_style="dim")
        for one in stands:
            when = (_local(one.oldest), str(one.tries or ""), _local(one.due))
            table.add_row(one.partner, f"{one.waiting:,}", f"{one.dead:,}", *when, escape(one.why))
        out.print(table)
    else:
        out.print("No partner is configured.")
    raise typer.Exit(1 if any(stand.dead for stand in stands) else 0)


@app.command()
def dead(name: Name, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show what a partner refused, or was told in vain for days. Exit code 1: there is something."""

    async def work() -> list[Dead]:
        async with _outbox(config.load(config_file), name) as outbox:
            return await outbox.dead(name)

    found = run(work())
    if as_json:
        print_json([_as_json(one) for one in found])
    elif found:
        table = Table("id", "what", "number", "controller", "at", "since", "why", box=None, header_style="dim")
        for one in found:
            item = one.item
            number = phone.mask(item.number) if item.number else ""
            about = (item.what, number, item.controller or "every company", _local(item.at), _local(one.since))
            table.add_row(item.id, *about, escape(one.why))
        out.print(table)
    else:
        out.print(f"Nothing for {name} is dead.")
    raise typer.Exit(1 if found else 0)


@app.command()
def retry(
    name: Name, ids: Ids = None, by: By = None, config_file: ConfigOption = default_config, as_json: JsonOption = False
) -> None:
    """Tell a partner again what is dead: all of it, or the items named. The daemon does so within seconds."""

    async def work() -> int:
        async with _outbox(config.load(config_file), name) as outbox:
            with _named():
                return await tell_again(outbox, name, ids or (), by or getpass.getuser())

    count = run(work())
    if as_json:
        print_json({"partner": name, "retried": count})
    else:
        out.print(f"{count} items are told to {name} again.")


@app.command()
def drop(
    name: Name,
    because: Annotated[str, typer.Option("--because", help="Why the partner need not be told; the ledger keeps this.")],
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is dead.")] = False,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Let be what is dead: the partner is not told any more. Who said so and why stays in the ledger."""
    if everything == bool(ids):
        fail("say either --id ID, as `callgate partners dead` shows it, or --all")
    if not because.strip():
        fail("--because is empty; say why, for example: told by letter of 2026-11-20")

    async def work() -> int:
        async with _outbox(config.load(config_file), name) as outbox:
            with _named():
                return await let_be(outbox, name, ids or (), by or getpass.getuser(), because.strip())

    count = run(work())
    if as_json:
        print_json({"partner": name, "dropped": count})
    else:
        out.print(f"{count} items are not told to {name} any more. That it was so decided is in the ledger.")


@app.command()
def fetch(
    name: Name,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Since then, UTC; else since the backup."),
    ] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Fetch the objections that a partner received from us, after a restore, and enter those that are missing."""

    async def work() -> refill.Fetched:
        settings = config.load(config_file)
        signers, tokens = partnering.signers_of(settings), read_keys(settings.secrets.suppression_key_file)
        _known(settings, name)
        clock = installation.clock_of(settings)
        async with entering.an_office(settings) as (office, ledger), http_session() as session:
            lines = partnering.lines_of(settings, signers, session, received=True)
            if name not in lines:
                fail(f"{name} has no address in `received` at which it says what it got from us")
            outbox = Outbox(ledger, partnering.partners_of(settings), clock)
            desk = refill.Desk(outbox, ledger, tokens, office.suppress, clock)
            return await desk.fetch(name, lines[name], since.replace(tzinfo=UTC) if since else None)

    fetched = run(work())
    if as_json:
        print_json({"partner": name, **asdict(fetched)})
    else:
        out.print(f"{name}: {fetched.says}.")
        out.print(
            "What had reached no partner when the ledger was lost is not among them: an officer answers for that."
        )


@asynccontextmanager
async def _outbox(settings: Settings, name: str | None = None) -> AsyncIterator[Outbox]:
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, _):
        outbox = Outbox(ledger, partnering.partners_of(settings), clock)
        # Also a partner that was taken out of the configuration, as long as something waits for it.
        if name is not None and name not in await outbox.strangers():
            _known(settings, name)
        yield outbox


def _known(settings: Settings, name: str) -> None:
    if name not in settings.partners:
        fail(f"no partner {name!r}; known are {', '.join(sorted(settings.partners)) or 'none'}")


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except NotDead as error:
        fail(str(error))


def _local(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else ""


def _as_json(one: Dead) -> dict[str, object]:
    number = phone.mask(one.item.number) if one.item.number else None
    return one.item.named() | {"number": number, "at": one.item.at, "dead": one.since, "why": one.why}
