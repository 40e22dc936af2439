"""Two one-sided WAV files of Asterisk's into one stereo file: the callee left, the agent right. Pure.

Asterisk's `wav` format is one header of 44 bytes and 16-bit samples, little-endian (format_wav.c). Its two lengths are
0 until it closes the file (`update_header`), and the data is written before they are: a header with its lengths is the
end of a recording, and one without them is not. Both sides begin with the same frame and stay in step, since MixMonitor
puts silence where one has none.
"""

import struct
from array import array
from dataclasses import dataclass

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""RIFF, size, WAVE, `fmt `, 16, PCM, channels, rate, bytes a second, bytes a frame, bits, data, size."""
SAMPLE = 2
"""Bytes."""
_BITS, _PCM = 16, 1


class NotAudio(ValueError):
    """The bytes do not begin like a recording of Asterisk's."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side as its header has it: samples a second; bytes of samples, None while Asterisk writes it."""

    rate: int
    length: int | None


def read_header(head: bytes) -> Side:
    """The side that begins with these `HEADER.size` bytes. Raises `NotAudio`."""
    if len(head) < HEADER.size:
        raise NotAudio("it is shorter than a header")
    riff, size, wave, fmt, sixteen, coding, channels, rate, _, _, bits, data, length = HEADER.unpack_from(head)
    if (riff, wave, fmt, data) != (b"RIFF", b"WAVE", b"fmt ", b"data"):
        raise NotAudio("it is no WAV file of Asterisk's")
    if (sixteen, coding, channels, bits) != (16, _PCM, 1, _BITS) or not rate:
        raise NotAudio("it is no WAV file with 16-bit samples of one channel")
    return Side(rate, length if size else None)


def frames_of(callee: int, agent: int) -> int:
    """How many frames the two sides come to, from their bytes: the shorter is followed by silence."""
    return max(callee, agent) // SAMPLE


def header(rate: int, frames: int) -> bytes:
    """The header of a stereo file."""
    size, frame = frames * 2 * SAMPLE, 2 * SAMPLE
    return HEADER.pack(
        b"RIFF", size + 36, b"WAVE", b"fmt ", 16, _PCM, 2, rate, rate * frame, frame, _BITS, b"data", size
    )


def interleave(callee: bytes, agent: bytes, frames: int) -> bytes:
    """So many frames of stereo; a side that has fewer is silent at its end."""
    both = array("H", bytes(frames * 2 * SAMPLE))  # samples are moved whole, so that their byte order does not matter
    for channel, side in enumerate((callee, agent)):
        count = min(len(side) // SAMPLE, frames)
        both[channel : 2 * count : 2] = array("H", side[: count * SAMPLE])
    return both.tobytes()
