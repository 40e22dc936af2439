"""Two sides become one stereo file: each on its own channel, in step, and as long as the longer."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.stereo import HEADER, NotAudio, Side, frames_of, header, interleave, read_header


def asterisks(length: int, size: int, rate: int = 8000) -> bytes:
    """A header as format_wav.c writes it."""
    return HEADER.pack(b"RIFF", size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", length)


@pytest.mark.parametrize(
    ("head", "side"),
    [
        (asterisks(0, 0), Side(8000, None)),
        (asterisks(320, 356), Side(8000, 320)),
        (asterisks(0, 36), Side(8000, 0)),
        (asterisks(320, 356, 16000), Side(16000, 320)),
    ],
)
def test_a_header_tells_whether_asterisk_closed_the_file(head: bytes, side: Side) -> None:
    assert read_header(head) == side


@pytest.mark.parametrize(
    "head", [b"", asterisks(0, 0)[:43], b"OggS" + bytes(40), header(8000, 5), asterisks(0, 0, rate=0)]
)
def test_what_is_no_recording_of_asterisks_is_refused(head: bytes) -> None:
    with pytest.raises(NotAudio):
        read_header(head)


samples = st.lists(st.integers(-32768, 32767), max_size=40)


@given(samples, samples)
def test_each_side_is_on_its_own_channel_and_the_shorter_ends_in_silence(callee: list[int], agent: list[int]) -> None:
    left, right = (np.array(side, "<i2") for side in (callee, agent))
    frames = frames_of(len(left.tobytes()), len(right.tobytes()))
    file = header(8000, frames) + interleave(left.tobytes(), right.tobytes(), frames)
    with wave.open(io.BytesIO(file)) as audio:
        assert audio.getparams()[:4] == (2, 2, 8000, max(len(callee), len(agent)))
        both = np.frombuffer(audio.readframes(frames), "<i2").reshape(-1, 2)
    assert both[: len(callee), 0].tolist() == callee
    assert both[: len(agent), 1].tolist() == agent
    assert not both[len(callee) :, 0].any()
    assert not both[len(agent) :, 1].any()


def test_a_sample_that_was_cut_in_half_is_left_out() -> None:
    assert interleave(b"\1\0\2", b"", frames_of(3, 0)) == b"\1\0\0\0"
