"""What the lab's phones hear and say: 8 kHz 16-bit mono samples, as numpy arrays.

Three parts: G.711 (how telephony carries samples), generators (tones, DTMF keys), and judges (is there a tone, is
somebody speaking). The judges decide whether a call kept its promises, so each states its thresholds; they were set
against Asterisk's English prompts and against espeak-ng, and `tests/wire/test_lab_audio.py` holds them there.
"""

import wave
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
"""Samples a second: G.711, and so the whole lab."""

FULL_SCALE: Final = 32768.0

Samples = NDArray[np.int16]


class Codec(IntEnum):
    """The two laws of ITU-T G.711, numbered by their static RTP payload types (RFC 3551 table 4)."""

    PCMU = 0
    PCMA = 8

    @property
    def silence(self) -> int:
        """The byte that stands for the sample 0 (A-law has none: the smallest positive value)."""
        return 0xFF if self is Codec.PCMU else 0xD5


def _mulaw_encoder() -> NDArray[np.uint8]:
    """One byte for each 16-bit sample, indexed by the sample as unsigned (G.711 table 2a, scaled from 14 bits)."""
    sample = np.arange(65536, dtype=np.uint16).astype(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    code: NDArray[np.int32] = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return code.astype(np.uint8)


def _mulaw_decoder() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_encoder() -> NDArray[np.uint8]:
    """As the μ-law table, by G.711 table 1a scaled from 13 to 16 bits; negative samples are one's complement."""
    sample = np.arange(65536, dtype=np.uint16).astype(np.int16).astype(np.int32)
    magnitude = np.where(sample < 0, ~sample, sample)
    exponent = np.floor(np.log2(np.maximum(magnitude, 255))).astype(np.int32) - 7
    mantissa = (magnitude >> np.where(exponent > 0, exponent + 3, 4)) & 0x0F
    sign = np.where(sample < 0, 0, 0x80)
    code: NDArray[np.int32] = (sign | (np.maximum(exponent, 0) << 4) | mantissa) ^ 0x55
    return code.astype(np.uint8)


def _alaw_decoder() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_ENCODERS: Final = {Codec.PCMU: _mulaw_encoder(), Codec.PCMA: _alaw_encoder()}
_DECODERS: Final = {Codec.PCMU: _mulaw_decoder(), Codec.PCMA: _alaw_decoder()}


def encode(samples: Samples, codec: Codec) -> bytes:
    """One byte a sample."""
    return _ENCODERS[codec][samples.view(np.uint16)].tobytes()


def decode(payload: bytes, codec: Codec) -> Samples:
    """One sample a byte."""
    return _DECODERS[codec][np.frombuffer(payload, dtype=np.uint8)]


def tone(hz: float, seconds: float, level: float = -15.0) -> Samples:
    """A sine of `level` dBFS (0 is the largest sine that fits)."""
    return _mix([hz], seconds, level)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


_ROWS: Final = (697.0, 770.0, 852.0, 941.0)
_COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
_KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
DTMF: Final = {
    key: (_ROWS[row], _COLUMNS[column]) for row, keys in enumerate(_KEYPAD) for column, key in enumerate(keys)
}
"""Each key's two frequencies in Hz (ITU-T Q.23)."""


def dtmf(key: str, seconds: float, level: float = -13.0) -> Samples:
    """The dual tone of one key; `level` is that of each of the two tones, in dBFS."""
    return _mix(list(DTMF[key]), seconds, level)


def _mix(frequencies: list[float], seconds: float, level: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    amplitude = (FULL_SCALE - 1) * 10 ** (level / 20)
    curve: NDArray[np.float64] = amplitude * np.sin(2 * np.pi * np.outer(frequencies, time)).sum(axis=0)
    return np.clip(np.round(curve), -32768, 32767).astype(np.int16)


WINDOW: Final = 800
HOP: Final = 400
"""The judges look at 100 ms at a time, every 50 ms."""

FLOOR: Final = -45.0
"""dBFS; what is quieter is silence. Prompts speak at about -20; a line without comfort noise is digitally silent."""

_HANN: Final = np.hanning(WINDOW + 1)[:-1]
_HANN_POWER: Final = float((_HANN**2).sum())

Span = tuple[float, float]
"""From, to: in seconds from the first sample."""


def level(samples: Samples, hz: float) -> float:
    """How strong one frequency is in all of the samples, in dBFS (one bin of the Fourier transform, as Goertzel's)."""
    if not len(samples):
        return -np.inf
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(samples)))
    amplitude = 2 * abs(np.dot(samples / FULL_SCALE, turn)) / len(samples)
    return _decibel(amplitude)


def loudness(samples: Samples) -> float:
    """The root mean square, in dBFS of a sine (so that a full-scale sine is 0)."""
    return _decibel(float(np.sqrt(2 * np.mean((samples / FULL_SCALE) ** 2)))) if len(samples) else -np.inf


def has_tone(samples: Samples, hz: float, seconds: float = 0.25) -> bool:
    """Whether a steady tone of `hz` (within 2 Hz) sounds anywhere for `seconds`, give or take 50 ms."""
    return bool(tone_spans(samples, hz, seconds))


