"""Prompts, built with the real espeak-ng and sox."""

import array
import io
import math
import threading
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from callgate.core.reasons import ALLOWING, Reason
from callgate.prompts import names
from callgate.prompts.build import Progress, build
from callgate.prompts.catalogue import Catalogue, Manifest
from callgate.prompts.errors import SpeechError, ToolMissing, TooLong
from callgate.prompts.script import BuildSpec, Campaign, Centre

pytestmark = pytest.mark.server

LANGUAGES = ("de", "en", "fr", "nl")
PURPOSE = {"de": "Solaranlagen", "en": "solar panels", "fr": "panneaux solaires", "nl": "zonnepanelen"}
ENERGY = Campaign("energy", LANGUAGES, "Acme Energy", PURPOSE, recording=True, privacy_url="https://acme.be/privacy")
CALLED_BACK = replace(ENERGY, centres=("brussels", "lille"))
WHOLE = BuildSpec((CALLED_BACK,), (Centre("brussels", "Brussels"), Centre("lille", "Lille")), LANGUAGES)
SMALL = BuildSpec((replace(ENERGY, languages=("en",)),), (Centre("lille", "Lille"),), ())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    out = tmp_path_factory.mktemp("prompts")
    build(WHOLE, out)
    return Catalogue.load(out)


@pytest.fixture
def rendered() -> list[str]:
    """The names that a build rendered, when `watch(rendered)` is its progress callback."""
    return []


def watch(rendered: list[str]) -> Callable[[Progress], None]:
    return lambda progress: rendered.append(progress.name) if progress.rendered else None


def samples(path: str) -> "array.array[int]":
    with wave.open(f"{path}.wav") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return array.array("h", file.readframes(file.getnframes()))


def tone(seconds: float, *, rate: int = 44100, amplitude: float = 0.1) -> bytes:
    """A stereo recording, quiet, at a rate that Asterisk does not play."""
    mono = [int(32767 * amplitude * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(seconds * rate))]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((2, 2, rate, 0, "NONE", ""))
        out.writeframes(array.array("h", [sample for sample in mono for _ in (0, 1)]).tobytes())
    return file.getvalue()


def record(overrides: Path, name: str, audio: bytes, language: str = "en") -> Path:
    file = overrides / language / f"{name}.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(audio)
    return file


def test_the_packaged_texts_keep_every_time_limit_in_every_language(whole: Catalogue) -> None:
    for prompt in whole.prompts.values():
        assert prompt.seconds <= names.limit(prompt.name), prompt
    for language in LANGUAGES:
        assert whole.notice("energy", "brussels", language).seconds <= 12.0


def test_every_reason_that_blocks_can_be_spoken(whole: Catalogue) -> None:
    for language in LANGUAGES:
        for reason in set(Reason) - ALLOWING:
            assert whole.reason(reason, language).seconds <= 3.0


def test_every_prompt_is_telephone_audio_of_the_stated_length_and_even_loudness(whole: Catalogue) -> None:
    for prompt in whole.prompts.values():
        audio = samples(prompt.path)
        assert len(audio) / 8000 == prompt.seconds
        assert -3.2 < 20 * math.log10(max(map(abs, audio)) / 32768) < -2.8, prompt.name


def test_a_prompt_begins_and_ends_with_fifty_milliseconds_of_silence(whole: Catalogue) -> None:
    for prompt in whole.prompts.values():
        audio = samples(prompt.path)
        assert not any(audio[:400]) and not any(audio[-400:])
        assert any(abs(sample) > 100 for sample in audio[400:640]), prompt.name


def test_what_did_not_change_is_not_rendered_again(tmp_path: Path, rendered: list[str]) -> None:
    first = build(SMALL, tmp_path)
    assert build(SMALL, tmp_path, progress=watch(rendered)) == first == Manifest.read(tmp_path / "current")
    assert rendered == []


def test_only_what_changed_is_rendered_again(tmp_path: Path, rendered: list[str]) -> None:
    first = build(SMALL, tmp_path)
    changed = replace(SMALL, centres=(Centre("lille", "Roubaix"),))
    assert build(changed, tmp_path, progress=watch(rendered)).version != first.version
    assert rendered == ["identification/energy/lille"]


