"""`callgate rights`, the commands about a request that was entered: by its name, as `rights list` shows it."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callgate import installation
from callgate.cli.asking import Because, By, Identity, RequestId, at_a_desk, loaded, officer, say, told
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, out, print_json
from callgate.core.requests import Answer, Request
from callgate.rights import certificate as certificates
from callgate.rights.desk import Desk
from callgate.rights.limiting import lift as lift_restriction
from callgate.rights.pages import certificate_page

SHOWN = ("request", "right", "controller", "person", "stage", "received", "due", "outstanding", "by")


def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were answered.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Only those that are late.")] = False,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Show the requests that are open, the next to be answered first. Exit code 1: one of them is late."""
    settings = loaded(config_file)
    today = installation.clock_of(settings)().date()
    found = at_a_desk(settings, "looking", lambda desk: desk.requests(officer(None)))
    wanted = [one for one in found if (one.late(today) if late else everything or not one.answered)]
    wanted.sort(key=lambda one: (one.answered, one.deadline.due))
    rows = [told(one) | {"late": one.late(today)} for one in wanted]
    if as_json:
        print_json(rows)
    elif rows:
        table = Table(*SHOWN, box=None, header_style="dim")
        for row in rows:
            cells = (row[name] for name in SHOWN)
            style = "red" if row["late"] else None
            table.add_row(*(", ".join(c) if isinstance(c, list) else str(c) for c in cells), style=style)
        out.print(table)
    else:
        out.print("No request is open.")
    raise typer.Exit(1 if any(row["late"] for row in rows) else 0)


def show(request: RequestId, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show how a request stands, and what was entered of it."""

    async def work(desk: Desk) -> tuple[Request, list[dict[str, str]]]:
        found = await desk.request(officer(None), request)
        entries = [entry async for batch in desk.ledger.requests(request) for entry in batch]
        return found, [
            {"at": e.event.at.isoformat(), "event": e.event.kind, "by": str(e.event.payload.get("by", ""))}
            for e in entries
        ]

    found, events = at_a_desk(loaded(config_file), "looking", work)
    if as_json:
        print_json(told(found) | {"events": events})
        return
    table = Table(show_header=False, box=None)
    for name, value in told(found).items():
        table.add_row(name, str(value) if value not in (None, [], {}) else "")
    for event in events:
        table.add_row(event["at"][:16].replace("T", " "), f"{event['event']} {event['by']}")
    out.print(table)


def identify(
    request: RequestId,
    identity: Identity,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter how the person was identified."""
    _act(request, "identified.", config_file, as_json, lambda desk, one: desk.identify(officer(by), one, identity))


def call_back(
    request: RequestId, by: By = None, config_file: ConfigOption = default_config, as_json: JsonOption = False
) -> None:
    """Enter that the person is called back to see that the number is theirs; after this, dial it.

    Only a number that was called lately, once a day, and never one that costs more. Exit code 1: it is not.
    """
    _act(request, "may be called back now.", config_file, as_json, lambda desk, one: desk.call_back(officer(by), one))


def extend(
    request: RequestId,
    because: Because,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Take two more months, once. The person must be told today, and why (GDPR Art. 12(3))."""
    _act(request, "extended.", config_file, as_json, lambda desk, one: desk.extend(officer(by), one, because))


def refuse(
    request: RequestId,
    because: Because,
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Refuse a request. The person must be told why, and where they can complain (GDPR Art. 12(4))."""
    _act(request, "refused.", config_file, as_json, lambda desk, one: desk.refuse(officer(by), one, because))


def acknowledge(
    request: RequestId,
    partner: Annotated[str, typer.Option("--partner", help="Who answered.")],
    answer: Annotated[Answer, typer.Option("--answer", help="What they did.")],
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter what a partner answered that was asked to erase. The last answer closes the request."""
    work = lambda desk, one: desk.acknowledge(officer(by), one, partner, answer)  # noqa: E731
    _act(request, f"{partner}: {answer}.", config_file, as_json, work)


def lift(
    request: RequestId,
    because: Because,
    told_person: Annotated[str, typer.Option("--told", help="How the person was told before (GDPR Art. 18(3)).")],
    by: By = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Lift a restriction. The person must have been told before."""

    def work(desk: Desk, one: Request) -> Awaitable[Request]:
        return lift_restriction(desk, officer(by), one, because=because, told=told_person)

    _act(request, "the restriction is lifted.", config_file, as_json, work)


def certificate(
    request: RequestId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder for the certificate and its page; else it is printed."),
    ] = None,
    config_file: ConfigOption = default_config,
) -> None:
    """Make the signed certificate of an erasure that is closed. It can be made again at any time."""

    async def work(desk: Desk) -> dict[str, str]:
        found = await desk.request(officer(None), request)
        known = desk.policy().controllers.get(found.controller)
        name = known.name if known else found.controller
        return certificates.sign(found, name, desk.ledger.identity, desk.ledger.ring.keys.signing)

    made = at_a_desk(loaded(config_file), "signing", work)
    if output is None:
        print_json(made)
        return
    with explained():
        written_to(output / f"{request}.json", json.dumps(made, indent=2, ensure_ascii=False))
        page = written_to(output / f"{request}.html", certificate_page(made))
    out.print(f"The certificate is in {page.with_suffix('.json')} and {page}.", markup=False)


def written_to(path: Path, text: str) -> Path:
    """Write a file that its owner alone can read. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
    return path


def _act(
    request: str,
    what: str,
    config_file: Path,
    as_json: bool,
    work: Callable[[Desk, Request], Awaitable[Request]],
) -> None:
    """Do something with a request, and tell how it stands."""

    async def working(desk: Desk) -> Request:
        return await work(desk, await desk.request(officer(None), request))

    say(at_a_desk(loaded(config_file), "entering", working), what, as_json)
