"""A recording is sealed when it is complete, destroyed where nobody agreed, and no link leads out of its folders."""

import asyncio
import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from callgate.core.sealedfile import CHUNK, Header
from callgate.pbx import recordings, spool
from callgate.pbx.recordings import Recordings, Sealed
from callgate.pbx.spool import NotRecorded, Side
from tests.node.sounds import AGENT, CALLEE, channels, record, unsealed, write_side

KEY = b"k" * 32
HEADER = Header("c1", "acme", "spring", "2026-11-24T12:00:00+00:00", "ab", "cd")


@pytest.fixture
def kept(tmp_path: Path) -> Recordings:
    (tmp_path / "spool").mkdir(mode=0o700)
    return Recordings(tmp_path / "spool", tmp_path / "sealed")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "QUIET_S", 0)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def sealed(kept: Recordings) -> Sealed:
    return await kept.seal("c1", KEY, HEADER)


# What is sealed.


async def test_the_callee_is_left_and_the_agent_right(kept: Recordings) -> None:
    record(kept)
    done = await sealed(kept)
    frames = channels(unsealed(done.path, KEY))
    assert frames.shape == (4_000, 2)
    assert (frames == (CALLEE, AGENT)).all()
    assert (done.seconds, done.whole) == (0.5, True)


async def test_the_hashes_are_those_of_the_plain_and_of_the_sealed_file(kept: Recordings) -> None:
    record(kept, seconds=20)
    done = await sealed(kept)
    assert done.path.stat().st_size > 4 * CHUNK
    assert done.sha256 == hashlib.sha256(unsealed(done.path, KEY)).hexdigest()
    assert done.sealed_sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()


async def test_only_callgate_may_read_it_and_nothing_of_it_is_in_clear(kept: Recordings) -> None:
    record(kept)
    done = await sealed(kept)
    assert done.path.stat().st_mode & 0o777 == 0o600
    assert done.path.parent.stat().st_mode & 0o777 == 0o700
    assert CALLEE.to_bytes(2, "little") * 4 not in done.path.read_bytes()


async def test_the_plain_files_stay_until_they_are_discarded(kept: Recordings, tmp_path: Path) -> None:
    record(kept)
    await sealed(kept)
    assert files(tmp_path / "spool") == ["c1.agent.wav", "c1.callee.wav"]
    await kept.discard_plain("c1")
    assert files(tmp_path / "spool") == []
    assert files(tmp_path / "sealed") == ["c1.sealed"]
    assert await kept.is_sealed("c1")


async def test_a_recording_that_was_sealed_before_is_replaced(kept: Recordings) -> None:
    record(kept)
    await sealed(kept)
    record(kept, seconds=1)
    assert (await sealed(kept)).seconds == 1
    assert len(channels(unsealed(kept.sealed_path("c1"), KEY))) == 8_000


@pytest.mark.usefixtures("impatient")
async def test_what_an_asterisk_left_that_was_killed_is_taken_as_it_is(kept: Recordings) -> None:
    record(kept, closed=False)
    done = await sealed(kept)
    assert (done.seconds, done.whole) == (0.5, False)


@pytest.mark.usefixtures("impatient")
async def test_a_side_that_is_missing_is_silent(kept: Recordings) -> None:
    write_side(kept.path_for("c1", Side.AGENT), AGENT)
    assert (channels(unsealed((await sealed(kept)).path, KEY)) == (0, AGENT)).all()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("size", [45, 46, 47, 1_001, 4_044])
async def test_wherever_asterisk_was_cut_off_what_there_is_of_either_side_is_kept(kept: Recordings, size: int) -> None:
    record(kept, seconds=0.25, closed=False)
    os.truncate(kept.path_for("c1", Side.AGENT), size)
    frames = channels(unsealed((await sealed(kept)).path, KEY))
    heard = (size - 44) // 2
    assert (frames[:, 0] == CALLEE).all()
    assert (frames[:heard, 1] == AGENT).all()
    assert not frames[heard:, 1].any()
    assert len(frames) == 2_000


async def test_a_file_that_still_grows_is_waited_for(kept: Recordings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "LOOK_EVERY_S", 0)
    record(kept, closed=False)
    sealing = asyncio.create_task(sealed(kept))
    record(kept, seconds=1, closed=False)
    assert not sealing.done()
    record(kept, seconds=2)
    assert ((await sealing).seconds, (await sealing).whole) == (2, True)