def tone_spans(samples: Samples, hz: float, seconds: float = 0.25) -> list[Span]:
    """When a steady tone of `hz` sounds for at least `seconds`; all exact to about 50 ms.

    Steady means, in all the windows of that time (four in 250 ms): above `FLOOR`, at least a tenth of all the energy (a
    tone is found under another tone or under speech), within 2 dB of the window before, and in phase with it to a fifth
    of a half turn (2 Hz). No voiced sound holds that: 24 minutes of prompts in five voices, tried at 270 frequencies,
    gave no tone but Asterisk's own beep.
    """
    windows = _windows(samples)
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(WINDOW))
    advance = np.exp(-2j * np.pi * hz / RATE * HOP * np.arange(len(windows)))
    line = (windows @ turn) * advance
    amplitude = 2 * np.abs(line) / _HANN.sum()
    present = (_decibels(amplitude) >= FLOOR) & (amplitude**2 / 2 >= 0.1 * _power(windows))
    step = line[1:] / np.where(line[:-1] == 0, 1, line[:-1])
    steady = (np.abs(_decibels(np.abs(step))) <= 2) & (np.abs(np.angle(step)) <= np.pi / 5)
    spans = [_span(first, last + 1) for first, last in _runs(present[1:] & present[:-1] & steady)]
    return [(start, end) for start, end in spans if end - start >= seconds - 0.001]


def speech_spans(samples: Samples, pause: float = 0.3) -> list[Span]:
    """When somebody speaks, exact to about 100 ms; pauses up to `pause` seconds do not end a span.

    Speech is what is above `FLOOR` and is not one or two pure tones (which have 99 % of their energy within 20 Hz of
    two peaks, after G.711 too; one window of speech in a hundred has), for 250 ms. Keys in band, pressed quickly, and
    music pass for speech.
    """
    windows = _windows(samples)
    spoken = (_decibels(np.sqrt(2 * _power(windows))) >= FLOOR) & (_two_peaks(windows) < 0.99)
    spans: list[Span] = []
    for start, end in (_span(first, last) for first, last in _runs(spoken)):
        if spans and start - spans[-1][1] <= pause:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return [(start, end) for start, end in spans if end - start >= 0.25]


def sound_ends(samples: Samples) -> float:
    """When the last sound above `FLOOR` ended, in seconds from the first sample, exact to 20 ms; 0 for none."""
    frame = RATE // 50
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame) / FULL_SCALE
    loud = np.flatnonzero(_decibels(np.sqrt(2 * np.mean(frames**2, axis=1))) > FLOOR)
    return float(loud[-1] + 1) * frame / RATE if len(loud) else 0.0


def _windows(samples: Samples) -> NDArray[np.float64]:
    if len(samples) < WINDOW:
        return np.zeros((0, WINDOW))
    windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * (
        _HANN / FULL_SCALE
    )
    return windows


def _power(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    power: NDArray[np.float64] = (windows**2).sum(axis=1) / _HANN_POWER
    return power


def _two_peaks(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each window's energy that lies within 20 Hz (two bins, a Hann window's main lobe) of two peaks."""
    spectrum = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    total = spectrum.sum(axis=1)
    rows = np.arange(len(spectrum))[:, None]
    for _ in range(2):
        lobe = np.clip(spectrum.argmax(axis=1)[:, None] + np.arange(-2, 3), 0, spectrum.shape[1] - 1)
        spectrum[rows, lobe] = 0
    share: NDArray[np.float64] = 1 - spectrum.sum(axis=1) / np.maximum(total, 1e-12)
    return share


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The first and last index of each run of True."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _span(first: int, last: int) -> Span:
    """What the windows from `first` to `last` cover."""
    return first * HOP / RATE, (last * HOP + WINDOW) / RATE


def _decibels(amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    decibels: NDArray[np.float64] = 20 * np.log10(np.maximum(amplitude, 1e-10))
    return decibels


def _decibel(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-10)))


def read_wav(path: Path) -> Samples:
    """A recording of Asterisk's `wav` format. Raises ValueError for anything but 8 kHz, 16 bits, mono."""
    with wave.open(str(path), "rb") as file:
        shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
        if shape != (RATE, 2, 1):
            raise ValueError(f"{path} has (rate, bytes, channels) {shape}, not {(RATE, 2, 1)}: convert it with sox")
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)


def read_stereo(path: Path) -> tuple[Samples, Samples]:
    """An exported recording: what the callee said, and what the agent. Raises ValueError as `read_wav` does."""
    with wave.open(str(path), "rb") as file:
        shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
        if shape != (RATE, 2, 2):
            raise ValueError(f"{path} has (rate, bytes, channels) {shape}, not {(RATE, 2, 2)}: it is no recording")
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def mixed(one: Samples, other: Samples) -> Samples:
    """Two sounds of one length as one, as both ears hear them."""
    both: Samples = np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)
    return both


def write_wav(path: Path, samples: Samples) -> None:
    """8 kHz, 16 bits, mono: what Asterisk plays as `wav`."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
