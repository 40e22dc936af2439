"""`callgate users`: who may use the pages and the API, from the first admin on."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callgate import config, installation
from callgate.core.access import Principal, Role
from callgate.core.events import Kind
from callgate.web.auth.door import Door, Visitor
from tests.registers.conftest import Command

pytestmark = pytest.mark.server

PASSWORD = "correct horse battery"


def with_door(folder: Path, token: str) -> Visitor | None:
    async def work() -> Visitor | None:
        settings = config.load(folder / "callgate.toml")
        clock = installation.clock_of(settings)
        async with installation.stores(settings, "test", clock) as (ledger, _):
            door: Door = installation.door_of(settings, ledger, clock)
            assert await door.log_in("boss", PASSWORD, "127.0.0.1")
            return await door.by_token(token)

    return asyncio.run(work())


def acts(command: Command) -> list[dict[str, object]]:
    told = json.loads(command("ledger", "show", "--json").stdout)
    return [event["payload"] for event in told if event["event"] == Kind.ACT]


def test_the_first_admin_is_made_with_a_password_from_standard_input(command: Command) -> None:
    assert "no users yet" in command("users", "list").stdout
    made = command("users", "add", "boss", "--role", "admin", stdin=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    [row] = json.loads(command("users", "list", "--json").stdout)
    assert (row["name"], row["role"], row["controllers"], row["disabled"]) == ("boss", "admin", None, None)
    assert PASSWORD not in made.output


def test_a_token_is_shown_once_and_opens_what_it_is_for(command: Command, tmp_path: Path) -> None:
    command("users", "add", "boss", "--role", "officer", "--controller", "acme", stdin=f"{PASSWORD}\n")
    made = command("users", "token", "boss", "--scope", "check", "--scope", "calls", "--label", "crm", "--json")
    token = json.loads(made.stdout)["token"]
    visitor = with_door(tmp_path, token)
    assert visitor is not None
    assert visitor.principal == Principal("boss", Role.OFFICER, frozenset({"acme"}))
    assert visitor.scopes == frozenset({"check", "calls"})
    shown = command("users", "tokens", "boss", "--json")
    [row] = json.loads(shown.stdout)
    assert token not in shown.stdout
    assert command("users", "revoke", row["id"]).exit_code == 0
    assert with_door(tmp_path, token) is None


def test_a_machine_needs_no_password_and_a_token_lasts_as_long_as_asked(command: Command, tmp_path: Path) -> None:
    assert command("users", "add", "robot", "--role", "machine").exit_code == 0
    assert command("users", "token", "robot", "--scope", "check", "--days", "7").exit_code == 0
    [row] = json.loads(command("users", "tokens", "robot", "--json").stdout)
    begun, ends = (datetime.fromisoformat(row[name]) for name in ("created", "expires"))
    assert ends - begun == timedelta(days=7)


def test_a_disabled_user_has_no_tokens_and_can_be_let_in_again(command: Command) -> None:
    command("users", "add", "boss", "--role", "admin", stdin=f"{PASSWORD}\n")
    command("users", "token", "boss", "--scope", "check")
    assert command("users", "disable", "boss").exit_code == 0
    assert json.loads(command("users", "tokens", "boss", "--json").stdout) == []
    assert command("users", "token", "boss", "--scope", "check").exit_code == 2
    assert command("users", "enable", "boss").exit_code == 0
    assert command("users", "password", "boss", stdin="another good one\n").exit_code == 0
    done = [act["act"] for act in acts(command)]
    assert done == ["user-added", "token-made", "user-disabled", "user-enabled", "password-set"]
    assert all(act["by"] for act in acts(command))


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (("add", "boss", "--role", "admin"), "short\n", "12 characters"),
        (("add", "boss", "--role", "admin"), "", "12 characters"),
        (("add", "Boss", "--role", "admin"), f"{PASSWORD}\n", "small letters"),
        (("add", "boss", "--role", "officer", "--controller", "nowhere"), f"{PASSWORD}\n", "no controller 'nowhere'"),
        (("add", "boss", "--role", "agent", "--centre", "nowhere"), f"{PASSWORD}\n", "no centre 'nowhere'"),
        (("password", "nobody"), f"{PASSWORD}\n", "no user 'nobody'"),
        (("disable", "nobody"), None, "no user 'nobody'"),
        (("token", "nobody", "--scope", "check"), None, "no user 'nobody'"),
        (("token", "nobody"), None, "say with --scope"),
        (("revoke", "nothing"), None, "no token 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    command: Command, arguments: tuple[str, ...], stdin: str | None, says: str
) -> None:
    refused = command("users", *arguments, stdin=stdin)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert json.loads(command("users", "list", "--json").stdout) == []


def test_a_name_is_taken_once(command: Command) -> None:
    for code in (0, 2):
        assert command("users", "add", "boss", "--role", "admin", stdin=f"{PASSWORD}\n").exit_code == code
