"""The lab's ears: G.711 is G.711, tones are found, and speech is not taken for a tone nor a tone for speech."""

from pathlib import Path

import numpy as np
import pytest

from callgate.core import stereo
from lab.audio import (
    DTMF,
    RATE,
    Codec,
    Samples,
    decode,
    dtmf,
    encode,
    has_tone,
    level,
    loudness,
    read_stereo,
    read_wav,
    silence,
    sound_ends,
    speech_spans,
    tone,
    tone_spans,
    write_wav,
)

EVERY_BYTE = bytes(range(256))


def voice(seconds: float, pitch: float = 120.0) -> Samples:
    """A voice as far as a judge of tones cares: harmonics of a pitch that glides and trembles."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = pitch * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * time) + 0.03 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    wave = sum(np.sin(n * phase) / n for n in range(1, 20))
    return np.asarray(4000 * wave, dtype=np.int16)


def mixed(*parts: Samples) -> Samples:
    total = np.sum([part.astype(np.int32) for part in parts], axis=0)
    return np.asarray(total.clip(-32768, 32767), dtype=np.int16)


@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        (Codec.PCMU, 0x00, -32124),
        (Codec.PCMU, 0x80, 32124),
        (Codec.PCMU, 0xFF, 0),
        (Codec.PCMU, 0xFE, 8),
        (Codec.PCMA, 0x2A, -32256),
        (Codec.PCMA, 0xAA, 32256),
        (Codec.PCMA, 0xD5, 8),
        (Codec.PCMA, 0x55, -8),
    ],
)
def test_the_ends_and_the_middle_of_g711_are_those_of_its_tables(codec: Codec, code: int, sample: int) -> None:
    assert decode(bytes([code]), codec)[0] == sample


@pytest.mark.parametrize("codec", Codec)
def test_what_was_decoded_encodes_to_the_same_sample(codec: Codec) -> None:
    samples = decode(EVERY_BYTE, codec)
    assert np.array_equal(decode(encode(samples, codec), codec), samples)


@pytest.mark.parametrize("codec", Codec)
def test_g711_loses_less_than_a_sixteenth_of_any_sample(codec: Codec) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    error = np.abs(decode(encode(samples, codec), codec).astype(np.int32) - samples)
    assert (error <= np.maximum(16, np.abs(samples.astype(np.int32)) / 16)).all()


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("decibels", [-10, -20, -30])
def test_a_tone_is_found_at_its_place_through_g711(codec: Codec, decibels: int) -> None:
    samples = np.concatenate((silence(1), tone(440, 0.5, decibels), silence(0.5)))
    (span,) = tone_spans(decode(encode(samples, codec), codec), 440)
    assert span == pytest.approx((1.0, 1.5), abs=0.06)


def test_a_tone_in_half_of_the_samples_is_a_tone() -> None:
    assert has_tone(np.concatenate((voice(2), tone(700, 2))), 700)


def test_two_tones_at_once_are_both_found_and_nothing_between_them() -> None:
    both = mixed(tone(440, 1), tone(620, 1))
    assert [hz for hz in range(400, 700, 10) if has_tone(both, hz)] == [440, 620]


def test_a_tone_is_found_under_speech() -> None:
    assert has_tone(mixed(voice(2), tone(1500, 2, -20)), 1500)


@pytest.mark.parametrize("samples", [tone(440, 1), silence(1), silence(0)], ids=["another tone", "silence", "nothing"])
def test_what_is_not_there_is_not_found(samples: Samples) -> None:
    assert not has_tone(samples, 450)


@pytest.mark.parametrize(
    "samples",
    [tone(440, 0.15), tone(440, 1, -55), (np.random.default_rng(1).normal(0, 3000, RATE)).astype(np.int16)],
    ids=["too short", "too quiet", "noise"],
)
def test_what_is_no_steady_tone_is_not_taken_for_one(samples: Samples) -> None:
    assert not has_tone(samples, 440)


@pytest.mark.parametrize("pitch", [90, 120, 180, 220])
def test_a_voice_has_no_tone_at_any_frequency(pitch: int) -> None:
    samples = voice(3, pitch)
    assert [hz for hz in range(300, 3000, 10) if has_tone(samples, hz)] == []


def test_a_voice_is_speech_from_beginning_to_end() -> None:
    samples = np.concatenate((silence(1), voice(2), silence(1)))
    (span,) = speech_spans(samples)
    assert span == pytest.approx((1.0, 3.0), abs=0.11)


def test_a_short_pause_does_not_end_speech_and_a_long_one_does() -> None:
    said = voice(1)
    assert len(speech_spans(np.concatenate((said, silence(0.2), said)))) == 1
    assert len(speech_spans(np.concatenate((said, silence(0.8), said)))) == 2


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize(
    "sound",
    [tone(440, 2), tone(1000, 2, -35), dtmf("5", 2), mixed(tone(440, 2), tone(480, 2)), silence(2)],
    ids=["tone", "quiet tone", "key", "ringback", "silence"],
)
def test_what_machines_send_is_not_speech(codec: Codec, sound: Samples) -> None:
    samples = np.concatenate((silence(0.53), sound, silence(0.53)))
    assert speech_spans(decode(encode(samples, codec), codec)) == []


@pytest.mark.parametrize("key", sorted(DTMF))
def test_a_key_is_its_two_tones(key: str) -> None:
    samples = dtmf(key, 0.3)
    loud = {hz for pair in DTMF.values() for hz in pair if level(samples, hz) > -20}
    assert loud == set(DTMF[key])


def test_levels_are_in_decibels_below_a_full_sine() -> None:
    assert level(tone(1000, 1, -15), 1000) == pytest.approx(-15, abs=0.1)
    assert loudness(tone(1000, 1, -15)) == pytest.approx(-15, abs=0.1)
    assert loudness(silence(1)) < -100


def test_the_end_of_the_last_sound_is_known_to_a_packet() -> None:
    assert sound_ends(np.concatenate((voice(0.5), silence(1)))) == pytest.approx(0.5, abs=0.021)
    assert sound_ends(silence(1)) == 0


def test_a_stereo_recording_comes_apart_into_its_sides_and_a_mono_one_is_refused(tmp_path: Path) -> None:
    callee, agent = voice(0.5), tone(440, 0.25)
    frames = stereo.frames_of(callee.nbytes, agent.nbytes)
    both = stereo.interleave(callee.tobytes(), agent.tobytes(), frames)
    (tmp_path / "a.wav").write_bytes(stereo.header(RATE, frames) + both)
    left, right = read_stereo(tmp_path / "a.wav")
    assert np.array_equal(left, callee)
    assert np.array_equal(right, np.concatenate([agent, silence(0.25)]))
    write_wav(tmp_path / "b.wav", callee)
    with pytest.raises(ValueError, match="no recording"):
        read_stereo(tmp_path / "b.wav")


def test_a_recording_reads_as_it_was_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", voice(0.5))
    assert np.array_equal(read_wav(tmp_path / "a.wav"), voice(0.5))
