"""The built prompts: the manifest on disk, and the catalogue that the running callgate plays from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from callgate.core.reasons import Reason
from callgate.prompts import names
from callgate.prompts.errors import NoSuchPrompt, SetDamaged

MANIFEST: Final = "manifest.json"
ARCHIVE: Final = "archive"
SETS: Final = "sets"
CURRENT: Final = "current"
_REBUILD: Final = "run `callgate prompts build`"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest.

    `source` says what made the audio, `key` names all that went into it: an equal key needs no new rendering.
    `path` is relative to the manifest, without extension.
    """

    name: str
    language: str
    text: str
    source: str
    key: str
    seconds: float
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of prompts. Equal versions have the same words in the same audio under the same names."""

    version: str
    prompts: tuple[Entry, ...]

    @classmethod
    def of(cls, prompts: tuple[Entry, ...]) -> "Manifest":
        """The manifest of `prompts`, in whatever order they come."""
        ordered = tuple(sorted(prompts, key=lambda entry: (entry.language, entry.name)))
        heard = [(entry.language, entry.name, entry.text, entry.sha256) for entry in ordered]
        return cls(hashlib.sha256(json.dumps(heard).encode()).hexdigest(), ordered)

    @classmethod
    def read(cls, directory: Path) -> "Manifest":
        """Raises SetDamaged: it cannot be read, or its version is not that of its prompts."""
        file = directory / MANIFEST
        try:
            stored = json.loads(file.read_text("utf-8"))
            manifest = cls.of(tuple(Entry(**entry) for entry in stored["prompts"]))
            if manifest.version == stored["version"]:
                return manifest
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SetDamaged([f"{file}: not a manifest of prompts: {_REBUILD}"]) from error
        raise SetDamaged([f"{file}: was changed after it was built: {_REBUILD}"])

    def dump(self) -> str:
        """The manifest as it is stored."""
        stored = {"version": self.version, "prompts": [asdict(entry) for entry in self.prompts]}
        return json.dumps(stored, ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One spoken message. `path` is absolute and without extension, as STREAM FILE takes it; `sha256` is of the WAV."""

    name: str
    language: str
    text: str
    path: str
    seconds: float
    sha256: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a callee hears on answer. Without a question there is no consent, hence no recording."""

    identification: Prompt
    question: Prompt | None

    @property
    def seconds(self) -> float:
        """How long both parts last."""
        return self.identification.seconds + (self.question.seconds if self.question else 0.0)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A set of prompts. It stays whole and unchanged under a later build; load again to take that one."""

    version: str
    prompts: Mapping[tuple[str, str], Prompt]

    @classmethod
    def load(cls, directory: Path) -> "Catalogue":
        """The set in force, verified. Raises SetDamaged, which lists every file that is not as the manifest says."""
        try:
            return cls.load_set(directory.absolute() / (directory / CURRENT).readlink())
        except OSError as error:
            raise SetDamaged([f"{directory / CURRENT}: no prompts have been built: {_REBUILD}"]) from error

    @classmethod
    def load_set(cls, root: Path) -> "Catalogue":
        """One set, `sets/<version>`, verified. Raises SetDamaged."""
        manifest = Manifest.read(root)
        faults = [fault for entry in manifest.prompts for fault in _faults(root, entry)]
        if faults:
            raise SetDamaged([*faults, f"{root}: the set of prompts is damaged: {_REBUILD}"])
        return cls(manifest.version, {(entry.name, entry.language): _prompt(root, entry) for entry in manifest.prompts})

    def notice(self, campaign: str, centre: str, language: str) -> Notice:
        """The notice that a call of `centre` for `campaign` plays. Raises NoSuchPrompt."""
        identification = self.prompt(names.identification(campaign, centre), language)
        return Notice(identification, self.prompts.get((names.question(campaign), language)))

    def callback(self, campaign: str, language: str) -> Prompt:
        """What somebody hears who calls back the number that a campaign shows. Raises NoSuchPrompt."""
        return self.prompt(names.callback(campaign), language)

    def offers(self, campaign: str, languages: Mapping[str, str]) -> tuple[Prompt, ...]:
        """What offers the other languages, each in its own; `languages` is by key. Raises NoSuchPrompt."""
        return tuple(self.prompt(names.language(campaign, key), code) for key, code in languages.items())

    def prompt(self, name: str, language: str) -> Prompt:
        """A prompt by its name, of `names.Callee` or `names.Agent`. Raises NoSuchPrompt."""
        try:
            return self.prompts[name, language]
        except KeyError:
            raise NoSuchPrompt([f"no prompt {str(name)!r} in {language!r} has been built: {_REBUILD}"]) from None

    def reason(self, reason: Reason, language: str) -> Prompt:
        """What tells an agent that the call was blocked for `reason`. Raises NoSuchPrompt."""
        return self.prompt(names.blocked(reason), language)


def is_intact(file: Path, sha256: str) -> bool:
    """Whether `file` can be read and holds what it should."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _faults(root: Path, entry: Entry) -> Iterator[str]:
    file = root / f"{entry.path}.wav"
    if not is_intact(file, entry.sha256):
        yield f"{file}: is {'not what was built' if file.exists() else 'missing'}"


def _prompt(root: Path, entry: Entry) -> Prompt:
    return Prompt(entry.name, entry.language, entry.text, str(root / entry.path), entry.seconds, entry.sha256)
