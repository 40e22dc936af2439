"""Building the set of prompts: render what is new, refuse what is too long, put all of it in force at once."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from callgate.prompts import names, speech
from callgate.prompts.catalogue import ARCHIVE, CURRENT, MANIFEST, SETS, Catalogue, Entry, Manifest, is_intact
from callgate.prompts.errors import ScriptError, SetDamaged, SpeechError, TooLong
from callgate.prompts.script import BuildSpec, Line, script

_AT_ONCE: Final = 2
_RECORDING: Final = "recording"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is: `done` of `total` prompts, the last of them `name` in `language`."""

    done: int
    total: int
    name: str
    language: str
    rendered: bool


@dataclass(frozen=True, slots=True)
class _Job:
    """A line to be made into audio, and the key of all that goes into that."""

    line: Line
    key: str
    make: Callable[[], bytes]


def build(spec: BuildSpec, out: Path, *, progress: Callable[[Progress], None] = lambda _: None) -> Manifest:
    """Build all prompts of `spec` into `out` and put them in force. What did not change is not rendered again.

    Raises ScriptError, ToolMissing, SpeechError or TooLong; `out` is then as it was.
    """
    lines = script(spec)
    tools = speech.Tools.find()
    jobs = [_job(line, tools) for line in lines]
    (out / ARCHIVE).mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(out), tempfile.TemporaryDirectory(prefix=".build-", dir=out) as scratch:
        made = _make(jobs, out, Path(scratch), progress)
        manifest = Manifest.of(tuple(_entry(job, *made[job.key], tools) for job in jobs))
        _refuse_too_long(manifest.prompts)
        _publish(manifest, out, Path(scratch))
    return manifest


@contextmanager
def _one_at_a_time(out: Path) -> Iterator[None]:
    """A second build waits for the first, and then finds most of its work done."""
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _job(line: Line, tools: speech.Tools) -> _Job:
    if line.recording is None:
        return _Job(line, tools.key_of_text(line.text, line.voice), partial(speech.speak, line.text, line.voice))
    try:
        wav = line.recording.read_bytes()
    except OSError as error:
        raise ScriptError([f"{line.recording}: cannot be read: {error.strerror}"]) from error
    return _Job(line, tools.key_of_recording(wav), partial(speech.convert, wav))


_Made = tuple[str, float]
"""The audio's sha256 and its seconds."""


def _make(jobs: list[_Job], out: Path, scratch: Path, progress: Callable[[Progress], None]) -> Mapping[str, _Made]:
    """The audio for each key: as it was in the set in force, or rendered into `scratch`."""
    unique = {job.key: job for job in jobs}
    made = {key: kept for key, kept in _in_force(out) if key in unique}
    new = [job for key, job in unique.items() if key not in made]
    done = count(1)

    def tell(line: Line, *, rendered: bool) -> None:
        progress(Progress(next(done), len(unique), line.name, line.language, rendered))

    for key in made:
        tell(unique[key].line, rendered=False)
    faults: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {pool.submit(_render, job, scratch): job for job in new}
        for future in as_completed(running):
            job = running[future]
            try:
                made[job.key] = future.result()
            except SpeechError as error:
                faults += (f"{job.line.recording or _called(job.line)}: {fault}" for fault in error.faults)
            tell(job.line, rendered=True)
    if faults:
        raise SpeechError(faults)
    return made


def _in_force(out: Path) -> Iterator[tuple[str, _Made]]:
    try:
        entries = Manifest.read(out / CURRENT).prompts
    except SetDamaged:
        return
    for entry in entries:
        if is_intact(_audio(out, entry.sha256), entry.sha256):
            yield entry.key, (entry.sha256, entry.seconds)


def _render(job: _Job, scratch: Path) -> _Made:
    pcm = job.make()
    wav = speech.as_wav(pcm)
    sha256 = hashlib.sha256(wav).hexdigest()
    # Two keys may give the same audio at the same time: each writes its own file and the last rename stands.
    file = scratch / f"{job.key}.wav"
    file.write_bytes(wav)
    file.chmod(0o444)
    file.replace(scratch / f"{sha256}.wav")
    return sha256, speech.seconds(pcm)


def _entry(job: _Job, sha256: str, seconds: float, tools: speech.Tools) -> Entry:
    line = job.line
    voice = f"espeak-ng {tools.espeak} {line.voice.name} {line.voice.words_per_minute}"
    source = _RECORDING if line.recording else voice
    return Entry(line.name, line.language, line.text, source, job.key, seconds, sha256, f"{line.language}/{line.name}")


def _refuse_too_long(entries: Iterable[Entry]) -> None:
    by_name = {(entry.language, entry.name): entry for entry in entries}
    faults = []
    for (language, name), entry in by_name.items():
        parts = [entry]
        if names.kind(name) == names.IDENTIFICATION:
            campaign = name.split("/")[1]
            question = by_name.get((language, names.question(campaign)))
            parts += [question] if question else []
        whole = sum(part.seconds for part in parts)
        if whole > names.limit(name):
            detail = " + ".join(f"{_called(part)} {part.seconds:.2f} s" for part in parts)
            total = f" = {whole:.2f} s" if len(parts) > 1 else ""
            faults.append(
                f"{detail}{total}, at most {names.limit(name):.2f} s: shorten the words or record them faster"
            )
    if faults:
        raise TooLong(faults)


def _publish(manifest: Manifest, out: Path, scratch: Path) -> None:
    """Archive first, then the set, the switch last: whoever follows `current` finds all that is named there."""
    for file in scratch.glob("*.wav"):
        file.replace(out / ARCHIVE / file.name)
    home = out / SETS / manifest.version
    if not _is_whole(home):
        _place(manifest, home, scratch)
    # Written even to a set that was whole: other tools may have made the same audio, under other keys.
    (scratch / MANIFEST).write_text(manifest.dump(), "utf-8")
    (scratch / MANIFEST).replace(home / MANIFEST)
    (scratch / CURRENT).symlink_to(home.relative_to(out))
    (scratch / CURRENT).replace(out / CURRENT)


def _is_whole(home: Path) -> bool:
    try:
        Catalogue.load_set(home)
    except SetDamaged:
        return False
    return True


def _place(manifest: Manifest, home: Path, scratch: Path) -> None:
    """Put the links of a set where it belongs, all at once; a damaged one that is there goes."""
    fresh, out = scratch / SETS, home.parents[1]
    for entry in manifest.prompts:
        link = fresh / f"{entry.path}.wav"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(_audio(out, entry.sha256), (home / entry.path).parent))
    if home.exists():
        home.replace(scratch / "damaged")
    home.parent.mkdir(exist_ok=True)
    fresh.replace(home)


def _audio(out: Path, sha256: str) -> Path:
    return out / ARCHIVE / f"{sha256}.wav"


def _called(prompt: Line | Entry) -> str:
    return f"{prompt.name} ({prompt.language})"
