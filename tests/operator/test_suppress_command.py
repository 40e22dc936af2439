"""`callgate suppress`: who, why, for whom; and what is on file for a number, also for people who were erased."""

import asyncio
import getpass
import json
from pathlib import Path

import pytest

from callgate import config, installation
from callgate.core.events import DataClass
from callgate.stores.ledger.journal import Journal
from tests.registers.conftest import Command
from tests.stores.conftest import NOW

pytestmark = pytest.mark.server

ANNA = "+33199000042"
WHY = ("--reason", "letter of 2026-11-20")
ACME = ("--controller", "acme")


def shown(command: Command, number: str = ANNA) -> list[dict[str, object]]:
    return list(json.loads(command("suppress", "show", number, "--json").stdout))


def test_an_objection_is_entered_with_reason_and_actor_and_shown(command: Command) -> None:
    assert command("suppress", "show", ANNA).exit_code == 1
    assert command("suppress", "add", ANNA, *WHY, *ACME).exit_code == 0
    assert command("suppress", "add", ANNA, *WHY, "--all", "--by", "officer").exit_code == 0
    rows = shown(command)
    assert [(row["scope"], row["by"]) for row in rows] == [("controller", getpass.getuser()), ("all", "officer")]
    assert {row["reason"] for row in rows} == {"letter of 2026-11-20"}
    assert not any(row["erased"] for row in rows)
    assert "letter of 2026-11-20" in command("suppress", "show", ANNA).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (ANNA, *ACME),
        (ANNA, *ACME, "--reason", " "),
        (ANNA, *WHY),
        (ANNA, *WHY, *ACME, "--all"),
        (ANNA, *WHY, "--controller", "nobody"),
        (ANNA, *WHY, "--campaign", "nothing"),
        (ANNA, *WHY, "--campaign", "spring", "--all"),
        (ANNA, *WHY, "--campaign", "spring", "--controller", "nobody"),
        ("12", *WHY, *ACME),
    ],
)
def test_without_reason_audience_or_number_nothing_is_entered(command: Command, arguments: tuple[str, ...]) -> None:
    assert command("suppress", "add", *arguments).exit_code == 2
    assert shown(command) == []


def test_an_objection_to_one_campaign_is_of_its_company_and_says_which(command: Command) -> None:
    done = command("suppress", "add", ANNA, *WHY, "--campaign", "spring")
    assert "for the campaign spring of acme" in done.stdout
    assert [(row["scope"], row["controller"], row["campaign"]) for row in shown(command)] == [
        ("campaign", "acme", "spring")
    ]


def test_a_number_is_read_as_people_write_it_and_said_in_no_error(command: Command) -> None:
    assert command("suppress", "add", "+33 (0)1 99.00.00-42", *WHY, *ACME).exit_code == 0
    assert len(shown(command)) == 1
    refused = command("suppress", "add", "+33 1 99 00 00 4", *WHY, *ACME)
    assert refused.exit_code == 2
    assert "the number cannot be used" in refused.stderr
    assert "99" not in refused.stderr


def test_an_objection_is_taken_back_only_at_the_persons_own_request_and_for_ever_on_file(command: Command) -> None:
    assert command("suppress", "add", ANNA, *WHY, *ACME).exit_code == 0
    refused = command("suppress", "remove", ANNA, *WHY, *ACME)
    assert refused.exit_code == 2
    assert "--at-the-persons-request" in refused.stderr
    assert "in the ledger for ever" in refused.stderr
    assert len(shown(command)) == 1
    unproven = command("suppress", "remove", ANNA, *WHY, *ACME, "--at-the-persons-request")
    assert (unproven.exit_code, "--proof" in unproven.stderr, len(shown(command))) == (2, True, 1)
    proof = ("--at-the-persons-request", "--proof", "her letter of 2026-11-21")
    lifted = command("suppress", "remove", ANNA, *WHY, *ACME, *proof)
    assert (lifted.exit_code, "in the ledger for ever" in lifted.stdout) == (0, True)
    assert [row["event"] for row in shown(command)] == ["objection", "objection-removed"]


