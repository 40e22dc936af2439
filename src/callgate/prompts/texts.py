"""The texts of one language: callgate's own, an operator's in their place, and an operator's recordings.

An operator's directory holds `<language>.toml`, laid out like the packaged file and with any of its keys, and
`<language>/<name>.wav`. Whatever is in it must bear a prompt's name: a slip would otherwise go unheard. A recording is
taken to say the text of the same name, whose words go into the proof; an operator who says it otherwise writes so.

Templates have named fields and nothing else (`string.Template`), so that a text cannot reach into the program.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from callgate.prompts.errors import ScriptError
from callgate.prompts.names import EVERYWHERE, FIELDS, kind

_LONGEST: Final = 400
"""Characters of a text: more would not fit any limit."""

_MARKUP: Final = frozenset("<>[]{}|\\")
"""espeak-ng reads `[[…]]` as phonemes and, when asked to, `<…>` as SSML."""


@dataclass(frozen=True, slots=True)
class Language:
    """How a language is spoken: the voice, words per minute to a callee and to an agent, and the names of signs."""

    code: str
    voice: str
    callee: int
    agent: int
    signs: Mapping[str, str]


@cache
def languages() -> Mapping[str, Language]:
    """The languages that callgate speaks, by ISO 639-1 code."""
    tables = tomllib.loads((files(__package__) / "languages.toml").read_text("utf-8"))
    return {code: Language(code, **table) for code, table in tables.items()}


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's templates and recordings, by a prompt's name or the start of one."""

    language: str
    templates: Mapping[str, Template]
    recordings: Mapping[str, Path] = field(default_factory=dict)

    def find(self, keys: tuple[str, ...]) -> tuple[Template, Path | None]:
        """The text and recording for the first of `keys`, most specific first, that has either.

        Raises ScriptError: no text has any of the names.
        """
        for at, key in enumerate(keys):
            if key in self.recordings:
                return self.find_text(keys[at:]), self.recordings[key]
            if key in self.templates:
                return self.templates[key], None
        return self.find_text(keys), None

    def find_text(self, keys: tuple[str, ...]) -> Template:
        """The template for the first of `keys` that has one."""
        for key in keys:
            if key in self.templates:
                return self.templates[key]
        raise ScriptError([f'{self.language}.toml: no text "{keys[-1]}": add it'])


def load(language: str, overrides: Path | None, known: frozenset[str]) -> Wording:
    """Read one language's texts; `known` are the names, and starts of names, of the prompts to be built.

    Raises ScriptError, which names file, key and field of every fault.
    """
    packaged = files(__package__) / "texts" / f"{language}.toml"
    texts = _flatten(tomllib.loads(packaged.read_text("utf-8")))
    faults = list(_text_faults(f"{language}.toml", texts))
    recordings: dict[str, Path] = {}
    if overrides is not None:
        own = overrides / f"{language}.toml"
        replaced = _read(own) if own.exists() else {}
        faults += _text_faults(str(own), replaced)
        texts.update(replaced)
        recordings = _recordings(overrides / language)
        placed = [(name, f"{own}: {name}") for name in replaced] + [(name, str(at)) for name, at in recordings.items()]
        faults += (f"{place}: no prompt has this name" for name, place in placed if name not in known | EVERYWHERE)
    if faults:
        raise ScriptError(faults)
    return Wording(language, {name: Template(as_spoken(text)) for name, text in texts.items()}, recordings)


def as_spoken(text: str) -> str:
    """`text` as it is handed to a voice and kept in the proof: NFC, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def speech_faults(place: str, text: str) -> Iterator[str]:
    """What keeps `text` from being spoken as it is written.

    Refused rather than escaped: then the words in the proof are the words that were spoken. Control characters are
    refused because espeak-ng takes Ctrl-A for a command, `\\x01200S` for instance changes its speed.
    """
    text = as_spoken(text)
    if not text:
        yield f"{place}: is empty: write what is to be said"
    if len(text) > _LONGEST:
        yield f"{place}: {len(text)} characters, at most {_LONGEST} can be spoken in time"
    for sign in sorted({sign for sign in text if sign in _MARKUP or unicodedata.category(sign).startswith("C")}):
        yield f"{place}: a voice could take {sign!r} for a command: write it in words"


_ADDRESS: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?")


def spoken_address(address: str, language: Language) -> str:
    """How a web address is read out: `https://www.acme.be/privacy` → "acme dot b e slash privacy".

    A two-letter top-level domain is spelt. Raises ScriptError for what cannot be read out by rule.
    """
    bare = re.sub(r"^(https?://)?(www\.)?", "", address.strip()).rstrip("/")
    if not _ADDRESS.fullmatch(bare):
        raise ScriptError([f"{address!r}: cannot be read out by rule: say how it is spoken in {language.code!r}"])
    host, _, path = bare.partition("/")
    if re.search(r"\.[A-Za-z]{2}$", host):
        host = f"{host[:-2]}{host[-2]} {host[-1]}"
    words = re.split(r"([./_-])", f"{host}/{path}" if path else host)
    return " ".join(language.signs.get(word, word) for word in words if word)


def _read(file: Path) -> dict[str, str]:
    try:
        return _flatten(tomllib.loads(file.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScriptError([f"{file}: {error}"]) from error


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Tables become steps of a name: `[callee] dropped = "…"` → `callee/dropped`."""
    texts: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            texts |= _flatten(value, f"{prefix}{key}/")
        else:
            texts[prefix + key] = value if isinstance(value, str) else ""
    return texts


def _recordings(folder: Path) -> dict[str, Path]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith("."))
    return {file.relative_to(folder).as_posix().removesuffix(".wav"): file for file in found}


def _text_faults(file: str, texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        place = f"{file}: {name}"
        template = Template(text)
        if not template.is_valid():
            yield f'{place}: a "$" begins a field, as in $company: write "$$" for the sign itself'
            continue
        have, want = set(template.get_identifiers()), FIELDS.get(kind(name), frozenset())
        yield from speech_faults(place, template.substitute(dict.fromkeys(have, "word")))
        yield from (f"{place}: unknown field ${unknown}" for unknown in sorted(have - want))
        yield from (f"{place}: missing field ${missing}" for missing in sorted(want - have))
