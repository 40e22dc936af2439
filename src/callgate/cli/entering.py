"""What every command takes that enters a suppressing event: for whom, what, why, and an office that takes it."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from callgate import config, installation
from callgate.cli.common import err, explained, fail, print_json
from callgate.config import Settings
from callgate.core import phone, written
from callgate.core.events import Event
from callgate.core.wholefile import BadFile
from callgate.office.local import LocalOffice
from callgate.stores.encoding import read_keys
from callgate.stores.ledger import Ledger
from callgate.stores.objectors import Objectors, read_objectors

T = TypeVar("T")

SHOWN = 20
"""Faults of a file that are shown."""

Number = Annotated[str, typer.Argument(help="The person's number, international or as dialled on this PBX.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who enters it; else the user of this shell.")]


def settings_for(config_file: Path, controller: str) -> Settings:
    """The settings; ends the command where they do not load or name no such company."""
    with explained():
        settings = config.load(config_file)
    _insist_on(controller, settings)
    return settings


def number_in(text: str, settings: Settings) -> phone.Number:
    """The number that is written; ends the command where it is none."""
    try:
        return written.read(text, settings.site.country)
    except phone.NotANumber as error:
        fail(f"the number cannot be read: {error}")


def whole(file: str, as_json: bool, read: Callable[[Sequence[str]], list[T]]) -> list[T]:
    """What a file says that is taken whole or not at all; `-` is standard input. Ends the command with its faults."""
    with explained():
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
            return read(text.splitlines())
        except UnicodeDecodeError:
            fail(f"{file} is not UTF-8")
        except BadFile as error:
            if as_json:
                print_json({"entered": 0, "faults": error.faults})
            for fault in error.faults[:SHOWN]:
                err.print(f"{file}, {fault}", style="red", markup=False, soft_wrap=True)
            more = len(error.faults) - SHOWN
            err.print(f"refused, nothing was entered{f'; {more} more lines are wrong' if more > 0 else ''}")
            raise typer.Exit(1) from None


def given(reason: str) -> str:
    """The reason; ends the command where it says nothing."""
    if not reason.strip():
        fail("--reason is empty; say why, for example: letter of 2026-11-20")
    return reason.strip()


def audience(settings: Settings, controller: str | None, everyone: bool) -> str:
    """The scope that the options say; ends the command where they say none or two, or name no company."""
    if everyone == (controller is not None):
        fail("say either --controller NAME or --all")
    if controller is not None:
        _insist_on(controller, settings)
    return "all" if everyone else "controller"


def _insist_on(controller: str, settings: Settings) -> None:
    if controller not in settings.controllers:
        fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")


@asynccontextmanager
async def an_office(settings: Settings) -> AsyncIterator[tuple[LocalOffice, Ledger]]:
    """An office that lives as long as one command, and its ledger."""
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, cache):
        office = LocalOffice(
            ledger,
            cache,
            policy=lambda: config.to_policy(settings),
            clock=clock,
            doubt=lambda _: None,
            alarm=lambda _: None,
        )
        yield office, ledger


@asynccontextmanager
async def an_office_with_objectors(settings: Settings) -> AsyncIterator[tuple[LocalOffice, Objectors]]:
    """An office likewise, and who objects by its ledger, as of now."""
    keys = read_keys(settings.secrets.suppression_key_file)
    async with an_office(settings) as (office, ledger):
        yield office, await read_objectors(ledger, keys)


async def enter(settings: Settings, event: Event) -> None:
    """Commit a suppressing event; in force on return."""
    async with an_office(settings) as (office, _):
        await office.suppress(event)
