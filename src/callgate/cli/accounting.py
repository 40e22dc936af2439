"""`callgate register` and `callgate breach`: what a controller tells the authority, from what callgate knows."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from callgate import config, installation
from callgate.accountability import breach
from callgate.accountability.breachreport import report
from callgate.accountability.register import register
from callgate.cli.common import ConfigOption, default_config, err, explained, fail, out, run
from callgate.core.document import Document, Format, as_html, as_json, as_markdown

FormatOption = Annotated[Format, typer.Option("--format", help="A page to print, JSON, or Markdown.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of standard output.")]
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def register_command(
    controller: Annotated[str | None, typer.Option("--controller", help="Only the part of this company.")] = None,
    form: FormatOption = Format.MARKDOWN,
    output: OutputOption = None,
    config_file: ConfigOption = default_config,
) -> None:
    """The register of processing activities (GDPR Art. 30), from the configuration; what it does not know is named."""
    with explained():
        settings = config.load(config_file)
    _known(controller, settings)
    day = installation.clock_of(settings)().date()
    _hand_over(register(settings, config.to_policy(settings), day, controller), form, output)


def breach_command(
    since: Annotated[datetime, typer.Option("--since", formats=TIMES, help="From this moment on, local time.")],
    until: Annotated[
        datetime | None, typer.Option("--until", formats=TIMES, help="Before this moment, local time; else now.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only what this user or agent did.")] = None,
    aware: Annotated[
        datetime | None,
        typer.Option("--aware", formats=TIMES, help="When the controller became aware of it, local time; else now."),
    ] = None,
    form: FormatOption = Format.MARKDOWN,
    output: OutputOption = None,
    config_file: ConfigOption = default_config,
) -> None:
    """What was accessed by whom in a window, how many people it concerns, by when to notify (GDPR Art. 33)."""
    with explained():
        settings = config.load(config_file)
    clock = installation.clock_of(settings)
    ends = until.astimezone() if until else clock()
    window = breach.Window(since.astimezone(), ends, user)
    if window.since >= window.until:
        fail(f"the window ends at {window.until}, which is not after it begins")

    async def work() -> breach.Survey:
        async with installation.opened(settings) as (ledger, _):
            with Progress(console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
                bar = progress.add_task("reading events", total=None)
                return await breach.survey(ledger, window, lambda read: progress.update(bar, completed=read))

    officers = {name: table.officer for name, table in settings.controllers.items()}
    _hand_over(report(run(work()), aware.astimezone() if aware else clock(), officers), form, output)


def _known(controller: str | None, settings: config.Settings) -> None:
    if controller is not None and controller not in settings.controllers:
        fail(f"no controller {controller!r}; known are {', '.join(sorted(settings.controllers))}")


def _hand_over(document: Document, form: Format, output: Path | None) -> None:
    """Write it; on a terminal, say what is to be filled in."""
    if form is Format.JSON:
        text = json.dumps(as_json(document), indent=2, ensure_ascii=False) + "\n"
    else:
        text = as_html(document) if form is Format.HTML else as_markdown(document)
    if output is None:
        sys.stdout.write(text)
        return
    with explained():
        output.write_text(text, encoding="utf-8")
    out.print(f"{output} was written; {len(document.open)} things are to be filled in.", markup=False)
