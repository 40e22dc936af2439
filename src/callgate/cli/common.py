"""What all commands share: where the configuration is, how errors end, how output looks to a person and to a script."""

import json
import os
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from callgate import config
from callgate.boundary import NotCommitted
from callgate.config import Settings
from callgate.partners.errors import NotBelieved, Undelivered
from callgate.prompts.errors import PromptError
from callgate.stores.encoding import BadKeyFile
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, ListRefused, NotReady, StoreBusy, StoreUnavailable

T = TypeVar("T")

out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False)

DEFAULT_CONFIG = "/etc/callgate/callgate.toml"

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="CALLGATE_CONFIG", help="The configuration file.", show_default=True),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

default_config = Path(os.environ.get("CALLGATE_CONFIG", DEFAULT_CONFIG))

EXPECTED = (
    BadKeyFile,
    LedgerRefused,
    LedgerUnavailable,
    ListRefused,
    NotBelieved,
    NotCommitted,
    NotReady,
    PromptError,
    StoreBusy,
    StoreUnavailable,
    Undelivered,
    OSError,
)
"""What can go wrong without being a fault of callgate: said in a sentence, not in a trace."""


def fail(message: str) -> NoReturn:
    """Say why it could not be done, and end with exit code 2."""
    err.print(f"error: {message}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(2)


@contextmanager
def explained() -> Iterator[None]:
    """End a command that fails for an expected reason with its sentence."""
    try:
        yield
    except config.BadConfig as error:
        for problem in error.problems:
            err.print(str(problem), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except EXPECTED as error:
        err.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None


def settings_of(path: Path) -> Settings:
    """The configuration, inside `explained`."""
    return config.load(path)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; what is expected to go wrong ends it with a sentence."""
    with explained():
        return uvloop.run(work)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=_written)
    sys.stdout.write("\n")


def show_rows(rows: Sequence[Mapping[str, object]], none: str, as_json: bool) -> None:
    """Rows that have the same columns, as JSON or as a table; `none` says what it means that there are none."""
    if as_json:
        print_json(rows)
    elif rows:
        table = Table(*rows[0], box=None, header_style="dim")
        for row in rows:
            table.add_row(*map(_in_table, row.values()))
        out.print(table)
    else:
        out.print(none)


def _in_table(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
