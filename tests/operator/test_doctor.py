"""`callgate doctor`: each thing that is not in order is named, with a way out, and hides no other."""

import asyncio
import json
from pathlib import Path

import pytest
from redis import Redis

from callgate import config
from callgate.doctor import RECORDERS, Finding, examine
from tests.registers.conftest import Command
from tests.wire.fake_ami import FakeAmi, Peer

pytestmark = pytest.mark.server


def findings(command: Command, exit_code: int = 1) -> dict[str, dict[str, object]]:
    done = command("doctor", "--json")
    assert done.exit_code == exit_code, done.output
    return {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}


def import_list(command: Command, *more: str) -> None:
    assert command("lists", "import", "-", "--list", "uk-tps", *more, stdin="+442079460001\n").exit_code == 0


def test_a_fresh_installation_is_told_each_thing_that_is_missing(command: Command) -> None:
    found = findings(command)
    wrong = {what: finding for what, finding in found.items() if not finding["ok"]}
    assert set(wrong) == {"cache", "list uk-tps", "prompts", "recordings", "pbx"}
    assert all(finding["way_out"] for finding in wrong.values())
    assert {"configuration", "ledger", "redis 1 version", "redis 1 policy", "redis 1 memory"} <= set(found)


def test_what_was_mended_is_in_order(command: Command) -> None:
    import_list(command)
    assert command("cache", "rebuild").exit_code == 0
    found = findings(command)
    assert {what for what, finding in found.items() if not finding["ok"]} == {"prompts", "recordings", "pbx"}


def test_a_list_past_half_its_age_serves_and_past_all_of_it_does_not(command: Command, tmp_path: Path) -> None:
    conf = tmp_path / "callgate.toml"
    import_list(command, "--as-of", "2026-01-01")
    text = conf.read_text()
    for now, ok in (("2026-01-16T00:00:00Z", True), ("2026-02-01T00:00:00Z", False)):
        conf.write_text(f"{text}\n[lab]\nnow = {now}\n")
        finding = findings(command)["list uk-tps"]
        assert finding["ok"] is ok
        assert "callgate lists import" in str(finding["way_out"])


def test_a_list_whose_file_is_gone_could_not_be_filled_again(command: Command, tmp_path: Path) -> None:
    import_list(command)
    (tmp_path / "state" / "lists" / "uk-tps.list").unlink()
    finding = findings(command)["list uk-tps"]
    assert not finding["ok"]
    assert "its file is damaged or missing" in str(finding["says"])


def test_a_list_whose_file_is_newer_than_what_is_in_force_wants_a_rebuild(command: Command, tmp_path: Path) -> None:
    """As after an import that was killed when it had written its file."""
    import_list(command, "--version", "one")
    path = tmp_path / "state" / "lists" / "uk-tps.list"
    path.write_bytes(path.read_bytes().replace(b'"one"', b'"two"'))
    finding = findings(command)["list uk-tps"]
    assert not finding["ok"]
    assert "version one is in force, and the file is of version two" in str(finding["says"])
    assert "callgate cache rebuild" in str(finding["way_out"])


def test_a_list_that_redis_lost_and_whose_file_is_there_wants_a_rebuild_and_no_import(
    command: Command, redis_url: str
) -> None:
    import_list(command, "--version", "one")
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    finding = findings(command)["list uk-tps"]
    assert not finding["ok"]
    assert "none is in force, and the file is of version one" in str(finding["says"])
    assert "callgate cache rebuild" in str(finding["way_out"])


def test_a_redis_that_may_evict_or_is_nearly_full_is_not_in_order(command: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) + 1000)
        found = findings(command)
    assert not found["redis 1 policy"]["ok"]
    assert not found["redis 1 memory"]["ok"]


def test_a_redis_that_is_away_hides_nothing_else(command: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.shutdown(nosave=True)
    found = findings(command)
    assert not found["redis"]["ok"]
    assert found["ledger"]["ok"]
    assert not found["cache"]["ok"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('url = "unix', 'url = "http', "redis"),
        ("ledger.key", "suppression.key", "ledger"),
        ("ami.secret", "none.secret", "pbx"),
        ('country = "BE"', 'country = "Belgium"', "configuration"),
    ],
)
def test_a_configuration_that_leads_nowhere_is_said_of_its_part(
    command: Command, tmp_path: Path, old: str, new: str, what: str
) -> None:
    conf = tmp_path / "callgate.toml"
    conf.write_text(conf.read_text().replace(old, new, 1))
    assert not findings(command)[what]["ok"]


