"""`callgate`: every command, by what it is about."""

import logging
import os
import secrets
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import structlog
import typer

import callgate
from callgate import config, hooking, installation, partnering
from callgate.cli import (
    accounting,
    cache,
    consents,
    dialplan,
    doctor,
    evidence,
    explain,
    ledger,
    lists,
    noting,
    partners,
    policy,
    prompts,
    recordings,
    relations,
    rights,
    scrub,
    suppress,
    users,
)
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, out, print_json, run, settings_of
from callgate.cli.undecided import open_questions, unlike_terms
from callgate.core.processing import WARNED, lapsing
from callgate.stores.encoding import read_keys, write_new_key
from callgate.stores.ledger.keyfile import read_ledger_keys, write_new_ledger_keys
from callgate.stores.ledger.standing import check_database

app = typer.Typer(
    help="The gate beside an Asterisk PBX: who may be called, what they hear, what may be recorded.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="explain")(explain.explain)
app.command(name="scrub")(scrub.scrub)
app.command(name="doctor")(doctor.doctor)
app.command(name="register")(accounting.register_command)
app.command(name="breach")(accounting.breach_command)
app.add_typer(suppress.app, name="suppress")
app.add_typer(consents.app, name="consents")
app.add_typer(relations.app, name="relations")
app.add_typer(lists.app, name="lists")
app.add_typer(rights.app, name="rights")
app.add_typer(cache.app, name="cache")
app.add_typer(policy.app, name="policy")
app.add_typer(prompts.app, name="prompts")
app.add_typer(ledger.app, name="ledger")
app.add_typer(recordings.app, name="recordings")
app.add_typer(evidence.app, name="evidence")
app.add_typer(dialplan.app, name="dialplan")
app.add_typer(partners.app, name="partners")
app.add_typer(noting.app, name="notes")
app.add_typer(users.app, name="users")


def _version(asked: bool) -> None:
    if asked:
        out.print(callgate.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    del version
    _log_to_stderr(logging.WARNING)


@app.command()
def serve(config_file: ConfigOption = default_config) -> None:
    """Run the gate until SIGTERM; at SIGHUP read again who may call whom. What does not load changes nothing."""
    _log_to_stderr(logging.INFO)
    from callgate import daemon  # noqa: PLC0415 - no other command waits for what serves calls and pages

    with explained():
        settings = settings_of(config_file)
    run(daemon.serve(settings, config_file, lambda: config.load(config_file)))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where the secrets are to lie, readable by you alone.")]) -> None:
    """Make the secrets that the configuration names. What is there already is left as it is."""
    with explained():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, make in SECRETS.items():
            path = folder / name
            try:
                make(path)
            except FileExistsError:
                out.print(f"{path} is there already.")
            else:
                out.print(f"{path} was made.")
    out.print(
        "Keep a copy of suppression.key and ledger.key apart from the ledger's backups: without the one, objections"
        " cannot be found again; without the other, nobody's data can be read or erased."
    )


def _write_secret(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")


SECRETS = {
    "ledger.key": write_new_ledger_keys,
    "suppression.key": lambda path: write_new_key(path, "first"),
    "token.key": _write_secret,
    "ami.secret": _write_secret,
}
"""File name → how it is made."""


@app.command()
def check(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Read the configuration; name every line that is wrong, or print what is in force, without secrets.

    A ledger in PostgreSQL is asked whether it keeps what it acknowledges.
    """
    from callgate import daemon  # noqa: PLC0415 - see `serve`

    with explained():
        settings = settings_of(config_file)
        daemon.station_of(settings)
        installation.redis_of(settings)
        read_keys(settings.secrets.suppression_key_file)
        read_ledger_keys(settings.secrets.ledger_key_file)
        check_database(settings.ledger.url)
        folders = [asdict(problem) for problem in installation.recordings_of(settings).problems()]
        partnering.signers_of(settings)
        hooking.hook_signers_of(settings)
    policy = config.to_policy(settings)
    undecided = list(open_questions(policy))
    terms = list(unlike_terms(settings, policy))
    lapses = lapsing(policy, installation.clock_of(settings)().date(), timedelta(days=WARNED[0]))
    if as_json:
        told = {
            "undecided": undecided,
            "terms": terms,
            "lapsing": [asdict(lapse) for lapse in lapses],
            "recordings": folders,
        }
        print_json({"ok": True, "policy": policy.version, **told})
        return
    out.print_json(config.redacted(settings))
    for lapse in lapses:
        out.print(str(lapse), markup=False)
    for problem in folders:
        out.print(f"recordings: {problem['says']}; {problem['way_out']}", markup=False)
    for question in undecided:
        asks = f"{question['country']} {question['rule']}: {question['asks']} ({question['source']})"
        out.print(f"no law found, and not decided in [law.{question['country']}]: {asks}", markup=False)
    for term in terms:
        asks = f"{term['country']} {term['rule']}: {term['asks']} ({term['source']})"
        out.print(f"unlike [retention], which has {term['days']} days: {asks}", markup=False)
    out.print(f"[green]The configuration is right.[/green] Policy version {policy.version}.")


def _log_to_stderr(level: int) -> None:
    """JSON lines on standard error: standard output is for what a command answers."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def main() -> None:
    """The entry point."""
    app()
