"""The words that the screen for call notes looks for, as they are written down, and what each category is refused by.

An entry is written as words apart by spaces; each may be

    word        that word, in any form that the lexicon knows, and with a slip of one letter where it is long
    word*       what begins so; `*word` what ends so, `*word*` what holds it: for the compounds of Dutch and German
    a|b         one or the other
    @name       one of a set of words that the vocabulary names
    ..          up to three words, whatever they are
    =word       that word as it is written, with its accents, and no other form of it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a note must not hold. The value is stable: counts and reports keep it."""

    HEALTH = "health"
    GENETIC = "biometric/genetic"
    RELIGION = "religion"
    ETHNICITY = "ethnicity"
    POLITICS = "politics"
    UNION = "union"
    SEXUALITY = "sexuality"
    CRIMINAL = "criminal"
    INSULT = "insult"


SOURCES: Mapping[Category, str] = {
    Category.HEALTH: "GDPR Art. 9(1), 4(15)",
    Category.GENETIC: "GDPR Art. 9(1), 4(13), 4(14)",
    Category.RELIGION: "GDPR Art. 9(1)",
    Category.ETHNICITY: "GDPR Art. 9(1)",
    Category.POLITICS: "GDPR Art. 9(1)",
    Category.UNION: "GDPR Art. 9(1)",
    Category.SEXUALITY: "GDPR Art. 9(1)",
    Category.CRIMINAL: "GDPR Art. 10",
    Category.INSULT: "GDPR Art. 5(1)(a), 5(1)(c)",
}
"""Why each is refused."""


class BadEntry(ValueError):
    """An entry of a vocabulary cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one language, as they were written down. `titles` stand before a name, `particles` within one."""

    language: str
    entries: Mapping[Category, Sequence[str]]
    ordinary: Sequence[str]
    sets: Mapping[str, Sequence[str]]
    titles: Sequence[str]
    particles: Sequence[str]
    surnames: Sequence[str]
