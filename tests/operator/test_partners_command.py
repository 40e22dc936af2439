"""`callgate partners`: what waits, what did not arrive, what a person does about it; no number in any of it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callgate import config, installation, partnering
from callgate.core.partners import Item
from callgate.stores.outbox import Outbox
from tests.registers.conftest import Command
from tests.stores.conftest import NOW

pytestmark = pytest.mark.server

ANNA, BRAM = "+33199000042", "+33199000043"
PARTNERS = """
[partners.crm]
controllers = ["acme"]
webhook = "https://crm.example/hook"
secret_file = "{secret}"

[partners.erp]
controllers = ["acme"]
feed = true
"""


@pytest.fixture
def command(command: Command, tmp_path: Path) -> Command:
    secret = tmp_path / "crm.secret"
    secret.write_text(f"whsec_{base64.b64encode(bytes(32)).decode()}\n")
    secret.chmod(0o600)
    path = tmp_path / "callgate.toml"
    path.write_text(path.read_text() + PARTNERS.format(secret=secret))
    for number in (ANNA, BRAM):
        assert command("suppress", "add", number, "--reason", "letter", "--controller", "acme").exit_code == 0
    return command


@asynccontextmanager
async def an_outbox(folder: Path) -> AsyncIterator[Outbox]:
    settings = config.load(folder / "callgate.toml")
    async with installation.stores(settings, "office", lambda: NOW) as (ledger, _):
        yield Outbox(ledger, partnering.partners_of(settings), lambda: NOW)


def refused_by_crm(folder: Path) -> Sequence[Item]:
    """The partner refused everything."""

    async def work() -> Sequence[Item]:
        async with an_outbox(folder) as outbox:
            await outbox.catch_up(outbox.partners["crm"])
            items = await outbox.due("crm")
            await outbox.refused("crm", items, dict.fromkeys((item.id for item in items), "not [ours]"))
            return items

    return asyncio.run(work())


def test_dead_letters_are_shown_retried_and_dropped_by_a_person(command: Command, tmp_path: Path) -> None:
    assert command("partners", "dead", "crm").exit_code == 0
    first, second = refused_by_crm(tmp_path)
    shown = command("partners", "dead", "crm")
    assert (shown.exit_code, first.id in shown.stdout, "not [ours]" in shown.stdout) == (1, True, True)
    assert "+33 ••• 42" in shown.stdout
    assert "1990000" not in shown.stdout
    assert command("partners", "show").exit_code == 1
    [crm, erp] = json.loads(command("partners", "show", "--json").stdout)
    assert (crm["partner"], crm["dead"], crm["waiting"], erp["dead"]) == ("crm", 2, 0, 0)
    assert json.loads(command("partners", "retry", "crm", "--id", first.id, "--json").stdout)["retried"] == 1
    assert [one["id"] for one in json.loads(command("partners", "dead", "crm", "--json").stdout)] == [second.id]
    dropped = command("partners", "drop", "crm", "--all", "--because", "told by letter", "--by", "officer", "--json")
    assert json.loads(dropped.stdout)["dropped"] == 1
    events = [one["event"] for one in json.loads(command("ledger", "show", "--json").stdout)]
    assert events[2:] == ["delivery-dead", "delivery-retried", "delivery-dropped"]
    assert command("partners", "show").exit_code == 0


def test_what_waits_for_a_partner_that_is_gone_is_seen_and_let_be(command: Command, tmp_path: Path) -> None:
    refused_by_crm(tmp_path)
    path = tmp_path / "callgate.toml"
    path.write_text(path.read_text().replace("partners.crm", "partners.new"))
    shown = json.loads(command("partners", "show", "--json").stdout)
    assert [(one["partner"], one["dead"]) for one in shown] == [("new", 0), ("erp", 0), ("crm", 2)]
    assert command("partners", "drop", "crm", "--all", "--because", "contract ended").exit_code == 0
    assert [one["partner"] for one in json.loads(command("partners", "show", "--json").stdout)] == ["new", "erp"]
    assert command("partners", "dead", "crm").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead", "nobody"),
        ("retry", "crm", "--id", "0" * 32),
        ("drop", "crm", "--because", "why not"),
        ("drop", "crm", "--all", "--because", " "),
        ("drop", "crm", "--all", "--id", "0" * 32, "--because", "both"),
        ("fetch", "erp"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(command: Command, arguments: tuple[str, ...]) -> None:
    before = command("ledger", "show", "--json").stdout
    refused = command("partners", *arguments)
    assert (refused.exit_code, refused.stderr.startswith("error: ")) == (2, True)
    assert command("ledger", "show", "--json").stdout == before


def test_check_refuses_a_partners_secret_that_is_none(command: Command, tmp_path: Path) -> None:
    """`check` needs the prompts' folder and nothing that runs."""
    (tmp_path / "crm.secret").write_text("whsec_" + "A" * 20)
    refused = command("check")
    assert refused.exit_code == 2
    assert "crm.secret: holds no signing secret" in refused.stderr


def test_who_is_erased_before_a_partner_heard_of_the_objection_is_told_of_all_the_same(
    command: Command, tmp_path: Path
) -> None:
    words = ("ledger", "erase", ANNA, "--controller", "acme", "--class", "contact,recording,proof")
    (tmp_path / "state").mkdir(exist_ok=True)
    erased = command(*words, "--by", "officer", "--yes")
    assert erased.exit_code == 0, erased.output

    async def waiting() -> list[str | None]:
        async with an_outbox(tmp_path) as outbox:
            return [item.number for item in await outbox.after("crm", 0, 10)]

    assert asyncio.run(waiting()) == [ANNA, BRAM]
