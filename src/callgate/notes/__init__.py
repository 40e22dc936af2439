"""The screen for call notes: its words, one TOML file per language beside this module and one of medicines, which are
called alike in all of them, and `screen`, which looks for them.

`screen` knows nothing of calls, HTTP or the ledger: a CRM's notes go through the same function as callgate's own. What
it reads is kept nowhere. `docs/notes.md` says what is refused, and how well it is found.
"""

import hashlib
import tomllib
from collections.abc import Collection
from functools import cache
from importlib import resources

from callgate.core.screen import LONGEST_NOTE, Finding, Screen, findings_in
from callgate.core.vocabulary import Category, Vocabulary
from callgate.notes.lexicon import lexicon

__all__ = ["LANGUAGES", "NoteTooLong", "digest", "prepare", "screen", "vocabulary"]

LANGUAGES = ("nl", "fr", "de", "en")
MEDICINES = "medicines"


class NoteTooLong(ValueError):
    """A note is longer than `LONGEST_NOTE`; the message says so and holds nothing of it."""


def screen(text: str, languages: Collection[str] = LANGUAGES) -> list[Finding]:
    """What a note must not hold, in its order; empty where there is nothing. `languages`: those it may be written in.

    The first note in a language takes up to a second unless `prepare` was called. Raises `NoteTooLong`, and
    ValueError for a language that is not known.
    """
    if len(text) > LONGEST_NOTE:
        raise NoteTooLong(f"a note has {LONGEST_NOTE:,} characters at most, and this one has {len(text):,}")
    return findings_in(text, [_of(language) for language in languages])


def prepare(languages: Collection[str]) -> None:
    """Read the words of these languages: up to a second for each, in which the interpreter does little else."""
    for language in languages:
        _of(language).findings("one")


@cache
def digest() -> str:
    """Names exactly the words in force: what was screened under another digest may be screened anew."""
    return hashlib.sha256("\0".join(map(_text, (*LANGUAGES, MEDICINES))).encode()).hexdigest()[:12]


@cache
def vocabulary(language: str) -> Vocabulary:
    """The words of a language. Raises ValueError where it is not known."""
    if language not in LANGUAGES:
        raise ValueError(f"there are no words in {language!r}; there are in {', '.join(LANGUAGES)}")
    table = tomllib.loads(_text(language))
    entries = {category: tuple(table[category]["entries"]) for category in Category}
    entries[Category.HEALTH] += tuple(tomllib.loads(_text(MEDICINES))["entries"])
    names = {key: tuple(table[key]) for key in ("ordinary", "titles", "particles", "surnames")}
    sets = {name: tuple(words) for name, words in table["sets"].items()}
    return Vocabulary(language, entries, sets=sets, **names)


@cache
def _of(language: str) -> Screen:
    return Screen(vocabulary(language), lexicon(language))


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