def test_progress_counts_every_prompt_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    manifest = build(SMALL, tmp_path, progress=seen.append)
    assert [progress.done for progress in seen] == list(range(1, len(manifest.prompts) + 1))
    assert {progress.total for progress in seen} == {len(manifest.prompts)}


def test_a_catalogue_in_use_is_untouched_by_a_later_build(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    before = Catalogue.load(tmp_path)
    heard = {prompt: Path(f"{prompt.path}.wav").read_bytes() for prompt in before.prompts.values()}
    build(replace(SMALL, campaigns=(replace(SMALL.campaigns[0], company="Umbrella", recording=False),)), tmp_path)
    assert Catalogue.load(tmp_path).version != before.version
    for prompt, audio in heard.items():
        assert Path(f"{prompt.path}.wav").read_bytes() == audio


def test_what_a_callee_heard_is_found_by_its_hash_after_later_builds(tmp_path: Path) -> None:
    build(SMALL, tmp_path)
    heard = Catalogue.load(tmp_path).notice("energy", "lille", "en").identification
    audio = Path(f"{heard.path}.wav").read_bytes()
    build(replace(SMALL, centres=(Centre("lille", "Roubaix"),)), tmp_path)
    assert (tmp_path / "archive" / f"{heard.sha256}.wav").read_bytes() == audio


def test_whoever_loads_during_builds_gets_a_whole_set(tmp_path: Path) -> None:
    specs = [SMALL, replace(SMALL, centres=(Centre("lille", "Roubaix"),))]
    versions = {build(spec, tmp_path).version for spec in specs}
    done = threading.Event()

    def keep_building() -> None:
        for n in range(20):
            build(specs[n % 2], tmp_path)
        done.set()

    builder = threading.Thread(target=keep_building)
    builder.start()
    loaded = set()
    while not done.is_set() and builder.is_alive():
        loaded.add(Catalogue.load(tmp_path).version)
    builder.join()
    assert done.is_set()
    assert loaded == versions


def test_of_two_builds_at_once_the_second_renders_nothing(tmp_path: Path) -> None:
    rendered: list[str] = []
    builds = [
        threading.Thread(target=build, args=(SMALL, tmp_path), kwargs={"progress": watch(rendered)}) for _ in "ab"
    ]
    for one in builds:
        one.start()
    for one in builds:
        one.join()
    assert len(rendered) == len(set(rendered)) > 0


def test_the_dialplan_finds_prompts_by_name_without_callgate(tmp_path: Path) -> None:
    build(replace(SMALL, campaigns=(), agent_languages=("en",)), tmp_path)
    assert samples(str(tmp_path / "current" / "en" / "blocked" / "callgate-unavailable"))


@pytest.mark.parametrize("damaged", ["archive", "link", "manifest"])
def test_a_damaged_set_is_healed_by_a_build(tmp_path: Path, damaged: str) -> None:
    build(SMALL, tmp_path)
    apology = Catalogue.load(tmp_path).prompt(names.Callee.APOLOGY, "en")
    if damaged == "archive":
        file = tmp_path / "archive" / f"{apology.sha256}.wav"
        file.unlink()
        file.write_bytes(b"")
    else:
        (Path(f"{apology.path}.wav") if damaged == "link" else tmp_path / "current" / "manifest.json").unlink()
    build(SMALL, tmp_path)
    assert Catalogue.load(tmp_path).prompt(names.Callee.APOLOGY, "en") == apology


def test_a_notice_over_its_limit_is_refused_with_the_seconds_of_each_part(tmp_path: Path) -> None:
    manifest = build(SMALL, tmp_path)
    wordy = replace(
        SMALL.campaigns[0], company="The Most Venerable and Honourable Company of Purveyors of Solar Energy"
    )
    with pytest.raises(TooLong) as raised:
        build(replace(SMALL, campaigns=(wordy,)), tmp_path)
    (fault,) = raised.value.faults
    assert fault.startswith("identification/energy/lille (en) ")
    assert " s + question/energy (en) 3.98 s = " in fault
    assert "at most 12.00 s" in fault
    assert Manifest.read(tmp_path / "current") == manifest


def test_every_prompt_over_its_limit_is_listed(tmp_path: Path) -> None:
    overrides, out = tmp_path / "own", tmp_path / "out"
    overrides.mkdir()
    long = "We are most sincerely sorry for this."
    (overrides / "en.toml").write_text(f'[callee]\napology = "{long}"\ndropped = "{long * 3}"')
    with pytest.raises(TooLong) as raised:
        build(replace(SMALL, overrides=overrides), out)
    assert [fault.split()[0] for fault in raised.value.faults] == ["callee/apology", "callee/dropped"]


def test_a_refused_build_leaves_nothing_behind(tmp_path: Path) -> None:
    wordy = replace(SMALL.campaigns[0], company="Company " * 20)
    with pytest.raises(TooLong):
        build(replace(SMALL, campaigns=(wordy,)), tmp_path)
    assert [file for file in tmp_path.rglob("*") if not file.is_dir()] == []


def test_an_operators_recording_is_converted_measured_and_named_as_one(tmp_path: Path) -> None:
    record(tmp_path / "own", "callee/objected", tone(1.5))
    build(replace(SMALL, overrides=tmp_path / "own"), tmp_path / "out")
    prompt = Catalogue.load(tmp_path / "out").prompt(names.Callee.OBJECTED, "en")
    assert prompt.seconds == pytest.approx(1.6, abs=0.01)
    assert 20 * math.log10(max(map(abs, samples(prompt.path))) / 32768) == pytest.approx(-3, abs=0.2)
    sources = {entry.name: entry.source for entry in Manifest.read(tmp_path / "out" / "current").prompts}
    assert {name for name, source in sources.items() if source == "recording"} == {names.Callee.OBJECTED}


def test_a_changed_recording_is_converted_again(tmp_path: Path, rendered: list[str]) -> None:
    spec = replace(SMALL, overrides=tmp_path / "own")
    record(tmp_path / "own", "question", tone(1.5))
    build(spec, tmp_path / "out")
    record(tmp_path / "own", "question", tone(1.6))
    build(spec, tmp_path / "out", progress=watch(rendered))
    assert rendered == ["question/energy"]


def test_a_recording_over_its_limit_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "own", "callee/apology", tone(0.75))
    with pytest.raises(TooLong, match=r"callee/apology \(en\) 0\.8\d s, at most 0\.80 s"):
        build(replace(SMALL, overrides=tmp_path / "own"), tmp_path / "out")


