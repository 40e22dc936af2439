"""What the commands about requests of persons share: who enters it, at which desk, and how a request is shown."""

import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from callgate import config, installation
from callgate.cli import entering
from callgate.cli.common import err, explained, fail, out, print_json, run
from callgate.config import Settings
from callgate.core import phone, written
from callgate.core.access import Principal, Role
from callgate.core.callback import NoCallBack
from callgate.core.requests import Request
from callgate.rights.desk import Asked, Desk, NotAllowed, Unfit

T = TypeVar("T")

Number = Annotated[str, typer.Argument(help="The person's number, international or as dialled on this PBX.")]
Controller = Annotated[str, typer.Option("--controller", help="Which company is asked.")]
By = Annotated[str | None, typer.Option("--by", help="The officer who enters it; else the user of this shell.")]
Because = Annotated[str, typer.Option("--because", help="Why, or on what paper: letter of 2026-11-20.")]
Identity = Annotated[str, typer.Option("--identity", help="How the person was identified.")]
Received = Annotated[
    datetime | None, typer.Option("--received", formats=["%Y-%m-%d"], help="The day on which it came; else today.")
]
Language = Annotated[
    str, typer.Option("--language", help="The person's: nl, fr, de or en; else that of the calls to them.")
]
RequestId = Annotated[str, typer.Argument(help="The request, as `rights list` names it.", metavar="REQUEST")]


def officer(by: str | None) -> Principal:
    """Who enters it. Whoever runs commands on this machine is taken for an officer: there is no other login."""
    return Principal(by or getpass.getuser(), Role.OFFICER)


def loaded(config_file: Path) -> Settings:
    """The configuration; ends the command where it cannot be read."""
    with explained():
        return config.load(config_file)


def asked(
    settings: Settings,
    number: str,
    controller: str,
    because: str,
    received: datetime | None = None,
    *,
    language: str = "",
) -> Asked:
    """Who asks whom for what; ends the command where the number cannot be read."""
    try:
        known = written.read(number, settings.site.country)
    except phone.NotANumber as error:
        fail(f"the number cannot be read: {error}")
    came: date | None = received.date() if received else None
    return Asked(known.e164, controller, because, came, language)


@asynccontextmanager
async def a_desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk that lives as long as one command."""
    policy = config.to_policy(settings)
    async with entering.an_office(settings) as (office, ledger):
        recordings = installation.recordings_of(settings)
        clock = installation.clock_of(settings)
        yield installation.desk_of(settings, ledger, office, recordings, policy=lambda: policy, clock=clock)


def at_a_desk(settings: Settings, what: str, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do it; what cannot be done with a request ends the command with exit code 1."""

    async def working() -> T:
        async with a_desk(settings) as desk:
            return await work(desk)

    try:
        if err.is_terminal:
            with err.status(what):
                return run(working())
        return run(working())
    except (NotAllowed, NoCallBack, Unfit) as error:
        err.print(f"refused: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def told(request: Request) -> dict[str, Any]:
    """A request as it is shown: nothing of the person but the masked number."""
    limit = request.deadline
    return {
        "request": request.id,
        "right": request.right,
        "controller": request.controller,
        "person": request.masked,
        "stage": request.stage,
        "received": limit.received,
        "due": limit.due,
        "extended": limit.announced,
        "identified": request.identity.by if request.identity else None,
        "escalated": request.escalated,
        "asked": list(request.asked or ()),
        "outstanding": list(request.outstanding),
        "acknowledged": {name: given.answer for name, given in request.acknowledged.items()},
        "restricts": request.restricts,
        "by": request.by,
    }


def say(request: Request, what: str, as_json: bool, more: Mapping[str, Any] | None = None) -> None:
    """Tell what became of a request."""
    if as_json:
        print_json(told(request) | dict(more or {}))
        return
    out.print(f"{request.id} ({request.right}, {request.masked}, {request.controller}): {what}", markup=False)
    if request.outstanding:
        out.print(f"It waits for {', '.join(request.outstanding)}.", markup=False)
