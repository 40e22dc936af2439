"""`callgate scrub` against a real Redis: what lists and objections say, and what happens when they cannot."""

import asyncio
import json
from pathlib import Path

import pytest

from callgate import config, installation
from callgate.stores.cache.readiness import rebuild
from tests.registers.conftest import Command, command, redis_url

__all__ = ["command", "redis_url"]
pytestmark = pytest.mark.server

LEADS = """\
id,phone
1,020 7946 0000
2,020 7946 0001
3,+442079460002
4,+442079460003
5,+33199001234
6,+32470123456
7,x
"""


@pytest.fixture
def ready(command: Command, tmp_path: Path) -> Command:
    """A list in force, an objection to the company, one to everybody, one to another company."""
    asyncio.run(rebuilt(tmp_path / "callgate.toml"))
    for arguments, stdin in (
        (("lists", "import", "-", "--list", "uk-tps"), "02079460001\n02079460009\n"),
        (("suppress", "add", "+442079460002", "--controller", "acme", "--reason", "letter"), None),
        (("suppress", "add", "+442079460003", "--all", "--reason", "letter"), None),
    ):
        done = command(*arguments, stdin=stdin)
        assert done.exit_code == 0, done.output
    return command


async def rebuilt(config_file: Path) -> None:
    settings = config.load(config_file)
    async with installation.stores(settings, "test", installation.clock_of(settings)) as (ledger, cache):
        assert await rebuild(cache, ledger) == ()


def scrub(command: Command, *options: str, leads: str = LEADS) -> tuple[int, str, str]:
    done = command("scrub", "-", "--campaign", "spring", "--country", "GB", *options, stdin=leads)
    return done.exit_code, done.stdout, done.stderr


def test_leads_are_sifted(ready: Command, tmp_path: Path) -> None:
    code, stdout, stderr = scrub(ready, "--blocked", f"{tmp_path}/blocked.csv")
    assert code == 0, stderr
    assert stdout == "id,phone\n1,020 7946 0000\n"
    assert (tmp_path / "blocked.csv").read_text().split() == [
        "id,phone,callgate_reason",
        *("2,020", "7946", "0001,national-list"),
        "3,+442079460002,objection",
        "4,+442079460003,objection",
        "5,+33199001234,no-consent",
        "6,+32470123456,country-not-served",
        "7,x,bad-number",
    ]
    assert "7 leads: 1 allowed, 6 blocked" in stderr


def test_a_script_reads_the_counts(ready: Command, tmp_path: Path) -> None:
    code, stdout, _ = scrub(ready, "--allowed", f"{tmp_path}/allowed.csv", "--json")
    assert code == 0
    blocked = {"bad-number": 1, "country-not-served": 1, "objection": 2, "national-list": 1, "no-consent": 1}
    assert json.loads(stdout) == {"leads": 7, "allowed": 1, "blocked": blocked}
    assert (tmp_path / "allowed.csv").read_text() == "id,phone\n1,020 7946 0000\n"


def test_an_objection_is_found_among_many_leads(ready: Command, tmp_path: Path) -> None:
    leads = "phone\n" + "".join(f"+44207946{number:04}\n" for number in range(1000))
    code, stdout, _ = scrub(ready, leads=leads)
    assert code == 0
    passed = set(leads.split()) - set(stdout.split())
    assert passed == {"+442079460001", "+442079460002", "+442079460003", "+442079460009"}


def test_a_stale_list_stops_the_scrub(ready: Command, tmp_path: Path) -> None:
    path = tmp_path / "callgate.toml"
    path.write_text(f"{path.read_text()}\n[lab]\nnow = 2090-01-01T00:00:00Z\n")
    code, stdout, stderr = scrub(ready, "--blocked", f"{tmp_path}/blocked.csv")
    assert (code, stdout) == (2, "")
    assert "28 days are allowed" in stderr
    assert not (tmp_path / "blocked.csv").exists()


def test_a_list_that_was_never_loaded_stops_the_scrub(command: Command, tmp_path: Path) -> None:
    asyncio.run(rebuilt(tmp_path / "callgate.toml"))
    code, stdout, stderr = scrub(command)
    assert (code, stdout) == (2, "")
    assert "the list uk-tps was never loaded" in stderr


def test_a_list_file_that_is_not_the_one_in_force_stops_the_scrub(ready: Command, tmp_path: Path) -> None:
    (tmp_path / "state" / "lists" / "uk-tps.list").write_bytes(b"nonsense")
    code, stdout, stderr = scrub(ready)
    assert (code, stdout) == (2, "")
    assert "import the list again" in stderr


def test_a_redis_that_knows_nothing_stops_the_scrub(command: Command, tmp_path: Path) -> None:
    code, stdout, stderr = scrub(command, "--blocked", f"{tmp_path}/blocked.csv")
    assert (code, stdout) == (2, "")
    assert "no complete copy" in stderr


def test_nothing_half_written_is_left_of_a_file_that_is_refused(ready: Command, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    broken = "id,phone\n" + "1,020 7946 0000\n" * 90_000 + '2,"' + "x" * 70_000
    code, _, stderr = scrub(ready, "--allowed", f"{tmp_path}/a.csv", "--blocked", f"{tmp_path}/b.csv", leads=broken)
    assert code == 1
    assert "line 90002" in stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--blocked", "-"), "only one"),
        (("--json",), "only one"),
        (("--allowed", "x.csv", "--blocked", "x.csv"), "cannot take both"),
        (("--campaign", "autumn"), "known are spring"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(command: Command, options: tuple[str, ...], says: str) -> None:
    code, _, stderr = scrub(command, *options)
    assert code == 2
    assert says in stderr