@pytest.mark.parametrize(
    ("audio", "fault"),
    [(tone(1, amplitude=0), "no sound in it"), (b"ID3 and so on", "sox: "), (b"", "sox: "), (tone(1)[:30], "sox: ")],
)
def test_a_recording_that_cannot_be_used_is_named(tmp_path: Path, audio: bytes, fault: str) -> None:
    file = record(tmp_path / "own", "callee/objected", audio)
    with pytest.raises(SpeechError) as raised:
        build(replace(SMALL, overrides=tmp_path / "own"), tmp_path / "out")
    (line,) = raised.value.faults
    assert line.startswith(f"{file}: {fault}")


@pytest.mark.parametrize("company", ["-w x.wav", "--help", "$(touch x)", "; touch x", "`touch x`", "x && touch x"])
def test_no_operators_text_is_an_option_or_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, company: str
) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    build(replace(SMALL, campaigns=(replace(SMALL.campaigns[0], company=company, recording=False),)), out)
    assert list(tmp_path.iterdir()) == [out]
    identification = Catalogue.load(out).notice("energy", "lille", "en").identification
    assert company in identification.text
    assert identification.seconds > 5


def test_missing_programs_are_named_by_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as raised:
        build(SMALL, tmp_path / "out")
    assert raised.value.faults == (
        "espeak-ng is not installed: apt-get install espeak-ng",
        "sox is not installed: apt-get install sox",
    )
    assert not (tmp_path / "out").exists()
