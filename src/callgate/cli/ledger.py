"""`callgate ledger`: what happened."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callgate import config, daemon
from callgate.cli.common import ConfigOption, JsonOption, default_config, out, print_json, run
from callgate.core import phone
from callgate.stores.schema import Entry

app = typer.Typer(help="What happened, as it was committed.", no_args_is_help=True)


@app.command()
def show(
    call: Annotated[str | None, typer.Option("--call", help="Only this call: its CALLGATE_ID.")] = None,
    after: Annotated[int, typer.Option("--after", help="Only what came after this sequence number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many events.")] = 1_000,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Show events of the ledger in their order. Numbers are masked."""

    async def work() -> list[Entry]:
        settings = config.load(config_file)
        async with daemon.stores(settings, daemon.command_writer(), daemon.clock_of(settings)) as (ledger, _):
            return await ledger.read(call=call, after_seq=after, limit=limit)

    entries = run(work())
    if as_json:
        print_json([_as_json(entry) for entry in entries])
        return
    table = Table("seq", "at", "event", "call", "number", "what", box=None, header_style="dim")
    for entry in entries:
        event = entry.event
        said = event.payload
        what = " ".join(str(said[key]) for key in ("outcome", "reason", "by", "alarm", "seconds") if key in said)
        at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        number = phone.mask(event.number) if event.number else ""
        table.add_row(str(entry.seq), at, event.kind, event.call or "", number, escape(what))
    out.print(table)


def _as_json(entry: Entry) -> dict[str, object]:
    event = entry.event
    return {
        "seq": entry.seq,
        "writer": entry.writer,
        "at": event.at.isoformat(),
        "event": event.kind,
        "call": event.call,
        "number": phone.mask(event.number) if event.number else None,
        "controller": event.controller,
        "payload": dict(event.payload),
    }
