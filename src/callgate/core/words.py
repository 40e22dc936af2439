"""A note's words, as somebody typed them in a hurry or so as not to be found out.

A word is found by its *keys*: itself without accents, its lemma, and what is left when digits and signs are read as the
letters that they stand for (`1d!ot`), letters that repeat are written once (`idiooot`), and single letters are put
together (`i d i o t`). Where each word stood is kept, so that whoever wrote it can be shown it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

SHORTEST_SPACED = 4
"""Letters that stand alone make a word when there are so many of them; three may be initials."""
LONGEST_SPACED = 24
_LEET = str.maketrans("013457@$!€|", "oieastasiei")
_SECOND_LEET = str.maketrans("1!|", "lll")
_SPECIAL = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "ı": "i"})
_UNSEEN = "\u00ad\u200b-\u200f\u2060\ufeff"
"""Marks that show nothing, in a class of a pattern: soft hyphens, joiners, marks of direction."""
_WORD = re.compile(rf"(?:[^\W_]|[\u0300-\u036f{_UNSEEN}]|[@$!€|*]+(?=\w)|\*)+")
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
_REPEATED = re.compile(r"(.)\1{2,}")


class Lexicon(Protocol):
    """What is known of one language: the base form of a word, and whether the word is one."""

    def lemma(self, word: str) -> str:
        """The base form; the word itself where none is known."""

    def known(self, word: str) -> bool:
        """Whether it is a word of the language."""


class NoLexicon:
    """Knows no word."""

    def lemma(self, word: str) -> str:
        """The word itself."""
        return word

    def known(self, word: str) -> bool:
        """Never."""
        del word
        return False


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a note: where it stands, how it is written, and the keys it is found by.

    `capital`: it begins with a capital where that tells something. `plain`: it is letters throughout.
    """

    start: int
    end: int
    text: str
    lower: str
    keys: tuple[str, ...]
    capital: bool
    plain: bool


def fold(text: str) -> str:
    """Small letters without accents: `Bête` → `bete`, `groß` → `gross`."""
    small = text.casefold().translate(_SPECIAL)
    if small.isascii():
        return small
    small = _INVISIBLE.sub("", small)
    return "".join(char for char in unicodedata.normalize("NFKD", small) if not unicodedata.combining(char))


def spelt_out(text: str) -> str:
    """As `fold`, with German umlauts as the letters they are written with where there is no key for them."""
    return fold(text.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue"))


def words(text: str, lemma: Callable[[str], str]) -> list[Word]:
    """The words of a note, in order; letters that stand alone in a row are one word."""
    shouted = text.isupper()
    found = [match for match in _WORD.finditer(text) if any(map(str.isalnum, match.group()))]
    made: list[Word] = []
    at = 0
    while at < len(found):
        run = _spaced(found, at)
        if run >= SHORTEST_SPACED:
            made.append(_joined(text, found[at : at + run]))
            at += run
        else:
            made.append(_word(found[at], lemma, shouted))
            at += 1
    return made


def _word(match: re.Match[str], lemma: Callable[[str], str], shouted: bool) -> Word:
    text = match.group()
    lower = unicodedata.normalize("NFC", _INVISIBLE.sub("", text.lower()))
    keys = dict.fromkeys((fold(text), fold(lemma(lower))))
    plain = lower.isalpha()
    if not plain:
        keys |= dict.fromkeys(_deciphered(fold(text)))
    if _REPEATED.search(lower):
        keys |= dict.fromkeys(_REPEATED.sub(r"\1" * count, fold(text)) for count in (1, 2))
    return Word(match.start(), match.end(), text, lower, tuple(keys), text[0].isupper() and not shouted, plain)


def _deciphered(text: str) -> Iterator[str]:
    """The words that digits and signs may stand for; nothing where letters are too few to be a word."""
    yield text.strip("*")
    if sum(char.isalpha() for char in text) * 2 < len(text):
        return
    for read in (text.translate(_LEET), text.translate(_SECOND_LEET).translate(_LEET)):
        if read.isalpha():
            yield read


def _spaced(found: Sequence[re.Match[str]], at: int) -> int:
    """How many words of a single letter follow one another from here, with a sign or a space between them."""
    end = at
    while (
        end < len(found)
        and end - at < LONGEST_SPACED
        and len(found[end].group()) == 1
        and (end == at or found[end].start() - found[end - 1].end() <= 2)
    ):
        end += 1
    return end - at


def _joined(text: str, letters: Sequence[re.Match[str]]) -> Word:
    """Single letters as one word: found by any stretch of it, since a real single letter may stand before or after."""
    whole = fold("".join(letter.group() for letter in letters))
    stretches = (
        whole[start:end] for start in range(len(whole)) for end in range(start + SHORTEST_SPACED, len(whole) + 1)
    )
    start, end = letters[0].start(), letters[-1].end()
    keys = dict.fromkeys((whole, *(deciphered for one in stretches for deciphered in (one, one.translate(_LEET)))))
    return Word(start, end, text[start:end], whole, tuple(keys), capital=False, plain=False)
