"""What every command takes that enters a suppressing event: for whom, why, and an office that takes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callgate import config, daemon
from callgate.cli.common import fail
from callgate.config import Settings
from callgate.core.events import Event
from callgate.office import LocalOffice
from callgate.stores.ledger import Ledger


def given(reason: str) -> str:
    """The reason; ends the command where it says nothing."""
    if not reason.strip():
        fail("--reason is empty; say why, for example: letter of 2026-11-20")
    return reason.strip()


def audience(settings: Settings, controller: str | None, everyone: bool) -> str:
    """The scope that the options say; ends the command where they say none or two, or name no company."""
    if everyone == (controller is not None):
        fail("say either --controller NAME or --all")
    if controller is not None and controller not in settings.controllers:
        fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")
    return "all" if everyone else "controller"


@asynccontextmanager
async def an_office(settings: Settings) -> AsyncIterator[tuple[LocalOffice, Ledger]]:
    """An office that lives as long as one command, and its ledger."""
    clock = daemon.clock_of(settings)
    async with daemon.stores(settings, daemon.command_writer(), clock) as (ledger, cache):
        office = LocalOffice(
            ledger,
            cache,
            policy=lambda: config.to_policy(settings),
            clock=clock,
            doubt=lambda _: None,
            alarm=lambda _: None,
        )
        yield office, ledger


async def enter(settings: Settings, event: Event) -> None:
    """Commit a suppressing event; in force on return."""
    async with an_office(settings) as (office, _):
        await office.suppress(event)