def test_a_spool_that_others_may_use_is_not_in_order_and_one_that_they_may_not_is(
    command: Command, tmp_path: Path
) -> None:
    conf, spool = tmp_path / "callgate.toml", tmp_path / "spool"
    conf.write_text(conf.read_text().replace('spool = "spool"', f'spool = "{spool}"\nmin_free_mib = 0'))
    spool.mkdir()
    for mode, ok in ((0o755, False), (0o2770, True)):
        spool.chmod(mode)
        assert findings(command)["recordings"]["ok"] is ok


def test_a_person_reads_a_line_each_and_the_way_out(command: Command) -> None:
    done = command("doctor")
    assert done.exit_code == 1
    assert "ok      ledger: opens" in done.stdout
    assert "not ok  prompts: " in done.stdout
    assert "→ run `callgate prompts build`" in done.stdout


async def of_pbx(
    command: Command, tmp_path: Path, ami: FakeAmi, *replies: str, version: str = "22.10.1"
) -> list[Finding]:
    """What is found of a PBX of this version, whose replies to ModuleCheck are these."""
    conf = tmp_path / "callgate.toml"
    conf.write_text(
        conf.read_text().replace('[pbx]\nname = "lab"', f'[pbx]\nami = "127.0.0.1:{ami.address[1]}"\nname = "lab"')
    )

    async def examined() -> list[Finding]:
        return [found async for found in examine(config.load(conf)) if found.what in ("pbx", "recorders", "asterisk")]

    examining = asyncio.create_task(examined())
    peer: Peer = await ami.log_in()
    for reply in replies:
        action = await peer.action("ModuleCheck")
        peer.reply(action, *(["Response: Success"] if reply == "loaded" else ["Response: Error", f"Message: {reply}"]))
    peer.reply(await peer.action("CoreSettings"), "Response: Success", f"AsteriskVersion: {version}")
    return await examining


async def test_the_recorders_that_are_loaded_are_named(command: Command, tmp_path: Path) -> None:
    replies = ["loaded" if module in ("app_mixmonitor", "app_queue") else "Module not loaded" for module in RECORDERS]
    async with FakeAmi().listening() as ami:
        pbx, recorders, _ = await of_pbx(command, tmp_path, ami, *replies)
    assert pbx.ok
    assert recorders.says == "loaded: app_mixmonitor, app_queue"
    assert "modules.conf" in recorders.way_out


async def test_an_account_that_may_not_ask_for_recorders_is_as_it_should_be(command: Command, tmp_path: Path) -> None:
    async with FakeAmi().listening() as ami:
        pbx, recorders, _ = await of_pbx(command, tmp_path, ami, "Permission denied")
    assert (pbx.ok, recorders.ok) == (True, True)
    assert recorders.says == "not known: the AMI account may not ask, and should not"


@pytest.mark.parametrize(
    ("version", "is_told"),
    [("22.10.1+dfsg+~cs6.17.60671434-1", True), ("22.10.1", False), ("GIT-22-a19aaf2cc6", False)],
)
async def test_an_asterisk_that_leaves_things_out_of_recordings_is_told_of(
    command: Command, tmp_path: Path, version: str, is_told: bool
) -> None:
    async with FakeAmi().listening() as ami:
        *_, asterisk = await of_pbx(command, tmp_path, ami, "Permission denied", version=version)
    assert asterisk.ok
    assert version in asterisk.says
    assert ("docs/recordings.md" in asterisk.way_out) is is_told


async def test_a_login_that_is_refused_is_not_in_order(command: Command, tmp_path: Path) -> None:
    async with FakeAmi().listening() as ami:
        conf = tmp_path / "callgate.toml"
        conf.write_text(
            conf.read_text().replace('name = "lab"', f'ami = "127.0.0.1:{ami.address[1]}"\nname = "lab"', 1)
        )
        examining = asyncio.create_task(_all(config.load(conf)))
        peer = await ami.accept()
        peer.send_raw(b"Asterisk Call Manager/11.0.0\r\n")
        peer.reply(await peer.action("Login"), "Response: Error", "Message: Authentication failed")
        found = {finding.what: finding for finding in await examining}
    assert not found["pbx"].ok
    assert "Authentication failed" in found["pbx"].says


async def _all(settings: config.Settings) -> list[Finding]:
    return [finding async for finding in examine(settings)]
