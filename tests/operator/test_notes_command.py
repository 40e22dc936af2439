"""`callgate notes`: the screen, the outcome of a call, and the notes that are kept."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate import config, installation
from callgate.cli.main import app
from callgate.core.events import Event, Kind
from tests.registers.conftest import Command
from tests.stores.conftest import ANNA, NOW

pytestmark = pytest.mark.server


@pytest.fixture
def called(command: Command, tmp_path: Path) -> Command:
    """A call `c1` that was allowed, of a campaign that takes notes."""
    path = tmp_path / "callgate.toml"
    path.write_text(path.read_text().replace("[campaigns.spring]", "[campaigns.spring]\nnotes = true"))

    async def call() -> None:
        said = {"outcome": "allow", "campaign": "spring", "centre": "brussels"}
        async with installation.stores(config.load(path), "test", lambda: NOW) as (ledger, _):
            await ledger.append([Event(Kind.VERDICT, NOW, "c1", ANNA, "acme", said)])

    asyncio.run(call())
    return command


def screen(*arguments: str, stdin: str | None = None) -> Result:
    """`callgate notes screen`, which needs no configuration."""
    return CliRunner().invoke(app, ["notes", "screen", *arguments], input=stdin)


def test_the_screen_says_which_words_and_why() -> None:
    refused = screen("husband is ill", "--json")
    assert refused.exit_code == 1
    told = json.loads(refused.stdout)
    assert told["ok"] is False
    assert told["findings"] == [
        {"category": "health", "start": 11, "end": 14, "words": "ill", "source": "GDPR Art. 9(1), 4(15)"}
    ]
    assert "ill: health (GDPR Art. 9(1), 4(15))" in screen("-", stdin="husband is ill").stderr


def test_the_screen_passes_what_is_ordinary_and_refuses_languages_that_it_does_not_know() -> None:
    assert screen("-", stdin="wants a quote").exit_code == 0
    assert screen("sale", "--language", "es").exit_code == 2


def test_an_outcome_and_a_note_are_entered(called: Command) -> None:
    assert called("notes", "add", "c1", "--outcome", "sale", "--text", "wants a quote").exit_code == 0
    events = json.loads(called("ledger", "show", "--call", "c1", "--json").stdout)
    assert [event["event"] for event in events] == ["verdict", "outcome", "note"]


def test_a_note_that_is_refused_is_shown_its_words_and_nothing_is_entered(called: Command) -> None:
    refused = called("notes", "add", "c1", "--outcome", "sale", "--text", "-", stdin="is ill")
    assert refused.exit_code == 1
    assert "ill: health" in refused.stderr
    unknown = called("notes", "add", "c1", "--outcome", "gone", "--json")
    assert (unknown.exit_code, json.loads(unknown.stdout)["ok"]) == (1, False)
    assert len(json.loads(called("ledger", "show", "--call", "c1", "--json").stdout)) == 1


def test_notes_are_rescreened(called: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callgate.notes.screen", lambda *_: [])
    assert called("notes", "add", "c1", "--outcome", "sale", "--text", "is ill").exit_code == 0
    monkeypatch.undo()
    listed = called("notes", "rescreen", "--json")
    assert listed.exit_code == 1
    told = json.loads(listed.stdout)
    assert (told["read"], told["failing"][0]["call"], told["removed"]) == (1, "c1", False)
    assert "1 fail" in called("notes", "rescreen").stdout
    assert called("notes", "rescreen", "--erase", "--yes").exit_code == 0
    assert json.loads(called("notes", "rescreen", "--json").stdout)["read"] == 0
