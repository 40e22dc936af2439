"""`callgate cache`: what it says to a person and to a script."""

import json

import pytest
from redis import Redis

from tests.registers.conftest import Command

pytestmark = pytest.mark.server


def filled(command: Command) -> None:
    numbers = "".join(f"+44207946{number:04}\n" for number in range(1000))
    assert command("lists", "import", "-", "--list", "uk-tps", stdin=numbers).exit_code == 0
    assert command("suppress", "add", "+33199000042", "--reason", "letter", "--controller", "acme").exit_code == 0


def test_a_rebuild_fills_an_empty_redis_and_verify_finds_it_right(command: Command, redis_url: str) -> None:
    filled(command)
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    rebuilt = command("cache", "rebuild", "--json")
    assert (rebuilt.exit_code, json.loads(rebuilt.stdout)) == (0, {"ready": True, "problems": []})
    verified = command("cache", "verify", "--json")
    assert verified.exit_code == 0, verified.output
    parts = {part["part"]: part for part in json.loads(verified.stdout)["parts"]}
    assert (parts["uk-tps"]["right"], parts["objections"]["right"]) == (1000, 1)


def test_verify_counts_what_differs_and_ends_with_1(command: Command, redis_url: str) -> None:
    filled(command)
    assert command("cache", "rebuild").exit_code == 0
    with Redis.from_url(redis_url) as redis:
        chunk = next(redis.scan_iter("callgate:uk-tps:*:0"))
        redis.spop(chunk, 3)
    verified = command("cache", "verify")
    assert verified.exit_code == 1
    assert "997" in verified.stdout
    assert "callgate cache rebuild" in verified.stdout
    assert "+44" not in verified.output
    assert "207946" not in verified.output


def test_a_redis_that_is_away_is_said_in_a_sentence(command: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.shutdown(nosave=True)
    for name in ("verify", "rebuild"):
        done = command("cache", name)
        assert done.exit_code == 2
        assert "error: Redis failed while" in done.stderr
