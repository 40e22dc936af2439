"""Recordings over HTTP: heard by whom it is for, in parts, after it was entered; exported with their proof; ended."""

import hashlib
import io
import json
import zipfile

import pytest
from aiohttp import ClientPayloadError

from callgate.core.access import Role
from callgate.core.events import Event, Json, Kind
from tests.node import sounds
from tests.stores.conftest import ANNA, NOW
from tests.web.world import World

pytestmark = pytest.mark.server

AUDIO = "/api/v1/recordings/c1/audio"


def verdict(call: str = "c1") -> Event:
    said: dict[str, Json] = {"outcome": "allow", "campaign": "spring", "centre": "brussels", "agent": "alice"}
    return Event(Kind.VERDICT, NOW, call, ANNA, "acme", said)


@pytest.fixture
async def wav(world: World) -> bytes:
    return await world.record(verdict())


async def played(world: World, by: str) -> list[Json]:
    entries = await world.ledger.read(kinds=[Kind.RECORDING_PLAYED])
    return [entry.event.payload["how"] for entry in entries if entry.event.payload["by"] == by]


async def test_a_recording_is_heard_as_it_was_spoken_and_that_it_was_is_in_the_ledger(world: World, wav: bytes) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    heard = await world.ask("GET", AUDIO, token)
    assert (heard.status, heard.content_type, heard.headers["Accept-Ranges"]) == (200, "audio/wav", "bytes")
    assert await heard.read() == wav
    assert await played(world, "boss") == ["play"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-3", 0, 4), ("bytes=100-", 100, None), ("bytes=-10", -10, None), ("bytes=40-999999", 40, None)],
)
async def test_a_player_that_seeks_gets_the_part_that_it_asks_for(
    world: World, wav: bytes, asked: str, start: int, end: int | None
) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    for _ in range(2):
        part = await world.ask("GET", AUDIO, token, Range=asked)
        assert (part.status, await part.read()) == (206, wav[start:end])
        first, last, size = (int(one) for one in part.headers["Content-Range"][6:].replace("-", "/").split("/"))
        assert (wav[first : last + 1], size) == (wav[start:end], len(wav))
    assert await played(world, "boss") == ["play"], "the parts of ten minutes are one listening"


@pytest.mark.parametrize("asked", ["", "bytes=", "bytes=5-2", "bytes=0-1,4-5", "lines=0-3", "bytes=x-", "bytes=٣-"])
async def test_what_asks_for_no_part_that_we_know_gets_all_of_it(world: World, wav: bytes, asked: str) -> None:
    heard = await world.ask("GET", AUDIO, await world.user("boss", Role.SUPERVISOR), Range=asked)
    assert (heard.status, await heard.read()) == (200, wav)


async def test_a_part_beyond_the_end_is_refused_with_the_size(world: World, wav: bytes) -> None:
    beyond = await world.ask("GET", AUDIO, await world.user("boss", Role.SUPERVISOR), Range=f"bytes={len(wav)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(wav)}")


async def heard(world: World, call: str) -> bytes:
    """What a listener gets; nothing where it is refused or broken off."""
    answer = await world.ask("GET", f"/api/v1/recordings/{call}/audio", await world.user("boss", Role.SUPERVISOR))
    try:
        return await answer.read() if answer.status == 200 else b""
    except ClientPayloadError:
        return b""


@pytest.mark.parametrize("seconds", [0.5, 30], ids=["seen before its first sound", "seen on the way"])
async def test_what_is_not_what_was_sealed_is_not_given_for_whole_and_raises_an_alarm(
    world: World, seconds: float
) -> None:
    await world.record(verdict(), seconds)
    path = world.services.archive.path("c1")
    raw = bytearray(path.read_bytes())
    raw[3000] ^= 1
    path.write_bytes(raw)
    assert await heard(world, "c1") == b""
    alarms = [one.facts["alarm"] for one in world.live.after(0) if one.what == "alarm"]
    assert alarms == ["recording-damaged"]


