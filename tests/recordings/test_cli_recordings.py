"""`callgate recordings`: what an officer types, and what a script gets."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate.cli.main import app
from callgate.core.events import DataClass, Kind
from callgate.pbx.recordings import Recordings
from callgate.recordings.archive import Archive
from callgate.stores.encoding import read_keys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.keyfile import read_ledger_keys
from callgate.stores.tokens import stored_tokens
from tests.core.test_config import GOOD
from tests.node.sounds import channels
from tests.recordings.conftest import House
from tests.stores.conftest import ANNA, BRAM, NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with its secrets, and two calls that were recorded."""
    secrets = tmp_path / "secrets"
    assert CliRunner().invoke(app, ["init", str(secrets)]).exit_code == 0
    text = GOOD.replace("sqlite:///ledger.db", f"sqlite:///{tmp_path}/ledger.db")
    text = text.replace('state = "state"', f'state = "{tmp_path}"')
    text = text.replace('sealed = "sealed"', f'sealed = "{tmp_path}/s"')
    for old, new in {"ledger": "ledger.key", "suppression": "suppression.key", "token": "token.key"}.items():
        text = text.replace(f'"{old}"', f'"{secrets}/{new}"')
    path = tmp_path / "callgate.toml"
    path.write_text(f"{text}\n[lab]\nnow = {NOW.isoformat()}\n")
    asyncio.run(fill(tmp_path))
    return path


async def fill(folder: Path) -> None:
    (folder / "spool").mkdir(mode=0o700)
    ledger = await opened(folder)
    house = House(ledger, Recordings(folder / "spool", folder / "s"), Archive(folder / "s"))
    house.pass_days(-100)
    await house.recorded("c1", ANNA)
    house.pass_days(100)
    await house.recorded("c2", BRAM)
    await ledger.close()


async def opened(folder: Path) -> Ledger:
    return await Ledger.open(
        f"sqlite:///{folder}/ledger.db",
        "office",
        lambda: NOW,
        keys=read_ledger_keys(folder / "secrets" / "ledger.key"),
        tokens=partial(stored_tokens, read_keys(folder / "secrets" / "suppression.key")),
    )


def entered(folder: Path, kind: Kind) -> list[dict[str, object]]:
    async def read() -> list[dict[str, object]]:
        ledger = await opened(folder)
        try:
            return [dict(entry.event.payload) for entry in await ledger.read(kinds=[kind])]
        finally:
            await ledger.close()

    return asyncio.run(read())


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["recordings", *arguments, "-c", str(file)], env={"COLUMNS": "300"})


def test_recordings_are_listed_with_masked_numbers(file: Path) -> None:
    assert [one["call"] for one in json.loads(run(file, "list", "--json").stdout)] == ["c1", "c2"]
    assert [one["call"] for one in json.loads(run(file, "list", "--json", "--since", "2026-11-01").stdout)] == ["c2"]
    told = run(file, "list")
    assert "+33 ••• 42" in told.output
    assert ANNA not in told.output


def test_one_is_shown_and_nobody_hears_it_by_that(file: Path, tmp_path: Path) -> None:
    shown = json.loads(run(file, "show", "c1", "--json").stdout)
    assert (shown["seconds"], shown["kept"], shown["number"]) == (0.5, True, "+33 ••• 42")
    assert "sealed_sha256" in run(file, "show", "c1").output
    assert entered(tmp_path, Kind.RECORDING_PLAYED) == []
    none = run(file, "show", "../c1")
    assert (none.exit_code, "there is no recording" in none.output) == (2, True)


def test_it_is_played_into_a_pipe_by_somebody_with_a_name(file: Path, tmp_path: Path) -> None:
    played = run(file, "play", "c1", "--by", "A. Officer")
    assert played.exit_code == 0
    assert len(channels(played.stdout_bytes)) == 4_000
    assert [said["by"] for said in entered(tmp_path, Kind.RECORDING_PLAYED)] == ["A. Officer"]
    assert run(file, "play", "c1").exit_code == 2


@pytest.mark.parametrize("format_", ["wav", "opus"])
def test_it_is_exported_with_its_proof(file: Path, tmp_path: Path, format_: str) -> None:
    done = run(file, "export", "c1", "--by", "A", "--format", format_, "--to", str(tmp_path), "--json")
    assert json.loads(done.stdout) == {"audio": f"{tmp_path}/c1.{format_}", "proof": f"{tmp_path}/c1.json"}
    again = run(file, "export", "c1", "--by", "A", "--format", format_, "--to", str(tmp_path))
    assert (again.exit_code, "already" in again.output) == (2, True)


def test_retention_is_rehearsed_and_done(file: Path, tmp_path: Path) -> None:
    file.write_text(f"{file.read_text()}\n[retention]\nrecording_days_of = {{ spring = 30 }}\n")
    assert json.loads(run(file, "retain", "--dry-run", "--json").stdout) == {"destroyed": ["c1"], "dry_run": True}
    assert "rehearsal" in run(file, "retain", "--dry-run").output
    assert "are destroyed" in run(file, "retain").output
    assert "No recording is past" in run(file, "retain").output
    assert entered(tmp_path, Kind.RECORDING_DESTROYED) == [{"why": "term", "by": "command", "existed": True}]
    gone = run(file, "play", "c1", "--by", "A")
    assert (gone.exit_code, "was destroyed" in gone.output) == (2, True)


def test_a_consent_that_is_withdrawn_later_ends_the_recording(file: Path, tmp_path: Path) -> None:
    assert run(file, "withdraw", "c1", "--by", "A. Officer").exit_code == 0
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["c2.sealed"]
    assert entered(tmp_path, Kind.WITHDRAWAL) == [{"by": "A. Officer", "door": "officer"}]
    assert [said["why"] for said in entered(tmp_path, Kind.RECORDING_DESTROYED)] == ["withdrawn"]
    again = run(file, "withdraw", "c1", "--by", "A. Officer")
    assert (again.exit_code, "was destroyed before" in again.output) == (0, True)
    assert run(file, "withdraw", "c9", "--by", "A. Officer").exit_code == 2


def test_to_erase_a_person_removes_their_recordings_at_once(file: Path, tmp_path: Path) -> None:
    arguments = ["ledger", "erase", ANNA, "--controller", "acme", "--class", DataClass.RECORDING.value]
    erased = CliRunner().invoke(app, [*arguments, "--by", "A", "--yes", "-c", str(file)])
    assert erased.exit_code == 0, erased.output
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["c2.sealed"]
    assert [one["call"] for one in json.loads(run(file, "list", "--json").stdout)] == ["c2"]
