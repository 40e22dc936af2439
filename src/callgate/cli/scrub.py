"""`callgate scrub`: sift a lead file into what a campaign may call and what it must not."""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import Progress, TaskID

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, fail, print_json, run
from callgate.config import Settings
from callgate.core.gate import ListState
from callgate.core.policy import Campaign
from callgate.intoforce import version_in_force
from callgate.registers.errors import FileRefused
from callgate.scrub.judging import Judge, Unscrubbable, check_lists
from callgate.scrub.lawful import LawOfLists
from callgate.scrub.leads import Leads, begin
from callgate.scrub.objections import read_objections
from callgate.scrub.stream import Counts, Sieve
from callgate.stores.cache.readiness import check
from callgate.stores.errors import NotReady
from callgate.stores.lists.inforce import Loaded
from callgate.stores.lists.membership import Membership
from callgate.watching.lists import lists_in_force


def scrub(
    file: Annotated[str, typer.Argument(help="The leads, as CSV; - reads standard input.")],
    campaign: Annotated[str, typer.Option("--campaign", help="For which campaign.")],
    column: Annotated[str | None, typer.Option(help="The number's column, by heading or number.")] = None,
    allowed: Annotated[str, typer.Option(help="Where leads go that may be called; - is standard output.")] = "-",
    blocked: Annotated[str | None, typer.Option(help="Where the others go, each with the reason.")] = None,
    country: Annotated[str | None, typer.Option(help="Where national numbers are of; else the site's country.")] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Sift leads into those that may be called and those that must not. Every call is decided again when it is dialled.

    Exit code 0: all leads were judged; 1: the file was refused; 2: they could not be judged. Then no file was written.
    """
    with explained():
        settings = config.load(config_file)
    chosen = config.to_policy(settings).campaigns.get(campaign)
    if chosen is None:
        fail(f"no campaign {campaign!r}; known are {', '.join(sorted(settings.campaigns)) or 'none'}")
    if allowed == blocked == "-" or (as_json and "-" in (allowed, blocked)):
        fail("standard output can take only one of the allowed, the blocked and the JSON; name files for the others")
    if allowed == blocked:
        fail(f"{allowed} cannot take both the allowed and the blocked")
    with explained():
        try:
            counts = _scrub(settings, chosen, file, column, (allowed, blocked), country or settings.site.country)
        except FileRefused as error:
            err.print(f"refused: {error}", style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        except Unscrubbable as error:
            fail(str(error))
    if as_json:
        print_json({"leads": counts.leads, "allowed": counts.allowed, "blocked": counts.by_reason()})
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.by_reason().items())
    err.print(
        f"{counts.leads:,} leads: {counts.allowed:,} allowed, {counts.blocked.total():,} blocked"
        f"{f' ({reasons})' if reasons else ''}.",
        soft_wrap=True,
    )


def _scrub(
    settings: Settings,
    campaign: Campaign,
    file: str,
    column: str | None,
    outputs: tuple[str, str | None],
    country: str,
) -> Counts:
    with ExitStack() as stack:
        opened = sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))
        progress = stack.enter_context(Progress(console=err, transient=True, disable=not err.is_terminal))
        task = progress.add_task("scrubbing", total=os.fstat(opened.fileno()).st_size if file != "-" else None)
        leads = begin(opened, column)
        watched = replace(leads, content=_watched(leads.content, progress, task))
        allowed, blocked = (stack.enter_context(_output(path)) for path in outputs)
        return run(_sift(settings, campaign, watched, allowed, blocked, country))


async def _sift(
    settings: Settings,
    campaign: Campaign,
    leads: Leads,
    allowed: BinaryIO | None,
    blocked: BinaryIO | None,
    country: str,
) -> Counts:
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, cache):
        if problems := await check(cache, ledger):
            raise NotReady(problems[0])
        loaded = await lists_in_force(cache)
        states = {name: ListState(found.of.version, found.of.scrubbed_at) for name, found in loaded.items()}
        policy = config.to_policy(settings)
        check_lists(campaign, policy.lists, states, clock())
        law = LawOfLists(policy, campaign, states, clock())
        law.check()
        held = await read_objections(cache, ledger, campaign.controller, campaign.id)
        judge = Judge(_lists(settings, campaign, law, loaded), held, law)
        return await Sieve(judge, country, allowed, blocked).sift(leads)


def _lists(
    settings: Settings, campaign: Campaign, law: LawOfLists, loaded: Mapping[str, Loaded]
) -> Mapping[str, Mapping[str, Membership]]:
    """The lists to look into, by country."""
    named = {country: law.lists(country) for country in campaign.countries}
    lists = {name: _list(settings, name, loaded[name]) for names in named.values() for name in names}
    return {country: {name: lists[name] for name in names} for country, names in named.items()}


def _list(settings: Settings, name: str, loaded: Loaded) -> Membership:
    """A list by its file, which must be of the version in force. Raises `Unscrubbable` and `ListRefused`."""
    file = version_in_force(installation.list_path(settings, name))
    if file is None or file.of != loaded.of:
        raise Unscrubbable(f"the file of the list {name} is damaged or not that in force; import the list again")
    return Membership.of(file)


def _watched(content: Iterator[bytes], progress: Progress, task: TaskID) -> Iterator[bytes]:
    for chunk in content:
        progress.advance(task, len(chunk))
        yield chunk


@contextmanager
def _output(path: str | None) -> Iterator[BinaryIO | None]:
    """Where leads are written: under its name once everything is written, and not before."""
    if path is None:
        yield None
    elif path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        partial = Path(path).with_name(f".{Path(path).name}.{secrets.token_hex(4)}")
        try:
            with partial.open("xb") as file:
                yield file
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