def test_the_objection_of_a_person_who_was_erased_is_still_found_and_of_nobody_else(
    command: Command, tmp_path: Path
) -> None:
    assert command("suppress", "add", ANNA, *WHY, *ACME).exit_code == 0

    async def erase() -> None:
        settings = config.load(tmp_path / "callgate.toml")
        async with installation.stores(settings, "eraser", lambda: NOW) as (ledger, _):
            journal = Journal(tmp_path / "erasures.journal")
            await ledger.erase(ANNA, "acme", [*DataClass], NOW, by="officer", journal=journal)

    asyncio.run(erase())
    [row] = shown(command)
    assert (row["erased"], row["event"], row["controller"], row["reason"]) == (True, "objection", "acme", "")
    assert shown(command, "+33199000043") == []


def test_a_pattern_is_entered_shown_warned_of_and_taken_back(command: Command) -> None:
    assert command("suppress", "patterns").exit_code == 1
    added = command("suppress", "add-pattern", "+33 19900", "--reason", "our own range", *ACME)
    assert added.exit_code == 0, added.output
    assert "covers up to 10,000 numbers" in added.stderr
    [standing] = json.loads(command("suppress", "patterns", "--json").stdout)
    assert (standing["pattern"], standing["covers"], standing["controller"]) == ("+3319900", 10_000, "acme")
    assert "our own range" in command("suppress", "patterns").stdout
    [row] = shown(command)
    assert (row["event"], row["pattern"], row["reason"]) == ("pattern", "+3319900", "our own range")
    assert shown(command, "+33199100042") == []
    assert command("suppress", "remove-pattern", "+3319900", "--reason", "sold", *ACME).exit_code == 0
    assert command("suppress", "patterns").exit_code == 1
    assert [row["event"] for row in shown(command)] == ["pattern", "pattern-removed"]


def test_a_pattern_of_another_company_stands_when_one_is_taken_back(command: Command) -> None:
    for whose in (ACME, ("--all",)):
        assert command("suppress", "add-pattern", "+3319900", "--reason", "range", *whose).exit_code == 0
    assert command("suppress", "remove-pattern", "+3319900", "--reason", "sold", *ACME).exit_code == 0
    assert [one["scope"] for one in json.loads(command("suppress", "patterns", "--json").stdout)] == ["all"]


@pytest.mark.parametrize("pattern", ["+331", "33199", "+33199x", "+210123456"])
def test_what_covers_too_much_or_is_none_is_refused(command: Command, pattern: str) -> None:
    for arguments in ((pattern, "--reason", "range"), ("+3319900", "--reason", "")):
        assert command("suppress", "add-pattern", *arguments, "--all").exit_code == 2
    assert command("suppress", "patterns").exit_code == 1


def test_a_letter_is_entered_as_one(command: Command, tmp_path: Path) -> None:
    assert command("suppress", "add", ANNA, *WHY, *ACME, "--source", "letter").exit_code == 0
    [event] = json.loads(command("ledger", "show", "--json").stdout)
    assert event["payload"]["source"] == "letter"


def test_a_partners_list_comes_into_force_and_broken_lines_are_named(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"number,since\n{ANNA},2026\n+33199000043,2025\nnobody,2024\n")
    words = ("suppress", "import", str(path), *ACME, "--source", "partner crm")
    first = command(*words)
    assert (first.exit_code, "2 objections" in first.stdout, "line 4" in first.stderr) == (1, True, True)
    assert "1990000" not in first.output
    assert json.loads(command(*words, "--json").stdout)["known"] == 2
    events = json.loads(command("ledger", "show", "--json").stdout)
    assert [(one["payload"]["source"], one["payload"]["origin"]) for one in events] == [("import", "partner crm")] * 2


@pytest.mark.parametrize(
    ("content", "source", "controller"),
    [(b"\xff\xfe", "crm", "acme"), (b"", "tel 0199 00 00 42", "acme"), (b"", "crm", "nobody"), (None, "crm", "acme")],
)
def test_a_list_that_cannot_be_taken_is_refused(
    command: Command, tmp_path: Path, content: bytes | None, source: str, controller: str
) -> None:
    path = tmp_path / "list.csv"
    if content is not None:
        path.write_bytes(content)
    assert command("suppress", "import", str(path), "--controller", controller, "--source", source).exit_code == 2
    # Where it is refused at once there is no ledger yet.
    assert command("ledger", "show", "--json").stdout.strip() in ("", "[]")
