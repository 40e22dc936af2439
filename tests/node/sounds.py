"""Recordings as Asterisk leaves them in a spool, and what is in a sealed one."""

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from callgate.core.sealedfile import PREFIX, Opening, decode, head_length
from callgate.core.stereo import HEADER
from callgate.pbx.recordings import Recordings
from callgate.pbx.spool import Side

RATE = 8_000
CALLEE, AGENT = 1000, -2000
"""The sample of which each side consists."""


def write_side(path: Path, sample: int, seconds: float = 0.5, *, closed: bool = True, rate: int = RATE) -> None:
    """One side; until it is closed, Asterisk's header says 0 of its lengths."""
    sound = np.full(round(rate * seconds), sample, "<i2").tobytes()
    size, length = (len(sound) + 36, len(sound)) if closed else (0, 0)
    path.write_bytes(
        HEADER.pack(b"RIFF", size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", length) + sound
    )


def record(recordings: Recordings, call: str = "c1", seconds: float = 0.5, *, closed: bool = True) -> None:
    """Both sides of a call."""
    write_side(recordings.path_for(call, Side.CALLEE), CALLEE, seconds, closed=closed)
    write_side(recordings.path_for(call, Side.AGENT), AGENT, seconds, closed=closed)


def unsealed(path: Path, key: bytes) -> bytes:
    """The WAV file in a sealed one."""
    file = path.read_bytes()
    head = file[: head_length(file[:PREFIX])]
    decode(head)
    opening = Opening(key, head, len(file))
    return b"".join(opening.chunk(n, file[slice(*opening.place(n))]) for n in range(opening.chunks))


def channels(wav: bytes) -> NDArray[np.int16]:
    """Its frames: the callee's sample and the agent's."""
    with wave.open(io.BytesIO(wav)) as audio:
        assert audio.getparams()[:3] == (2, 2, RATE)
        return np.frombuffer(audio.readframes(audio.getnframes()), "<i2").reshape(-1, 2)
