"""`callgate explain`: what would happen to this call, and why, rule by rule."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, fail, out, print_json, run
from callgate.core import gate
from callgate.core.events import Json
from callgate.core.gate import CallRequest, Verdict
from callgate.core.law import Finding
from callgate.office.abandonment import Abandonment
from callgate.office.dryrun import answer
from callgate.stores.cache.readiness import check
from callgate.stores.errors import StoreUnavailable


def explain(
    number: Annotated[str, typer.Argument(help="As it would be dialled on this PBX.")],
    campaign: Annotated[str, typer.Option("--campaign", help="For which campaign.")],
    centre: Annotated[
        str | None, typer.Option("--centre", help="By which call centre; else the first mandated.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="At which moment, ISO 8601 with zone; else now.")] = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Say what would happen to a call to NUMBER, rule by rule. Nothing is dialled and nothing is written down.

    Exit code 0: it would be allowed; 1: it would be blocked.
    """
    with explained():
        settings = config.load(config_file)
    now = _moment(at) if at else installation.clock_of(settings)()
    policy = config.to_policy(settings)
    if centre is None:
        wanted = policy.campaigns.get(campaign)
        centre = next((m.centre for m in policy.mandates.values() if wanted and m.controller == wanted.controller), "")
    request = CallRequest("explain", "", "", number, campaign, centre, "")
    verdict = run(_verdict(config_file, request, now))
    if as_json:
        print_json(
            {
                "outcome": verdict.outcome,
                "reason": verdict.reason,
                "sentence": verdict.sentence,
                "detail": verdict.detail,
                "source": verdict.source,
                "retry_at": verdict.retry_at.isoformat() if verdict.retry_at else None,
                "at": now.isoformat(),
                "policy": verdict.policy,
                "lists": dict(verdict.lists),
                "trail": [_told(found) for found in verdict.trail],
            }
        )
    else:
        _show(verdict)
    raise typer.Exit(0 if verdict.allowed else 1)


def _moment(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        fail(f"--at {at!r} is not a moment; write it like 2026-08-12T20:30:00+02:00")
    if moment.tzinfo is None:
        fail(f"--at {at!r} has no zone; write it like 2026-08-12T20:30:00+02:00")
    return moment


async def _verdict(config_file: Path, request: CallRequest, now: datetime) -> Verdict:
    settings = config.load(config_file)
    policy = config.to_policy(settings)
    question = gate.ask(request, policy, now)
    if isinstance(question, Verdict):
        return question
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, cache):
        with suppress(StoreUnavailable):  # the lookup says it as well
            await check(cache, ledger)
        abandonment = Abandonment(ledger, policy=lambda: policy, clock=clock)
        await abandonment.count()
        return await answer(question, cache, now, abandonment.shares)


def _told(found: Finding) -> dict[str, Json]:
    return {
        "rule": found.rule,
        "passed": found.passed,
        "saw": found.saw,
        "source": found.source,
        "status": found.status,
    }


def _show(verdict: Verdict) -> None:
    colour = "green" if verdict.allowed else "red"
    out.print(f"[bold {colour}]{verdict.outcome}[/]  {verdict.reason}: {escape(verdict.sentence)}")
    table = Table("", "rule", "what it saw", "status", "source", box=None, header_style="dim")
    for found in verdict.trail:
        mark = "[green]✓[/]" if found.passed else "[red]✗[/]"
        table.add_row(mark, *map(escape, (found.rule, found.saw, found.status or "", found.source)))
    out.print(table)
    if verdict.retry_at is not None:
        out.print(f"It would pass at {verdict.retry_at:%Y-%m-%d %H:%M} UTC, if nothing but time changed.")
