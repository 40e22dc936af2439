"""`callgate ledger`: what an officer types, and what a script gets."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate.cli.main import app
from callgate.core.events import Event, Kind
from callgate.stores.encoding import read_keys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.keyfile import read_ledger_keys
from callgate.stores.tokens import stored_tokens
from tests.core.test_config import GOOD
from tests.stores.conftest import ANNA, NOW

LONG_AGO = NOW - timedelta(days=4000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with its secrets, and a ledger in which a call and an old one are."""
    secrets = tmp_path / "secrets"
    assert CliRunner().invoke(app, ["init", str(secrets)]).exit_code == 0
    text = GOOD.replace("sqlite:///ledger.db", f"sqlite:///{tmp_path}/ledger.db")
    text = text.replace('state = "state"', f'state = "{tmp_path}"')
    for old, new in {"ledger": "ledger.key", "suppression": "suppression.key", "token": "token.key"}.items():
        text = text.replace(f'"{old}"', f'"{secrets}/{new}"')
    path = tmp_path / "callgate.toml"
    path.write_text(text)
    asyncio.run(fill(tmp_path))
    return path


async def opened(folder: Path) -> Ledger:
    return await Ledger.open(
        f"sqlite:///{folder}/ledger.db",
        "office",
        lambda: NOW,
        keys=read_ledger_keys(folder / "secrets" / "ledger.key"),
        tokens=partial(stored_tokens, read_keys(folder / "secrets" / "suppression.key")),
    )


async def fill(folder: Path) -> None:
    ledger = await opened(folder)
    payload = {"outcome": "allow", "campaign": "spring", "agent": "PJSIP/7"}
    await ledger.append([Event(Kind.VERDICT, LONG_AGO, "old", ANNA, "acme", payload)])
    await ledger.append([Event(Kind.VERDICT, NOW, "new", ANNA, "acme", payload)])
    await ledger.append([Event(Kind.OBJECTION, NOW, None, ANNA, "acme", personal={"reason": "letter"})])
    await ledger.close()


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["ledger", *arguments, "-c", str(file)], env={"COLUMNS": "300"})


def calls(shown: Result) -> list[object]:
    return [event["call"] for event in json.loads(shown.stdout)]


def test_show_answers_by_call_number_agent_campaign_and_time_and_masks_the_number(file: Path) -> None:
    assert calls(run(file, "show", "--json")) == ["old", "new", None]
    assert calls(run(file, "show", "--call", "new", "--json")) == ["new"]
    assert calls(run(file, "show", "--number", ANNA, "--since", "2026-11-01", "--json")) == ["new", None]
    assert calls(run(file, "show", "--agent", "PJSIP/7", "--until", "2026-11-01", "--json")) == ["old"]
    assert calls(run(file, "show", "--campaign", "spring", "--limit", "1", "--json")) == ["old"]
    shown = run(file, "show")
    assert "+33 ••• 42" in shown.output
    assert ANNA not in shown.output + run(file, "show", "--json").output
    assert run(file, "show", "--number", "abc").exit_code == 2


