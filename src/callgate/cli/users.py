"""`callgate users`: who may use the pages and the API, and the first of them. A password is never an argument."""

import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import typer

from callgate import config, installation
from callgate.cli.common import (
    ConfigOption,
    JsonOption,
    default_config,
    explained,
    fail,
    out,
    print_json,
    run,
    show_rows,
)
from callgate.config import Settings
from callgate.core.access import Area, Role
from callgate.stores.accounts import AccountRefused, User
from callgate.web.auth.door import Door
from callgate.web.auth.passwords import BadPassword, check

app = typer.Typer(help="Who may use the pages and the API: users, passwords, API tokens.", no_args_is_help=True)

MOST_DAYS = 366

Name = Annotated[str, typer.Argument(help="The user's name.")]
Controllers = Annotated[
    list[str] | None, typer.Option("--controller", help="Confine to this company; may be repeated.")
]
Centres = Annotated[list[str] | None, typer.Option("--centre", help="Confine to this call centre; may be repeated.")]
Areas = Annotated[list[Area] | None, typer.Option("--scope", help="What the token is for; may be repeated.")]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="What they may do: docs/access.md.")],
    controller: Controllers = None,
    centre: Centres = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Make a user. The password is asked for, or read from standard input; a machine has none, but tokens.

    Exit code 2: it was refused.
    """
    with explained():
        settings = config.load(config_file)
    _check(settings, name, controller, centre)
    password = None if role is Role.MACHINE else _password()

    async def work(door: Door) -> None:
        hashed = await door.passwords.hash(password) if password is not None else None
        await door.accounts.add(User(name, role, _names(controller), _names(centre), hashed), getpass.getuser())

    _run(settings, work)
    _done(f"{name} is a user with the role {role}.", {"user": name, "role": role}, as_json)


@app.command(name="list")
def list_(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show the users."""
    with explained():
        settings = config.load(config_file)
    rows: list[dict[str, object]] = []

    async def work(door: Door) -> None:
        rows.extend(_row(user) for user in await door.accounts.users())

    _run(settings, work)
    show_rows(rows, "There are no users yet; `callgate users add NAME --role admin` makes the first.", as_json)


@app.command()
def password(name: Name, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Set a user's password, which is asked for or read from standard input. Ends their sessions."""
    with explained():
        settings = config.load(config_file)
    new = _password()

    async def work(door: Door) -> None:
        await door.accounts.set_password(name, await door.passwords.hash(new), getpass.getuser())

    _run(settings, work)
    _done(f"The password of {name} is set; they have to log in again.", {"user": name}, as_json)


@app.command()
def disable(name: Name, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Let a user in no more: their sessions end, their tokens are gone. What they did stays in the ledger."""
    with explained():
        settings = config.load(config_file)
    _run(settings, lambda door: door.accounts.disable(name, getpass.getuser()))
    _done(f"{name} is disabled.", {"user": name}, as_json)


@app.command()
def enable(name: Name, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Let a user in again, with the password that they had. New tokens have to be made."""
    with explained():
        settings = config.load(config_file)
    _run(settings, lambda door: door.accounts.enable(name, getpass.getuser()))
    _done(f"{name} is enabled.", {"user": name}, as_json)


@app.command()
def token(
    name: Name,
    scope: Areas = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="For how many days.")] = 90,
    label: Annotated[str, typer.Option("--label", help="What it is for, in your words.")] = "",
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Make an API token for a user and print it: it is shown now and never again."""
    with explained():
        settings = config.load(config_file)
    if not scope:
        fail(f"say with --scope what the token is for: {', '.join(Area)}")
    made: list[str] = []

    async def work(door: Door) -> None:
        life = timedelta(days=days)
        made.append(await door.make_token(name, label, frozenset(scope), life, getpass.getuser()))

    _run(settings, work)
    _done(made[0], {"user": name, "token": made[0]}, as_json)


@app.command()
def tokens(name: Name, config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Show a user's tokens, without what would open anything."""
    with explained():
        settings = config.load(config_file)
    rows: list[dict[str, object]] = []

    async def work(door: Door) -> None:
        rows.extend(
            {"id": one.id, "label": one.label, "scopes": sorted(one.scopes)}
            | {"created": one.created, "expires": one.expires}
            for one in await door.accounts.tokens(name)
        )

    _run(settings, work)
    show_rows(rows, f"{name} has no tokens.", as_json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The token's id, from `callgate users tokens`.")],
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Take a token back; it opens nothing from now on."""
    with explained():
        settings = config.load(config_file)
    _run(settings, lambda door: door.accounts.revoke(token_id, getpass.getuser()))
    _done(f"The token {token_id} is taken back.", {"token": token_id}, as_json)


def _run(settings: Settings, work: Callable[[Door], Awaitable[None]]) -> None:
    async def doing() -> None:
        async with _door(settings) as door:
            await work(door)

    try:
        run(doing())
    except (AccountRefused, BadPassword) as error:
        fail(str(error))


@asynccontextmanager
async def _door(settings: Settings) -> AsyncIterator[Door]:
    clock = installation.clock_of(settings)
    async with installation.opened(settings) as (ledger, _):
        yield installation.door_of(settings, ledger, clock)


def _check(settings: Settings, name: str, controllers: list[str] | None, centres: list[str] | None) -> None:
    if not config.is_name(name):
        fail(f"the name {name!r} will not do: 1 to 40 small letters, digits and dashes are needed, and no dash first")
    for what, given, known in (
        ("controller", controllers, settings.controllers),
        ("centre", centres, settings.centres),
    ):
        for one in given or ():
            if one not in known:
                fail(f"no {what} {one!r}; known are {', '.join(sorted(known)) or 'none'}")


def _names(given: list[str] | None) -> frozenset[str] | None:
    return frozenset(given) if given else None


def _password() -> str:
    """From the terminal, twice; or the first line of standard input."""
    if sys.stdin.isatty():
        given = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != given:
            fail("the two are not the same")
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    try:
        check(given)
    except BadPassword as error:
        fail(str(error))
    return given


def _row(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "role": user.role,
        "controllers": sorted(user.controllers) if user.controllers is not None else None,
        "centres": sorted(user.centres) if user.centres is not None else None,
        "created": user.created,
        "disabled": user.disabled,
    }


def _done(says: str, told: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        out.print(says, markup=False, soft_wrap=True)
