"""`callgate doctor`: what is in order, what is not, and the way out."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import typer
from rich.markup import escape

from callgate import config
from callgate.cli.common import ConfigOption, JsonOption, default_config, out, print_json, run
from callgate.doctor import Finding, examine


def doctor(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Look at everything that callgate needs, and say of each whether it is in order and what to do. Changes nothing.

    Exit code 1: something is not in order.
    """
    findings = run(_findings(config_file, show=not as_json))
    ok = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": ok, "findings": [asdict(finding) for finding in findings]})
    raise typer.Exit(0 if ok else 1)


async def _findings(config_file: Path, *, show: bool) -> list[Finding]:
    findings = []
    async for finding in _all(config_file):
        findings.append(finding)
        if show:
            _show(finding)
    return findings


async def _all(config_file: Path) -> AsyncIterator[Finding]:
    try:
        settings = config.load(config_file)
    except config.BadConfig as error:
        for problem in error.problems:
            yield Finding("configuration", False, str(problem), "mend this line; see docs/configuration.md")
        return
    yield Finding("configuration", True, f"policy version {config.to_policy(settings).version}")
    async for finding in examine(settings):
        yield finding


def _show(finding: Finding) -> None:
    mark = "[green]ok[/]    " if finding.ok else "[red]not ok[/]"
    out.print(f"{mark}  {escape(finding.what)}: {escape(finding.says)}", soft_wrap=True)
    if finding.way_out:
        out.print(f"        → {escape(finding.way_out)}", soft_wrap=True)