# What is not.


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("size", [None, 0, 20, 44])
async def test_without_sound_there_is_no_recording(kept: Recordings, tmp_path: Path, size: int | None) -> None:
    if size is not None:
        record(kept, closed=False)
        for side in Side:
            os.truncate(kept.path_for("c1", side), size)
    with pytest.raises(NotRecorded, match="no sound"):
        await sealed(kept)
    assert files(tmp_path / "sealed") == []


async def test_what_is_no_audio_is_no_recording(kept: Recordings) -> None:
    record(kept)
    kept.path_for("c1").write_bytes(b"x" * 500)
    with pytest.raises(NotRecorded, match="no WAV file"):
        await sealed(kept)


async def test_sides_of_different_rates_are_no_recording(kept: Recordings) -> None:
    record(kept)
    write_side(kept.path_for("c1", Side.AGENT), AGENT, rate=16_000)
    with pytest.raises(NotRecorded, match="different rates"):
        await sealed(kept)


async def test_a_link_in_the_spool_is_not_followed(kept: Recordings, tmp_path: Path) -> None:
    outside = tmp_path / "outside.wav"
    write_side(outside, CALLEE)
    record(kept)
    kept.path_for("c1").unlink()
    kept.path_for("c1").symlink_to(outside)
    with pytest.raises(NotRecorded, match="is a link"):
        await sealed(kept)
    await kept.destroy("c1")
    assert kept.path_for("c1").is_symlink()
    assert outside.exists()


async def test_a_pipe_in_the_spool_holds_nobody_up(kept: Recordings) -> None:
    record(kept)
    kept.path_for("c1").unlink()
    os.mkfifo(kept.path_for("c1"))
    with pytest.raises(NotRecorded, match="no regular file"):
        await sealed(kept)


