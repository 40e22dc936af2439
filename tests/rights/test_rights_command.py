"""`callgate rights`: what each command enters, says and leaves behind, and its exit codes."""

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callgate import config, installation
from callgate.core.events import Event, Kind
from callgate.rights import certificate
from callgate.stores.cache.readiness import rebuild
from callgate.stores.ledger.checkpoints import public_key
from callgate.stores.ledger.keyfile import read_ledger_keys
from tests.registers.conftest import Command, command, redis_url
from tests.stores.test_erasure import forms

__all__ = ["command", "redis_url"]
pytestmark = pytest.mark.server

ANNA, BRAM = "+33199001234", "+33199001235"
FOR = ("--controller", "acme", "--by", "A. Officer")
EARLIER = (datetime.now(UTC).date() - timedelta(days=4)).isoformat()
IDENTIFIED = ("--identity", "identity card seen")


@pytest.fixture
def lived(command: Command, tmp_path: Path) -> Command:
    """Anna consented and was called; the cache is ready."""
    asyncio.run(_live(tmp_path / "callgate.toml"))
    leads = f"number,given,proof\n{ANNA},2026-10-01,form 1\n"
    assert command("consents", "import", "-", "--controller", "acme", stdin=leads).exit_code == 0
    return command


async def _live(config_file: Path) -> None:
    settings = config.load(config_file)
    clock = installation.clock_of(settings)
    async with installation.stores(settings, "test", clock) as (ledger, cache):
        said: dict[str, Any] = {"outcome": "allow", "campaign": "spring", "centre": "brussels"}
        kinds = (Kind.DIALLED, Kind.CLOSED)
        verdict = Event(Kind.VERDICT, clock(), "c1", ANNA, "acme", said)
        await ledger.append([verdict, *(Event(kind, clock(), "c1", ANNA, "acme") for kind in kinds)])
        assert await rebuild(cache, ledger) == ()


def told(command: Command, *arguments: str, code: int = 0) -> Any:
    done = command("rights", *arguments, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_after_rights_erase_a_raw_search_of_every_file_for_the_number_finds_nothing(
    lived: Command, tmp_path: Path
) -> None:
    done = lived("rights", "erase", ANNA, *FOR, *IDENTIFIED)
    assert done.exit_code == 0, done.output
    assert "+33 ••• 34" in done.stdout
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"ledger.db", "erasures.journal"} <= {path.name for path in files}
    assert not [path.name for path in files for form in forms(ANNA) if form in path.read_bytes()]
    assert json.loads(lived("ledger", "show", "--call", "c1", "--json").stdout)[0]["number"] is None


def test_who_was_erased_is_caught_at_explain_at_a_scrub_and_at_an_import(lived: Command) -> None:
    assert lived("rights", "erase", ANNA, *FOR, *IDENTIFIED).exit_code == 0
    explained = lived("explain", f"00{ANNA[1:]}", "--campaign", "spring", "--json")
    assert (explained.exit_code, json.loads(explained.stdout)["reason"]) == (1, "erased")
    assert lived("lists", "import", "-", "--list", "uk-tps", stdin="02079460001\n").exit_code == 0
    bram = f"number,given,proof\n{BRAM},2026-10-01,form 2\n"
    assert lived("consents", "import", "-", "--controller", "acme", stdin=bram).exit_code == 0
    leads = f"id,phone\n1,{ANNA}\n2,{BRAM}\n"
    scrubbed = lived("scrub", "-", "--campaign", "spring", "--allowed", "-", stdin=leads)
    assert scrubbed.exit_code == 0, scrubbed.output
    assert scrubbed.stdout == f"id,phone\n2,{BRAM}\n"
    assert "1 erased" in scrubbed.stderr
    again = lived("consents", "import", "-", "--controller", "acme", stdin=f"number,given,proof\n{ANNA},2026-10-01,f\n")
    assert "0 consents are in force" in again.stdout
    assert "1 people had their data erased" in again.stdout


def test_a_request_without_identity_is_entered_and_waits(lived: Command, tmp_path: Path) -> None:
    waiting = told(lived, "erase", ANNA, *FOR, "--received", EARLIER, code=1)
    assert (waiting["stage"], waiting["received"]) == ("open", EARLIER)
    assert told(lived, "erase", ANNA, *FOR, code=1)["request"] == waiting["request"]
    assert json.loads(lived("ledger", "show", "--call", "c1", "--json").stdout)[0]["number"] is not None
    assert told(lived, "identify", waiting["request"], *IDENTIFIED, "--by", "B")["identified"] == "B"
    done = told(lived, "erase", ANNA, *FOR)
    assert (done["request"], done["stage"]) == (waiting["request"], "closed")


