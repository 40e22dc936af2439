"""What is known of a language's words, by the simplemma library: base forms, and whether a word is one.

It is what keeps a slip of the pen from being found in a word that is none: "Schule" is one letter from "Schwule". Its
tables are read at the first question, and a language that no campaign speaks costs nothing.
"""

from functools import cache, lru_cache

import simplemma

WORDS_KEPT = 20_000
"""How many words' answers are kept at hand for each language: more than agents use."""


class SimplemmaLexicon:
    """The words of one language (ISO 639-1)."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.lemma = lru_cache(WORDS_KEPT)(self._lemma)
        self.known = lru_cache(WORDS_KEPT)(self._known)

    def _lemma(self, word: str) -> str:
        found = simplemma.lemmatize(word, lang=self._language)
        return simplemma.lemmatize(word.capitalize(), lang=self._language) if found == word and self._nouns else found

    def _known(self, word: str) -> bool:
        return any(simplemma.is_known(spelling, lang=self._language) for spelling in (word, word.capitalize()))

    @property
    def _nouns(self) -> bool:
        """Nouns have a capital, which people in a hurry leave out."""
        return self._language == "de"


@cache
def lexicon(language: str) -> SimplemmaLexicon:
    """The words of a language, read once."""
    return SimplemmaLexicon(language)
