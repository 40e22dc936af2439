"""A recording is sealed when it is complete, destroyed where nobody agreed, and no link leads out of its folders."""

import hashlib
import wave
from pathlib import Path

import pytest

from callgate.pbx import recordings
from callgate.pbx.recordings import NotRecorded, Recordings


@pytest.fixture
def kept(tmp_path: Path) -> Recordings:
    (tmp_path / "spool").mkdir()
    return Recordings(tmp_path / "spool", tmp_path / "sealed")


def sound(path: Path, seconds: float = 0.5) -> bytes:
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(8_000)
        audio.writeframes(b"\0\1" * int(8_000 * seconds))
    return path.read_bytes()


async def test_a_complete_recording_is_hashed_and_moved_where_only_we_read(kept: Recordings, tmp_path: Path) -> None:
    data = sound(kept.path_for("c1"))
    sealed = await kept.seal("c1")
    assert sealed.path == tmp_path / "sealed" / "c1.wav"
    assert sealed.path.read_bytes() == data
    assert (sealed.seconds, sealed.sha256) == (0.5, hashlib.sha256(data).hexdigest())
    assert sealed.path.stat().st_mode & 0o777 == 0o600
    assert sealed.path.parent.stat().st_mode & 0o777 == 0o700
    assert not kept.path_for("c1").exists()
    assert kept.is_sealed("c1")


@pytest.mark.parametrize("left", [0, 20, 44, 500])
async def test_a_recording_that_asterisk_has_not_closed_is_not_sealed(
    kept: Recordings, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(recordings, "COMPLETE_WITHIN_S", 0.1)
    data = sound(kept.path_for("c1"))
    kept.path_for("c1").write_bytes(data[:left])
    with pytest.raises(NotRecorded):
        await kept.seal("c1")
    assert not kept.is_sealed("c1")


async def test_a_link_in_the_spool_is_not_followed(
    kept: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "COMPLETE_WITHIN_S", 0.1)
    outside = tmp_path / "outside.wav"
    sound(outside)
    kept.path_for("c1").symlink_to(outside)
    with pytest.raises(NotRecorded):
        await kept.seal("c1")
    assert not kept.destroy("c1")
    assert not kept.destroy_orphan("c1")
    assert outside.exists()


async def test_what_is_destroyed_is_gone_from_both_folders(kept: Recordings) -> None:
    sound(kept.path_for("c1"))
    sealed = await kept.seal("c1")
    sound(kept.path_for("c1"))
    assert kept.destroy("c1")
    assert not sealed.path.exists()
    assert not kept.path_for("c1").exists()
    assert not kept.destroy("c1")


@pytest.mark.parametrize("call", ["", "../c1", "c1/../../x", "c1.wav", "c 1", "ç1", "/etc/passwd", "c1\0"])
def test_no_other_name_than_a_callgate_id_becomes_a_path(kept: Recordings, call: str) -> None:
    with pytest.raises(ValueError, match="CALLGATE_ID"):
        kept.path_for(call)


def test_orphans_are_the_recordings_of_no_call(kept: Recordings, tmp_path: Path) -> None:
    for name in ("c1", "c2", "c3"):
        sound(kept.path_for(name))
    assert kept.orphans({"c2"}) == ["c1", "c3"]
    assert Recordings(tmp_path / "none", tmp_path / "sealed").orphans(set()) == []
