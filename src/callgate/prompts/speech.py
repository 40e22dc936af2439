"""From words, or somebody's recording, to the audio that Asterisk plays.

espeak-ng and sox are fed and read through pipes. No text and no file name of an operator becomes an argument, let alone
meets a shell: sox by itself takes an input named `|…` for a command and expands wildcards (sox(1), Special Filenames).

Everything ends as 8 kHz mono 16-bit linear PCM, peak at -3 dBFS, the silence around it cut and 50 ms put back. From a
voice, silence inside is cut to 160 ms: espeak-ng rests 370 ms after a sentence at 175 words a minute, which the twelve
seconds of the notice cannot afford.
"""

import hashlib
import io
import re
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callgate.prompts.errors import SpeechError, ToolMissing

SAMPLES_PER_SECOND: Final = 8000
_BYTES_PER_SAMPLE: Final = 2
_FRAME: Final = SAMPLES_PER_SECOND // 100 * _BYTES_PER_SAMPLE
_PADDING: Final = bytes(5 * _FRAME)
_LONGEST_PAUSE: Final = 16
"""Frames, of 10 ms each."""
_QUIET: Final = 160
"""Of 32,767: the half per cent below which sox's `silence` is told to cut, too."""
_PATIENCE: Final = 30.0
"""Seconds for one program and one prompt; both take well under one."""

_PIPELINE: Final = 1
"""Counts up when what is done to the audio changes, so that every prompt is rendered again."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of espeak-ng and its speed."""

    name: str
    words_per_minute: int


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs, by version: another version may speak the same text otherwise."""

    espeak: str
    sox: str

    @classmethod
    def find(cls) -> "Tools":
        """Raises ToolMissing: names the Debian package of each program that is not there."""
        found = {program: _version(program) for program in ("espeak-ng", "sox")}
        missing = [program for program, version in found.items() if not version]
        if missing:
            raise ToolMissing(f"{program} is not installed: apt-get install {program}" for program in missing)
        return cls(found["espeak-ng"], found["sox"])

    def key_of_text(self, text: str, voice: Voice) -> str:
        """Names what `speak` would return: equal keys, equal audio."""
        return _digest(_PIPELINE, "text", text, voice.name, voice.words_per_minute, self.espeak, self.sox)

    def key_of_recording(self, wav: bytes) -> str:
        """Names what `convert` would return: equal keys, equal audio."""
        return _digest(_PIPELINE, "recording", hashlib.sha256(wav).hexdigest(), self.sox)


def speak(text: str, voice: Voice) -> bytes:
    """`text` as PCM. Raises SpeechError."""
    # -b 1: the text is UTF-8. espeak-ng cannot seek back in a pipe to write the length, hence --ignore-length.
    command = ["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", voice.name, "-s", str(voice.words_per_minute)]
    pcm = _normalise(_run(command, text.encode()), "--ignore-length")
    return _padded(_shorten_pauses(pcm))


def convert(wav: bytes) -> bytes:
    """A recording, of any rate and width that sox reads as WAV, as PCM. Raises SpeechError."""
    return _padded(_normalise(wav))


def as_wav(pcm: bytes) -> bytes:
    """PCM in the only WAV layout that Asterisk reads: 16-bit, mono, 8 kHz (formats/format_wav.c, check_header_fmt)."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(_BYTES_PER_SAMPLE)
        out.setframerate(SAMPLES_PER_SECOND)
        out.writeframes(pcm)
    return file.getvalue()


def seconds(pcm: bytes) -> float:
    """How long PCM lasts."""
    return len(pcm) / (_BYTES_PER_SAMPLE * SAMPLES_PER_SECOND)


def _normalise(wav: bytes, *options: str) -> bytes:
    trim = ("silence", "1", "0.01", "0.5%", "reverse")
    effects = ("remix", "-", "rate", str(SAMPLES_PER_SECOND), *trim, *trim, "norm", "-3")
    # -D: no dither, which is noise, so that equal input gives equal audio.
    source = ("sox", "-D", *options, "-t", "wav", "-")
    target = ("-t", "raw", "-e", "signed", "-b", "16", "-L", "-")
    return _run([*source, *target, *effects], wav)


def _padded(pcm: bytes) -> bytes:
    if not pcm:
        raise SpeechError(["no sound in it"])
    return _PADDING + pcm + _PADDING


def _shorten_pauses(pcm: bytes) -> bytes:
    kept = bytearray()
    quiet = 0
    for start in range(0, len(pcm), _FRAME):
        frame = pcm[start : start + _FRAME]
        quiet = quiet + 1 if _is_quiet(frame) else 0
        if quiet <= _LONGEST_PAUSE:
            kept += frame
    return bytes(kept)


def _is_quiet(frame: bytes) -> bool:
    samples = (int.from_bytes(frame[at : at + 2], "little", signed=True) for at in range(0, len(frame), 2))
    return all(-_QUIET < sample < _QUIET for sample in samples)


def _run(command: Sequence[str], data: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=_PATIENCE)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise SpeechError([f"{command[0]}: {said[-1]}"]) from error
    except subprocess.TimeoutExpired as error:
        raise SpeechError([f"{command[0]}: not done after {_PATIENCE:.0f} s"]) from error
    return done.stdout


def _version(program: str) -> str:
    """The version that a program states, or nothing when it is not there."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except FileNotFoundError:
        return ""
    number = re.search(r"\d+(\.\d+)+", said.stdout)
    return number[0] if number else said.stdout.strip() or "unknown"


def _digest(*parts: str | int) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
