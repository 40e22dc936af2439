"""`callgate breach`: a window of the ledger, as a report."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from callgate import config, installation
from callgate.core.events import Event, Json, Kind
from tests.registers.conftest import Command
from tests.stores.conftest import ANNA, NOW

pytestmark = pytest.mark.server

SINCE = ("--since", "2026-11-20")
UNTIL = ("--until", "2026-12-01")


@pytest.fixture
def accessed(command: Command, tmp_path: Path) -> Command:
    """A ledger in which `mallory` read notes of forty people, and an agent made a call."""

    async def act() -> None:
        async with installation.stores(config.load(tmp_path / "callgate.toml"), "test", lambda: NOW) as (ledger, _):
            said = {"outcome": "allow", "agent": "PJSIP/7"}
            call = Event(Kind.VERDICT, NOW, "c1", ANNA, "acme", said)
            read: dict[str, Json] = {"by": "mallory", "people": {"acme": 40}}
            await ledger.append([call, Event(Kind.NOTES_RESCREENED, NOW + timedelta(hours=1), payload=read)])

    asyncio.run(act())
    return command


def test_a_window_is_reported_with_its_deadline(accessed: Command) -> None:
    done = accessed("breach", *SINCE, *UNTIL, "--aware", "2026-11-24T09:30", "--format", "json")
    told = json.loads(done.stdout)
    assert told["people"]["acme"]["at_most"] == 41
    assert told["aware"][:16] == "2026-11-24T09:30"
    assert told["notify_by"][:16] == "2026-11-27T09:30"
    assert ANNA[1:] not in done.stdout


def test_a_user_is_told_apart_and_a_page_is_written(accessed: Command, tmp_path: Path) -> None:
    assert "mallory" not in accessed("breach", *SINCE, *UNTIL, "--user", "PJSIP/7").stdout
    page = tmp_path / "breach.html"
    done = accessed("breach", *SINCE, *UNTIL, "--user", "mallory", "--format", "html", "-o", str(page))
    assert (done.exit_code, "mallory" in page.read_text()) == (0, True)
    assert "are to be filled in" in done.stdout


def test_a_window_that_ends_before_it_begins_is_refused(accessed: Command) -> None:
    refused = accessed("breach", "--since", "2026-11-20", "--until", "2026-11-19")
    assert refused.exit_code == 2
    assert "not after it begins" in refused.stderr