def test_the_certificate_is_signed_with_the_ledgers_key_and_readable_by_its_owner_alone(
    lived: Command, tmp_path: Path
) -> None:
    request = told(lived, "erase", ANNA, *FOR, *IDENTIFIED, "--language", "de")["request"]
    made = lived("rights", "certificate", request, "-o", f"{tmp_path}/out")
    assert made.exit_code == 0, made.output
    found = json.loads((tmp_path / "out" / f"{request}.json").read_text())
    keys = read_ledger_keys(tmp_path / "secrets" / "ledger.key")
    assert certificate.is_signed(found, public_key(keys.signing))
    page = tmp_path / "out" / f"{request}.html"
    assert "Bescheinigung der Löschung" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert json.loads(lived("rights", "certificate", request).stdout) == found
    open_one = told(lived, "erase", BRAM, *FOR, code=1)["request"]
    refused = lived("rights", "certificate", open_one)
    assert (refused.exit_code, "is of a closed erasure" in refused.stderr) == (1, True)


def test_access_writes_everything_as_json_and_as_a_page(lived: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert told(lived, "access", ANNA, *FOR, "-o", str(out), code=1)["stage"] == "open"
    assert not out.exists()
    done = told(lived, "access", ANNA, *FOR, *IDENTIFIED, "-o", str(out))
    document, page = map(Path, done["files"])
    held = json.loads(document.read_text())
    assert [one["event"] for one in held["calls"]] == ["verdict", "dialled", "closed"]
    assert held["consents"][0]["proof"] == "form 1"
    assert "What is held on you" in page.read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (document, page)} == {0o600}


def test_a_restriction_blocks_is_shown_to_an_officer_alone_and_is_lifted(lived: Command) -> None:
    request = told(lived, "restrict", ANNA, *FOR, "--ground", "claims", "--because", "letter")["request"]
    assert (
        json.loads(lived("explain", f"00{ANNA[1:]}", "--campaign", "spring", "--json").stdout)["reason"] == "restricted"
    )
    hidden = lived("ledger", "show", "--number", f"00{ANNA[1:]}", "--json")
    assert json.loads(hidden.stdout) == []
    assert "--officer NAME shows them" in " ".join(hidden.stderr.split())
    assert json.loads(lived("ledger", "show", "--number", f"00{ANNA[1:]}", "--officer", "A", "--json").stdout)
    lifted = told(lived, "lift", request, "--because", "settled", "--told", "letter of today")
    assert lifted["restricts"] is False
    assert json.loads(lived("ledger", "show", "--number", f"00{ANNA[1:]}", "--json").stdout)


def test_an_objection_by_letter_and_a_rectification_are_closed_at_once(lived: Command) -> None:
    objection = told(lived, "object", ANNA, *FOR, "--because", "letter of 2026-11-20")
    assert (objection["right"], objection["stage"]) == ("objection", "closed")
    assert json.loads(lived("suppress", "show", ANNA, "--json").stdout)[0]["by"] == "A. Officer"
    corrected = told(lived, "rectify", ANNA, *FOR, "--what", "language", "--now", "nl", "--because", "telephone")
    assert (corrected["right"], corrected["stage"]) == ("rectification", "closed")


def test_requests_are_listed_extended_refused_and_shown(lived: Command) -> None:
    first = told(lived, "erase", ANNA, *FOR, "--received", EARLIER, code=1)["request"]
    second = told(lived, "access", BRAM, *FOR, "-o", "/nowhere", code=1)["request"]
    assert [row["request"] for row in told(lived, "list")] == [first, second]
    assert told(lived, "refuse", second, "--because", "the third in a week")["stage"] == "refused"
    assert [row["request"] for row in told(lived, "list")] == [first]
    assert len(told(lived, "list", "--all")) == 2
    shown = told(lived, "show", second)
    assert [event["event"] for event in shown["events"]] == ["request-opened", "request-refused"]
    assert "request-refused" in lived("rights", "show", second).stdout
    assert first in lived("rights", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("erase", "12", *FOR, *IDENTIFIED), 2, "cannot be read"),
        (("erase", ANNA, "--controller", "nobody", *IDENTIFIED), 1, "known are acme"),
        (("object", ANNA, *FOR, "--because", " "), 1, "reason is empty"),
        (("show", "r-none"), 1, "rights list"),
        (("extend", "r-none", "--because", "x"), 1, "rights list"),
        (("acknowledge", "r-none", "--partner", "north", "--answer", "erased"), 1, "rights list"),
        (("call-back", "r-none"), 1, "rights list"),
        (("erase", ANNA, *FOR, "--language", "it"), 1, "nl, fr, de, en"),
        (("erase", ANNA, *FOR, "--received", "2999-01-01"), 1, "still to come"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out_and_without_the_number(
    command: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    refused = command("rights", *arguments)
    assert (refused.exit_code, says in refused.stderr) == (code, True), refused.output
    assert ANNA not in refused.stderr
