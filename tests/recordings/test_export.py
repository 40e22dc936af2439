"""A recording leaves the house whole, with a proof that anybody can check, or not at all."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from callgate.core.chain import commit, genesis, link
from callgate.core.events import Kind
from callgate.core.sealedfile import NotSealed
from callgate.recordings import export as exporting
from callgate.recordings.export import Exported, Format, NoEncoder, export
from callgate.recordings.listening import NoRecording
from callgate.stores.ledger.checkpoints import Checkpoint, public_key
from tests.node.sounds import AGENT, CALLEE, channels
from tests.recordings.conftest import OFFICER, House
from tests.stores.conftest import ANNA, LEDGER_KEYS


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


async def exported(house: House, out: Path, as_: Format = Format.WAV) -> Exported:
    return await export(house.listening, OFFICER, "c1", as_, out)


def files(folder: Path) -> dict[str, int]:
    """What is in it, and with which permissions."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_as_wav_it_is_bit_by_bit_what_was_sealed(house: House, out: Path) -> None:
    sealed = await house.recorded(seconds=20)
    made = await exported(house, out)
    assert (channels(made.audio.read_bytes()) == (CALLEE, AGENT)).all()
    assert digest(made.audio) == sealed.sha256
    assert files(out) == {"c1.json": 0o600, "c1.wav": 0o600}
    (entry,) = await house.entered(Kind.RECORDING_PLAYED)
    assert (entry.event.payload["by"], entry.event.payload["how"]) == ("A. Officer", "export-wav")


async def test_as_opus_it_is_small_and_says_from_which_wav_it_was_made(house: House, out: Path) -> None:
    sealed = await house.recorded(seconds=20)
    made = await exported(house, out, Format.OPUS)
    assert made.audio.read_bytes()[:4] == b"OggS"
    assert made.audio.stat().st_size < 20 * 32_000 / 5
    proof = json.loads(made.proof.read_text())
    assert proof["audio"] == {"file": "c1.opus", "format": "opus", "sha256": digest(made.audio)}
    assert proof["recording"]["sha256"] == sealed.sha256


async def test_without_the_encoder_nothing_is_played_and_the_way_out_is_said(
    house: House, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.recorded()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoEncoder, match="opus-tools"):
        await exported(house, out, Format.OPUS)
    assert await house.entered(Kind.RECORDING_PLAYED) == []


async def test_an_encoder_that_fails_leaves_nothing_and_is_quoted(
    house: House, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho it does not feel well >&2\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(exporting, "ENCODER", str(broken))
    await house.recorded(seconds=20)
    with pytest.raises(NoEncoder, match="does not feel well"):
        await exported(house, out, Format.OPUS)
    assert files(out) == {}


@pytest.mark.parametrize("there", ["c1.wav", "c1.json"])
async def test_nothing_is_written_over(house: House, out: Path, there: str) -> None:
    await house.recorded()
    (out / there).write_text("mine")
    with pytest.raises(FileExistsError, match="already"):
        await exported(house, out)
    assert list(files(out)) == [there]
    assert (out / there).read_text() == "mine"


async def test_a_recording_that_is_not_the_one_of_the_ledger_leaves_nothing(house: House, out: Path) -> None:
    await house.recorded()
    before = house.archive.path("c1").read_bytes()
    await house.seal(seconds=3)
    house.archive.path("c1").write_bytes(before)
    with pytest.raises(NotSealed, match="hash"):
        await exported(house, out)
    assert files(out) == {}


async def test_what_is_not_there_is_not_exported(house: House, out: Path) -> None:
    with pytest.raises(NoRecording):
        await exported(house, out)
    assert files(out) == {}


# The proof.


async def proof(house: House, out: Path) -> dict[str, Any]:
    await house.recorded()
    await house.ledger.checkpoint(house.now)
    made = await exported(house, out)
    said: dict[str, Any] = json.loads(await asyncio.to_thread(made.proof.read_text))
    return said


async def test_the_proof_holds_the_words_their_audio_and_the_key(house: House, out: Path) -> None:
    said = await proof(house, out)
    assert [event["kind"] for event in said["events"]] == ["consent", "recording-started", "recording-sealed"]
    consent = json.loads(said["events"][0]["body"])
    assert consent["key"] == "1"
    assert consent["heard"] == [
        {
            "language": "fr",
            "milliseconds": 2500,
            "name": "question",
            "sha256": "ab" * 32,
            "text": "Pouvons-nous enregistrer ?",
            "whole": True,
        }
    ]
    assert said["exported_by"] == "A. Officer"
    assert (said["recording"]["left"], said["recording"]["right"]) == ("callee", "agent")
    assert ANNA not in json.dumps(said)
    assert ANNA[1:] not in json.dumps(said)


async def test_whoever_doubts_computes_each_hash_of_the_proof(house: House, out: Path) -> None:
    said = await proof(house, out)
    for event in said["events"]:
        raw = {name: event[name].encode() for name in ("writer", "at", "kind", "call", "controller", "body")}
        hexed = {name: bytes.fromhex(event[name]) for name in ("salt", "sealed", "subject", "commitment", "hash")}
        assert commit(hexed["salt"], raw["body"], hexed["sealed"]) == hexed["commitment"]
        before = bytes.fromhex(event["before"]) if event["before"] else genesis(said["ledger"].encode(), raw["writer"])
        linked = (
            event["seq"], raw["writer"], event["n"], event["mark"], raw["at"], raw["kind"], raw["call"],
            hexed["subject"], raw["controller"], event["version"], hexed["commitment"],
        )  # fmt: skip
        assert link(before, linked) == hexed["hash"]


async def test_the_checkpoint_in_the_proof_is_signed_by_the_ledger(house: House, out: Path) -> None:
    stands = (await proof(house, out))["checkpoint"]
    checkpoint = Checkpoint(
        stands["number"], stands["statement"], bytes.fromhex(stands["signer"]), bytes.fromhex(stands["signature"])
    )
    assert checkpoint.signer == public_key(LEDGER_KEYS.signing)
    assert checkpoint.stand.seq >= 3