async def test_a_disk_that_is_full_leaves_the_plain_files_and_nothing_by_half(
    kept: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    record(kept)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            await sealed(kept)
    assert files(tmp_path / "sealed") == []
    assert (await sealed(kept)).seconds == 0.5


# What is destroyed.


async def test_what_is_destroyed_is_gone_from_both_folders(kept: Recordings, tmp_path: Path) -> None:
    record(kept)
    await sealed(kept)
    assert await kept.destroy("c1")
    assert files(tmp_path / "spool") + files(tmp_path / "sealed") == []
    assert not await kept.destroy("c1")


async def test_a_sealing_under_way_is_broken_off_and_leaves_nothing(
    kept: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Waits(spool.Stereo):
        def pieces(self):  # type: ignore[no-untyped-def]
            began.set()
            for piece in super().pieces():
                go_on.wait()
                yield piece

    monkeypatch.setattr(spool, "Stereo", Waits)
    record(kept)
    sealing = asyncio.create_task(sealed(kept))
    await asyncio.to_thread(began.wait)
    sealing.cancel()
    destroying = asyncio.create_task(kept.destroy("c1"))
    await asyncio.sleep(0)
    go_on.set()
    assert await destroying
    assert files(tmp_path / "spool") + files(tmp_path / "sealed") == []


@pytest.mark.parametrize("call", ["", "../c1", "c1/../../x", "c1.wav", "c 1", "ç1", "/etc/passwd", "c1\0", "c1\n"])
def test_no_other_name_than_a_callgate_id_becomes_a_path(kept: Recordings, call: str) -> None:
    for path in (kept.path_for, kept.sealed_path):
        with pytest.raises(ValueError, match="CALLGATE_ID"):
            path(call)


# What belongs to nobody.


def test_orphans_are_the_recordings_of_no_call(kept: Recordings, tmp_path: Path) -> None:
    for call in ("c1", "c2", "c3"):
        record(kept, call)
    assert kept.orphans({"c2"}) == ["c1", "c3"]
    (tmp_path / "sealed").mkdir()
    for name in ("c1.partial", "c1.sealed"):
        (tmp_path / "sealed" / name).touch()
    assert kept.destroy_orphan("c1")
    assert files(tmp_path / "sealed") == ["c1.sealed"]
    assert files(tmp_path / "spool") == ["c2.agent.wav", "c2.callee.wav", "c3.agent.wav", "c3.callee.wav"]
    assert Recordings(tmp_path / "none", tmp_path / "sealed").orphans(set()) == []


def test_what_callgate_did_not_ask_for_is_left_alone_and_counted(kept: Recordings, tmp_path: Path) -> None:
    place = tmp_path / "spool"
    record(kept, "c1")
    assert kept.spool.strangers() == 0
    (place / "q-20261124-33199001234.wav").write_bytes(b"another's recording")
    (place / "c9.callee.wav").symlink_to(tmp_path / "x")
    (place / "c8.agent.wav").mkdir()
    assert kept.orphans({"c1"}) == []
    assert kept.spool.strangers() == 3
    os.link(kept.path_for("c1"), tmp_path / "second-name")
    assert kept.spool.strangers() == 4


# Whether a call may be recorded.


async def test_a_spool_that_is_in_order_hinders_nothing(kept: Recordings) -> None:
    assert await kept.hindrance("c1") == ""


@pytest.mark.parametrize("mode", [0o701, 0o705, 0o777, 0o2775])
async def test_a_spool_that_others_may_use_is_not_recorded_into(kept: Recordings, tmp_path: Path, mode: int) -> None:
    (tmp_path / "spool").chmod(mode)
    assert await kept.hindrance("c1") == "spool-not-private"
    assert "others" in kept.spool.problem()


@pytest.mark.parametrize("there", ["nothing", "file", "link"])
async def test_a_spool_that_is_no_folder_is_not_recorded_into(tmp_path: Path, there: str) -> None:
    place = tmp_path / "spool"
    if there == "file":
        place.touch(0o600)
    elif there == "link":
        (tmp_path / "private").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "private")
    assert await Recordings(place, tmp_path / "sealed").hindrance("c1") == "spool-not-private"


@pytest.mark.parametrize("side", Side)
async def test_what_has_the_name_already_is_not_written_over(kept: Recordings, tmp_path: Path, side: Side) -> None:
    kept.path_for("c1", side).symlink_to(tmp_path / "nowhere")
    assert await kept.hindrance("c1") == "spool-name-taken"
    assert await kept.hindrance("c2") == ""


async def test_below_the_floor_nothing_new_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    free = spool.free(tmp_path)
    assert await Recordings(tmp_path / "spool", tmp_path / "sealed", free * 2).hindrance("c1") == "disk-nearly-full"
    assert await Recordings(tmp_path / "spool", tmp_path / "sealed", free // 2).hindrance("c1") == ""


async def test_what_is_recorded_on_a_full_disk_is_not_whole_even_if_there_is_room_again(
    kept: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk closes its files as if nothing were missing."""
    record(kept)
    assert await kept.trouble(["c1"]) == ""
    with monkeypatch.context() as full:
        full.setattr(recordings, "FULL", 2**62)
        assert await kept.trouble(["c1"]) == "disk-nearly-full"
    assert await kept.trouble(["c1"]) == ""
    assert not (await sealed(kept)).whole
    await kept.discard_plain("c1")
    record(kept)
    assert (await sealed(kept)).whole


async def test_a_disk_that_is_full_at_the_end_leaves_nothing_whole(
    kept: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(kept)
    monkeypatch.setattr(recordings, "FULL", 2**62)
    assert not (await sealed(kept)).whole


async def test_below_the_floor_it_is_told_before_anything_is_lost(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    kept = Recordings(tmp_path / "spool", tmp_path / "sealed", spool.free(tmp_path) * 2)
    record(kept)
    assert await kept.trouble(["c1"]) == "disk-nearly-full"
    assert (await sealed(kept)).whole


def test_each_thing_that_is_wrong_with_the_folders_has_a_way_out(tmp_path: Path) -> None:
    for name in ("spool", "sealed"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    problems = Recordings(tmp_path / "spool", tmp_path / "sealed", spool.free(tmp_path) * 2).problems()
    assert [problem.way_out.split()[0] for problem in problems] == ["let", "chmod", "make", "make"]


async def test_a_disk_that_does_not_answer_holds_no_callee_up(
    kept: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(recordings, "HINDERS_AFTER_S", 0)
    monkeypatch.setattr(recordings, "free", lambda _: answers.wait())
    assert await kept.hindrance("c1") == "disk-not-answering"
    answers.set()


async def test_a_disk_that_cannot_be_read_is_not_recorded_to(kept: Recordings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(recordings, "free", broken)
    assert await kept.hindrance("c1") == "disk-not-answering"