async def test_a_list_has_those_that_are_kept_page_by_page(world: World, wav: bytes) -> None:
    await world.record(verdict("c2"))
    token = await world.user("boss", Role.SUPERVISOR)
    first = await (await world.ask("GET", "/api/v1/recordings?limit=1", token)).json()
    second = await (await world.ask("GET", f"/api/v1/recordings?limit=1&cursor={first['next']}", token)).json()
    assert [one["call"] for one in first["recordings"] + second["recordings"]] == ["c1", "c2"]
    assert first["recordings"][0]["sha256"] == hashlib.sha256(wav).hexdigest()
    assert ANNA[4:] not in json.dumps(first)


@pytest.mark.parametrize("form", ["wav", "opus"])
async def test_an_export_is_a_zip_file_of_the_sound_and_its_proof(world: World, wav: bytes, form: str) -> None:
    token = await world.user("carl", Role.OFFICER)
    sent = await world.ask("GET", f"/api/v1/recordings/c1/export?format={form}", token)
    file = zipfile.ZipFile(io.BytesIO(await sent.read()))
    assert (sent.status, file.testzip(), file.namelist()) == (200, None, [f"c1.{form}", "c1.json"])
    sound, proof = file.read(f"c1.{form}"), json.loads(file.read("c1.json"))
    assert proof["audio"] == {"file": f"c1.{form}", "format": form, "sha256": hashlib.sha256(sound).hexdigest()}
    assert (proof["exported_by"], proof["recording"]["sha256"]) == ("carl", hashlib.sha256(wav).hexdigest())
    assert sound == wav if form == "wav" else sound.startswith(b"OggS")
    assert await played(world, "carl") == [f"export-{form}"]


async def test_without_an_encoder_opus_is_refused_before_anything_is_sent(
    world: World, wav: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callgate.recordings.bundle.ENCODER", "no-such-program")
    token = await world.user("carl", Role.OFFICER)
    refused = await world.ask("GET", "/api/v1/recordings/c1/export?format=opus", token)
    assert (refused.status, await played(world, "carl")) == (422, [])


async def test_a_withdrawal_after_the_call_ends_the_recording(world: World, wav: bytes) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    ended = await world.ask("POST", "/api/v1/recordings/c1/withdrawal", token)
    assert (ended.status, await ended.json()) == (200, {"destroyed": True})
    assert not world.services.archive.path("c1").exists()
    [entry] = await world.ledger.read(kinds=[Kind.WITHDRAWAL])
    assert (entry.event.payload["by"], entry.event.number) == ("boss", ANNA)
    assert (await world.ask("GET", AUDIO, token)).status == 404
    assert (await (await world.ask("GET", "/api/v1/recordings", token)).json())["recordings"] == []


async def test_a_withdrawal_before_it_is_sealed_keeps_it_from_being_so(world: World) -> None:
    office, token = world.services.office, await world.user("boss", Role.SUPERVISOR)
    await world.ledger.append([verdict()])
    await office._remember("c1")
    await office.record(Kind.RECORDING_STARTED, "c1", {})
    sounds.record(world.recordings, "c1", 0.2)
    ended = await world.ask("POST", "/api/v1/recordings/c1/withdrawal", token)
    assert (ended.status, await ended.json()) == (200, {"destroyed": False})
    assert await office.recording_key("c1") is None
    assert len(await world.ledger.read(kinds=[Kind.WITHDRAWAL])) == 1


async def test_of_a_person_whose_data_may_only_be_kept_the_officer_alone_hears(world: World, wav: bytes) -> None:
    boss, carl = await world.user("boss", Role.SUPERVISOR), await world.user("carl", Role.OFFICER)
    body = {"number": ANNA, "controller": "acme", "because": "letter of 2026-11-20", "ground": "accuracy"}
    assert (await world.ask("POST", "/api/v1/requests/restriction", carl, json=body)).status == 200
    assert [(await world.ask("GET", AUDIO, token)).status for token in (boss, carl)] == [404, 200]
    assert (await (await world.ask("GET", "/api/v1/recordings", boss)).json())["recordings"] == []
