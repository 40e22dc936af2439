"""`callgate policy`: what a change of the configuration would do, before it does it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, out, print_json, run
from callgate.core.gate import Facts, Question
from callgate.core.policy import Policy
from callgate.office.rehearsal import Report, rehearse
from callgate.stores.cache.readiness import check
from callgate.stores.cache.suppression import Query, SuppressionCache

app = typer.Typer(help="Who may call whom: what another policy would change.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `diff` a word of its own, with one command."""


@app.command()
def diff(
    other: Annotated[Path, typer.Argument(help="The configuration file with the other policy.")],
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="Of so many last days.")] = 7,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Show what another policy would have decided differently on the calls of the last days.

    Exit code 0: nothing; 1: something; 2: it could not be told.
    """

    async def work() -> tuple[Policy, Policy, Report]:
        settings = config.load(config_file)
        in_force, new = config.to_policy(settings), config.to_policy(config.load(other))
        clock = installation.clock_of(settings)
        now = clock()
        async with installation.opened(settings) as (ledger, cache):
            await check(cache, ledger)
            with Progress(console=err, transient=True) as progress:
                task = progress.add_task("calls", total=await ledger.last_seq())
                report = await rehearse(
                    ledger,
                    in_force,
                    new,
                    lambda question, lists: _facts(cache, question, lists),
                    since=now - timedelta(days=days),
                    until=now,
                    on_event=lambda seq: progress.update(task, completed=seq),
                )
        return in_force, new, report

    in_force, new, report = run(work())
    if as_json:
        print_json(_told(in_force, new, report))
    else:
        _show(in_force, new, report, days)
    raise typer.Exit(1 if report.changes else 0)


async def _facts(cache: SuppressionCache, question: Question, lists: tuple[str, ...]) -> Facts:
    found = await cache.lookup(Query(question.number.e164, question.campaign.controller, question.campaign.id, lists))
    return found.facts


def _told(in_force: Policy, new: Policy, report: Report) -> dict[str, object]:
    return {
        "in_force": in_force.version,
        "other": new.version,
        "calls": report.calls,
        "alike": report.alike,
        "reproduced": report.reproduced,
        "passed_over": dict(report.passed_over),
        "changes": [
            {**change._asdict(), "calls": count, "examples": report.examples[change]}
            for change, count in report.changes.most_common()
        ],
    }


def _show(in_force: Policy, new: Policy, report: Report, days: int) -> None:
    if report.changes:
        table = Table("campaign", "in force", "other", "calls", "for example", box=None, header_style="dim")
        for change, count in report.changes.most_common():
            examples = ", ".join(report.examples[change])
            table.add_row(*map(escape, (change.campaign, change.before, change.after, str(count), examples)))
        out.print(table)
    passed_over = sum(report.passed_over.values())
    out.print(
        f"{report.calls} calls of the last {days} days: {report.alike} are decided alike by {in_force.version} and"
        f" {new.version}, {report.calls - report.alike} are not."
        + (f" {passed_over} were passed over: {', '.join(report.passed_over)}." if passed_over else ""),
        markup=False,
    )
    if report.reproduced < report.calls:
        out.print(
            f"What is on file has changed since: of {report.calls - report.reproduced} calls the policy in force would"
            " not say again what the ledger has."
        )