def test_verify_says_what_is_so_beside_an_anchor_that_was_kept(file: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    anchors.write_text(run(file, "anchor").stdout + "\n")
    verified = run(file, "verify", "--anchor", str(anchors))
    assert verified.exit_code == 0, verified.output
    assert "3 events and 1 checkpoints are as they were committed" in verified.output
    assert json.loads(run(file, "verify", "--json").stdout) == {
        "ok": True, "events": 3, "checkpoints": 1, "covered": 3, "problems": [],
    }  # fmt: skip
    assert json.loads(run(file, "anchor", "--json").stdout)["anchor"] == anchors.read_text().strip()


@pytest.mark.parametrize("command", ["verify", "show", "restore"])
def test_a_ledger_that_is_not_there_is_missed_and_not_made(file: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "ledger.db").rename(tmp_path / "elsewhere.db")
    missed = run(file, command)
    assert missed.exit_code == 2
    assert f"there is no ledger at {tmp_path}/ledger.db" in missed.output
    assert not (tmp_path / "ledger.db").exists()


def test_verify_names_the_event_that_was_changed_and_fails(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as direct:
        direct.execute("DROP TRIGGER events_refuse_update")
        direct.execute("UPDATE events SET call = 'forged' WHERE seq = 2")
    verified = run(file, "verify")
    assert verified.exit_code == 1
    assert "event 2 (office 2) was changed" in verified.output


@pytest.mark.parametrize(("text", "says"), [("", "holds no anchor"), ("42 AAAA", "has a slip"), (None, "No such file")])
def test_a_file_that_holds_no_anchor_is_refused(file: Path, tmp_path: Path, text: str | None, says: str) -> None:
    anchors = tmp_path / "anchors"
    if text is not None:
        anchors.write_text(text)
    refused = run(file, "verify", "--anchor", str(anchors))
    assert (refused.exit_code, says in refused.output) == (2, True)


def test_retention_can_be_rehearsed(file: Path) -> None:
    rehearsed = json.loads(run(file, "retain", "--dry-run", "--json").stdout)
    assert rehearsed == {"removed": {"verdict": 1}, "first": 1, "last": 1, "dry_run": True}
    assert "a rehearsal" in run(file, "retain", "--dry-run").output
    assert "It was removed" in run(file, "retain").output
    assert "Nothing is past its term" in run(file, "retain").output
    assert run(file, "verify").exit_code == 0


def test_retention_follows_the_law_of_the_country_that_was_called(file: Path) -> None:
    """Three years in France, where the operator has one."""

    async def consented(days: int) -> None:
        ledger = await opened(file.parent)
        for number in (ANNA, "+3225550199"):
            at = datetime.now(UTC) - timedelta(days=days)
            await ledger.append([Event(Kind.CONSENT, at, str(days), number, "acme", {"key": "1"})])
        await ledger.close()

    file.write_text(file.read_text() + "\n[retention]\nproof_days = 365\n")
    asyncio.run(consented(1000))
    asyncio.run(consented(1100))
    assert json.loads(run(file, "retain", "--json").stdout)["removed"] == {"verdict": 1, "consent": 3}
    assert json.loads(run(file, "show", "--call", "1000", "--number", ANNA, "--json").stdout)
    assert run(file, "verify").exit_code == 0


def test_a_rotation_ends_when_no_key_is_left_under_an_older_master(file: Path) -> None:
    assert json.loads(run(file, "rotate-key", "--new", "second", "--json").stdout) == {"wrapped": 2}
    assert "can be taken out" in run(file, "rotate-key").output
    assert "'second' already" in run(file, "rotate-key", "--new", "second").output


def test_projections_are_rebuilt_on_demand(file: Path) -> None:
    assert json.loads(run(file, "rebuild-projections", "--json").stdout) == {"open_calls": 2}
    assert "2 calls are open" in run(file, "rebuild-projections").output


def test_a_backup_restores_where_there_is_no_ledger(file: Path, tmp_path: Path) -> None:
    backup = str(tmp_path / "backup.db")
    escrowed = run(file, "fingerprint").stdout.strip()
    assert run(file, "backup", backup, "--escrowed", escrowed).exit_code == 0
    assert run(file, "restore", backup).exit_code == 2
    erased = run(file, "erase", ANNA, "--controller", "acme", "--class", "contact", "--by", "me", "--yes")
    assert "1 keys were destroyed" in erased.output
    for left in tmp_path.glob("ledger.db*"):
        left.unlink()
    restored = run(file, "restore", backup)
    assert "5 events, this one among them, are as they were committed" in restored.output
    assert "1 keys that had been destroyed" in restored.output
    shown = json.loads(run(file, "show", "--json").stdout)
    assert [event["event"] for event in shown] == ["verdict", "verdict", "objection", "restored", "erasure"]
    assert [event["gone"] for event in shown[:3]] == [True, True, False]
    assert run(file, "accept-gap", "--by", "me", "--because", "nothing came in").exit_code == 0
    refused = run(file, "accept-gap", "--by", "me", "--because", "nothing came in")
    assert (refused.exit_code, "nothing to accept" in refused.output) == (2, True)


def test_a_database_that_was_restored_by_its_own_means_is_marked_and_erased_again(file: Path) -> None:
    restored = run(file, "restore")
    assert restored.exit_code == 0
    assert json.loads(run(file, "show", "--json").stdout)[-1]["event"] == "restored"


def test_an_erasure_is_asked_for_twice_and_says_what_it_did(file: Path, tmp_path: Path) -> None:
    erase = ("erase", ANNA, "--controller", "acme", "--class", "contact, proof", "--by", "the officer")
    refused = CliRunner().invoke(app, ["ledger", *erase, "-c", str(file)], input="n\n")
    assert refused.exit_code == 1
    assert "+33 ••• 42" in refused.output
    assert not (tmp_path / "erasures.journal").exists()
    assert CliRunner().invoke(app, ["ledger", *erase, "-c", str(file)], input="y\n").exit_code == 0
    assert len((tmp_path / "erasures.journal").read_text().splitlines()) == 1
    assert json.loads(run(file, *erase, "--yes", "--json").stdout) == {"destroyed": 0, "overwritten": True}
    assert json.loads(run(file, "show", "--number", ANNA, "--json").stdout) == []
    assert ANNA not in refused.output


@pytest.mark.parametrize(
    ("number", "controller", "classes", "says"),
    [
        (ANNA, "nobody", "contact", "'nobody' is not in [controllers]"),
        (ANNA, "acme", "contact,voice", "'voice' is no class of data"),
        ("abc", "acme", "contact", "the number cannot be read"),
    ],
)
def test_an_erasure_that_names_nothing_is_refused(
    file: Path, number: str, controller: str, classes: str, says: str
) -> None:
    refused = run(file, "erase", number, "--controller", controller, "--class", classes, "--by", "me", "--yes")
    assert (refused.exit_code, says in refused.output) == (2, True)


def test_a_backup_is_refused_to_whoever_cannot_show_that_the_keys_lie_elsewhere(file: Path, tmp_path: Path) -> None:
    secrets, copies, backup = tmp_path / "secrets", tmp_path / "copies", str(tmp_path / "backup.db")
    copies.mkdir()
    for name in ("ledger.key", "suppression.key"):
        (copies / name).write_bytes((secrets / name).read_bytes())
        (copies / name).chmod(0o600)
    of_copies = ("fingerprint", str(copies / "ledger.key"), str(copies / "suppression.key"))
    refused = run(file, "backup", backup)
    assert (refused.exit_code, "callgate ledger fingerprint" in refused.output) == (2, True)
    assert run(file, "backup", backup, "--escrowed", run(file, *of_copies).stdout.strip()).exit_code == 0

    (copies / "suppression.key").write_text(f"first {'0' * 64}\n")
    others = run(file, *of_copies).stdout.strip()
    refused = run(file, "backup", f"{backup}.2", "--escrowed", others)
    assert (refused.exit_code, "is not the fingerprint of the keys in force" in refused.output) == (2, True)
    assert not (tmp_path / "backup.db.2").exists()
    assert run(file, *of_copies[:2]).exit_code == 2


def test_a_fingerprint_tells_nothing_of_the_keys_and_changes_with_each(file: Path, tmp_path: Path) -> None:
    before = run(file, "fingerprint").stdout.strip()
    assert len(before) == 16
    for path in (tmp_path / "secrets").glob("*.key"):
        assert before not in path.read_text()
    run(file, "rotate-key", "--new", "second")
    assert run(file, "fingerprint").stdout.strip() != before
