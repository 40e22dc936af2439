"""The labelled notes, those of an author who had not seen the screen, those on crimes, and how well it does on some."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from callgate import notes

FILE = Path(__file__).with_name("labelled.jsonl")
BLIND = Path(__file__).with_name("blind.jsonl")
CRIMINAL = Path(__file__).with_name("criminal.jsonl")
FINE = "fine"


class Note(NamedTuple):
    """A note, in which language, what is in it (`fine`: nothing), and in which part it is (docs/notes.md):
    `dev`, `held-out` or `later`; `why` it is labelled so, where that was written down."""

    text: str
    language: str
    label: str
    half: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Of the notes that hold something, how many were refused (`recall`); of those refused, how many did (`precision`);
    and of those refused rightly, how many for the right reason."""

    notes: int
    precision: float
    recall: float
    category: float


def labelled() -> list[Note]:
    """By who wrote the words."""
    return _read(FILE)


def blind() -> list[Note]:
    """By who had seen no word. Only `dev` has been looked at since, so as to find words; `held-out` only measured."""
    return _read(BLIND)


def criminal() -> list[Note]:
    """On crimes and convictions, written before there were words for them, by who then wrote the words."""
    return _read(CRIMINAL)


def _read(file: Path) -> list[Note]:
    return [Note(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def score(of: Sequence[Note], languages: Sequence[str] | None = None) -> Score:
    """How well the screen does, each note in its own language or in all of `languages`."""
    refused = [
        (note, {finding.category for finding in found})
        for note in of
        if (found := notes.screen(note.text, languages or [note.language]))
    ]
    right = [(note, why) for note, why in refused if note.label != FINE]
    bad = sum(note.label != FINE for note in of)
    named = sum(note.label in why for note, why in right)
    return Score(len(of), len(right) / len(refused), len(right) / bad, named / len(right))
