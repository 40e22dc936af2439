"""`callgate evidence`: what an officer types, and the single file in the hands of a third party."""

import ast
import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate import config
from callgate.cli.main import app
from callgate.evidence.export import verifier_text
from callgate.stores.encoding import read_keys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.keyfile import read_ledger_keys
from callgate.stores.tokens import stored_tokens
from tests.core.test_config import GOOD
from tests.evidence.conftest import ANNA, NOW, OTHER, contents, fill


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with its secrets, and a ledger of two companies."""
    secrets = tmp_path / "secrets"
    assert CliRunner().invoke(app, ["init", str(secrets)]).exit_code == 0
    text = GOOD.replace("sqlite:///ledger.db", f"sqlite:///{tmp_path}/ledger.db")
    text = text.replace('state = "state"', f'state = "{tmp_path}/state"').replace('"prompts"', f'"{tmp_path}/prompts"')
    for old, new in {"ledger": "ledger.key", "suppression": "suppression.key", "token": "token.key"}.items():
        text = text.replace(f'"{old}"', f'"{secrets}/{new}"')
    path = tmp_path / "callgate.toml"
    path.write_text(text + OTHER)
    asyncio.run(filled(tmp_path, config.load(path, {})))
    return path


async def filled(folder: Path, settings: config.Settings) -> None:
    keys = read_ledger_keys(folder / "secrets" / "ledger.key")
    tokens = partial(stored_tokens, read_keys(folder / "secrets" / "suppression.key"))
    ledger = await Ledger.open(settings.ledger.url, "office", lambda: NOW, keys=keys, tokens=tokens)
    await fill(ledger, settings)
    await ledger.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evidence", *arguments], env={"COLUMNS": "300"})


def alone(bundle: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The verifier that is printed, run by a Python that sees nothing but its own library."""
    script = bundle.parent / "verify.py"
    script.write_text(run("verifier").stdout)
    command = [sys.executable, "-I", "-S", "-W", "error", str(script), str(bundle), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_bundle_is_exported_and_a_third_party_checks_it_with_nothing_but_python(file: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    made = run("export", "--controller", "acme", "-o", str(bundle), "-c", str(file))
    assert made.exit_code == 0, made.output
    assert "holds 10 of 13 events" in made.output
    checked = alone(bundle)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "is what was committed and signed" in checked.stdout
    assert "Events 1 to 13 are all there" in checked.stdout
    assert "No anchor was held against it" in checked.stdout
    assert contents(bundle)["verify.py"].decode() == run("verifier").stdout

    raw = bytearray(bundle.read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "c.zip").write_bytes(raw)
    assert alone(tmp_path / "c.zip").returncode in (1, 2)
    assert run("verify", str(tmp_path / "c.zip")).exit_code in (1, 2)


def test_the_anchors_that_others_kept_and_the_key_are_asked_for(file: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    kept = CliRunner().invoke(app, ["ledger", "anchor", "--json", "-c", str(file)])
    anchors.write_text(json.loads(kept.stdout)["anchor"] + "\n\n")
    bundle = tmp_path / "b.zip"
    assert run("export", "-o", str(bundle), "-c", str(file)).exit_code == 0
    held = json.loads(run("verify", str(bundle), "--anchor", str(anchors), "--json").stdout)
    assert held["ok"] is True
    assert any("is that of an anchor" in line for line in held["checked"])
    item = {"id": "5e0f", "what": "anchor", "anchor": anchors.read_text().strip()}
    for received in (item, {"type": "callgate.items", "data": {"items": [item]}}):
        anchors.write_text(json.dumps(received))
        as_received = json.loads(run("verify", str(bundle), "--anchor", str(anchors), "--json").stdout)
        assert as_received == held
    anchors.write_text('{"data": {"items": []}}')
    assert run("verify", str(bundle), "--anchor", str(anchors)).exit_code == 2
    signer = json.loads(contents(bundle)["manifest.json"])["signer"]
    assert run("verify", str(bundle), "--signer", signer).exit_code == 0
    other = run("verify", str(bundle), "--signer", "ab" * 32)
    assert (other.exit_code, "another key" in other.output) == (1, True)
    assert run("verify", str(tmp_path / "none.zip")).exit_code == 2
    assert run("verify", str(bundle), "--anchor", str(tmp_path / "none")).exit_code == 2


def test_numbers_are_revealed_only_with_a_reason_which_the_ledger_keeps(file: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    asked = ("export", "--number", ANNA, "--reveal", "--by", "An Officer", "-o", str(bundle), "-c", str(file))
    refused = run(*asked)
    assert (refused.exit_code, "say why" in refused.output) == (2, True)
    assert run(*asked, "--because", "court order 7").exit_code == 0
    assert ANNA.encode() in contents(bundle)["revealed.jsonl"]
    shown = CliRunner().invoke(app, ["ledger", "show", "--json", "-c", str(file)])
    [told] = [line["payload"] for line in json.loads(shown.stdout) if line["event"] == "exported"]
    assert (told["by"], told["because"], told["revealed"]) == ("An Officer", "court order 7", True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [(("--controller", "nobody"), "no controller 'nobody'"), (("--number", "a number"), "no telephone number")],
)
def test_what_is_not_there_is_told(file: Path, tmp_path: Path, asked: tuple[str, ...], says: str) -> None:
    refused = run("export", *asked, "-o", str(tmp_path / "b.zip"), "-c", str(file))
    assert (refused.exit_code, says in refused.output) == (2, True)
    existing = run("export", "-o", str(file), "-c", str(file))
    assert (existing.exit_code, "is there already" in existing.output) == (2, True)


def test_the_verifier_is_python_of_2020_and_its_standard_library_alone() -> None:
    tree = ast.parse(verifier_text(), feature_version=(3, 9))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert names <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.Match | ast.TryStar) for node in ast.walk(tree))
