"""`callgate consents`: what is in force afterwards, and that no file lifts an objection."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.registers.conftest import Command, command, redis_url

__all__ = ["command", "redis_url"]
pytestmark = pytest.mark.server

ANNA, BRAM = "+33199001234", "+33199001235"
FOR = ("--controller", "acme")
FILE = f"number,given,proof\n{ANNA},2026-10-01,form 1\n{BRAM},2026-10-02,form 2\n"


def shown(command: Command, number: str = ANNA) -> list[tuple[str, str]]:
    rows = json.loads(command("consents", "show", number, *FOR, "--json").stdout)
    return [(row["event"], row["proof"] or row["reason"]) for row in rows]


def test_a_file_of_consents_comes_into_force_with_its_proof(command: Command) -> None:
    done = command("consents", "import", "-", *FOR, stdin=FILE)
    assert done.exit_code == 0, done.output
    assert "2 consents are in force for acme; 0 people object" in done.stdout
    assert shown(command) == [("prior-consent", "form 1")]
    assert shown(command, BRAM) == [("prior-consent", "form 2")]


def test_a_file_with_a_wrong_line_enters_nothing(command: Command, tmp_path: Path) -> None:
    (tmp_path / "consents.csv").write_text(FILE + "12,2026-10-01,form 3\n")
    refused = command("consents", "import", f"{tmp_path}/consents.csv", *FOR)
    assert refused.exit_code == 1
    assert "consents.csv, line 4: number: " in refused.stderr
    assert "nothing was entered" in refused.stderr
    assert command("consents", "show", ANNA, *FOR).exit_code == 1
    assert len(json.loads(command("consents", "import", "-", *FOR, "--json", stdin="number\n").stdout)["faults"]) == 2


def test_a_file_never_lifts_an_objection(command: Command) -> None:
    assert command("suppress", "add", ANNA, *FOR, "--reason", "letter").exit_code == 0
    done = json.loads(command("consents", "import", "-", *FOR, "--json", stdin=FILE).stdout)
    assert done == {"entered": 1, "objecting": 1, "erased": 0}
    assert shown(command) == []
    assert shown(command, BRAM) == [("prior-consent", "form 2")]


ADD = ("consents", "add", ANNA, *FOR, "--proof", "signed form 9")


def test_an_officer_lifts_an_objection_with_a_later_consent_and_its_proof(command: Command) -> None:
    assert command("suppress", "add", ANNA, *FOR, "--reason", "letter").exit_code == 0
    refused = command(*ADD, "--given", "2026-10-01")
    assert refused.exit_code == 1
    assert "say --lift-objection" in refused.stderr
    earlier = command(*ADD, "--given", "2026-10-01", "--lift-objection")
    assert earlier.exit_code == 1
    assert "after the consent was given" in earlier.stderr
    assert shown(command) == []
    later = datetime.now(UTC).isoformat()
    assert command(*ADD, "--given", later, "--lift-objection", "--actor", "officer").exit_code == 0
    assert shown(command) == [("prior-consent", "signed form 9")]
    rows = json.loads(command("suppress", "show", ANNA, "--json").stdout)
    assert [(row["event"], row["by"]) for row in rows][1:] == [("objection-removed", "officer")]
    assert rows[1]["reason"] == "consent given later: signed form 9"


def test_an_objection_to_everyone_is_not_lifted_by_a_consent_to_one(command: Command) -> None:
    assert command("suppress", "add", ANNA, "--all", "--reason", "letter").exit_code == 0
    refused = command(*ADD, "--given", "2026-10-01", "--lift-objection")
    assert refused.exit_code == 1
    assert "suppress remove --all" in refused.stderr


def test_a_consent_is_added_and_withdrawn(command: Command) -> None:
    assert "is in force" in command(*ADD, "--given", "2026-10-01", "--expires", "2027-10-01").stdout
    assert command("consents", "withdraw", ANNA, *FOR, "--reason", "telephone").exit_code == 0
    assert shown(command) == [("prior-consent", "signed form 9"), ("prior-consent-withdrawn", "telephone")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--given", "2999-01-01"), "in the future"),
        (("--given", "2026-10-01", "--expires", "2026-09-01"), "not after given"),
        (("--given", "2026-10-01", "--controller", "nobody"), "known are acme"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(command: Command, arguments: tuple[str, ...], says: str) -> None:
    refused = command(*ADD, *arguments)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert ANNA not in refused.stderr
