"""`callgate lists import`: what is in force afterwards, and how it says what it did."""

import json
from pathlib import Path

import pytest
from redis import Redis

from tests.registers.conftest import Command

pytestmark = pytest.mark.server


def in_force(command: Command) -> tuple[str | None, int]:
    [row] = json.loads(command("lists", "show", "--json").stdout)
    return row["version"], row["numbers"]


def lines(count: int) -> str:
    return "".join(f"+442079460{number:03}\n" for number in range(count))


def test_a_list_comes_into_force_and_into_the_ledger(command: Command) -> None:
    done = command("lists", "import", "-", "--list", "uk-tps", "--as-of", "2026-11-20", stdin=lines(9) + "02079460009")
    assert done.exit_code == 0, done.output
    assert "with 10 numbers is in force: 10 new, 0 gone, 0 of 10 lines broken" in done.stdout
    assert in_force(command) == ("20261120000000", 10)
    entered = command("ledger", "show", "--json").stdout
    assert "list-loaded" in entered


def test_a_script_reads_what_was_done(command: Command, tmp_path: Path) -> None:
    (tmp_path / "tps.txt").write_text(lines(10) + "q1\n")
    arguments = ("lists", "import", f"{tmp_path}/tps.txt", "--list", "uk-tps", "--version", "v1", "--json")
    done = json.loads(command(*arguments, "--max-broken", "10%").stdout)
    assert (done["version"], done["numbers"], done["new"], done["gone"]) == ("v1", 10, 10, 0)
    assert (done["lines"], done["broken"], done["samples"]) == (11, 1, ["line 11: 2 characters, a letter at 1"])


def test_a_refused_file_leaves_the_version_before(command: Command) -> None:
    assert command("lists", "import", "-", "--list", "uk-tps", "--version", "v1", stdin=lines(10)).exit_code == 0
    short = command("lists", "import", "-", "--list", "uk-tps", "--version", "v2", stdin=lines(7))
    assert short.exit_code == 1
    assert "--accept-shrink" in short.stderr
    assert in_force(command) == ("v1", 10)
    broken = command("lists", "import", "-", "--list", "uk-tps", "--json", stdin=lines(10) + "q1\n")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["samples"] == ["line 11: 2 characters, a letter at 1"]
    assert in_force(command) == ("v1", 10)
    agreed = command("lists", "import", "-", "--list", "uk-tps", "--version", "v2", "--accept-shrink", stdin=lines(7))
    assert agreed.exit_code == 0
    assert in_force(command) == ("v2", 7)


def test_an_older_version_does_not_replace_a_newer_one(command: Command) -> None:
    new = ("--as-of", "2026-11-20", "--version", "new")
    assert command("lists", "import", "-", "--list", "uk-tps", *new, stdin=lines(10)).exit_code == 0
    old = command("lists", "import", "-", "--list", "uk-tps", "--as-of", "2026-11-19", stdin=lines(10))
    assert old.exit_code == 1
    assert "older than version new" in old.stderr
    future = command("lists", "import", "-", "--list", "uk-tps", "--as-of", "2999-01-01", stdin=lines(10))
    assert future.exit_code == 1
    assert in_force(command) == ("new", 10)


def test_changes_are_applied_to_the_version_in_force(command: Command) -> None:
    assert command("lists", "import", "-", "--list", "uk-tps", stdin=lines(10)).exit_code == 0
    changes = "number,what\n02079460001,D\n02079460999,A\n"
    options = ("--column", "number", "--change-column", "what", "--version", "v2")
    assert command("lists", "import", "-", "--list", "uk-tps", *options, stdin=changes).exit_code == 0
    assert in_force(command) == ("v2", 10)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--list", "be-dncm"), "no list 'be-dncm' is configured; known are uk-tps"),
        (("--list", "uk-tps", "--format", "csv"), "--column"),
        (("--list", "uk-tps", "--format", "xls"), "no format 'xls'"),
        (("--list", "uk-tps", "--as-of", "yesterday"), "write it like"),
        (("--list", "uk-tps", "--as-of", "2026-11-20T10:00"), "has no zone"),
        (("--list", "uk-tps", "--max-broken", "some"), "write it like"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(command: Command, options: tuple[str, ...], says: str) -> None:
    refused = command("lists", "import", "-", *options, stdin=lines(1))
    assert refused.exit_code == 2
    assert says in refused.stderr


def test_a_file_that_is_not_there_is_a_sentence(command: Command) -> None:
    refused = command("lists", "import", "nowhere.txt", "--list", "uk-tps")
    assert refused.exit_code == 2
    assert "nowhere.txt" in refused.stderr


def test_nothing_but_the_list_is_left_behind(command: Command, tmp_path: Path) -> None:
    for stdin in (lines(10), lines(1), "q\n"):
        command("lists", "import", "-", "--list", "uk-tps", stdin=stdin)
    assert [path.name for path in (tmp_path / "state" / "lists").iterdir()] == ["uk-tps.list"]


def test_lists_that_cannot_be_asked_for_are_a_sentence(command: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.shutdown(nosave=True)
    done = command("lists", "show")
    assert done.exit_code == 2
    assert "error: Redis failed while reading which lists are in force" in done.stderr
