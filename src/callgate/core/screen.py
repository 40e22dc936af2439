"""Whether a note says what a note must not say: what is special about a person (GDPR Art. 9), a crime of theirs (Art.
10), or an insult.

A vocabulary is data (`callgate.notes`): for each category, entries of one word or more, and ordinary expressions that
hold such a word and mean something else ("sick of being called", "health insurance"). Ordinary expressions are found
first, and their words are looked at no more, but for an entry that reaches over more words ("nurse" is ordinary,
"district nurse" is not); what stands in a gap of one is no part of it ("stupid cow understands no invoice"). Names are
let be too: "Mr Sick", "Frau Krank".

A negation is no excuse. "Not ill" tells of somebody's health as "ill" does (Art. 4(15), recital 35), and "not
religious" of a belief.

How an entry is written: `core.vocabulary`. One whose word has a capital is none that a person would be called by; see
`_is_name`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from callgate.core.slips import one_letter_out, one_slip
from callgate.core.vocabulary import BadEntry, Category, Vocabulary
from callgate.core.words import Lexicon, Word, fold, spelt_out, words

LONGEST_NOTE = 2_000
"""Characters. A note is a remark, and whoever wants to keep more wants another place for it."""
GAP = 3
"""Words that `..` may stand for."""
LONG_WORD = 6
"""Letters that a word has at least where one wrong letter is taken for a slip."""
LONGEST_COMPOUND = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """What a note must not hold: the category, and where the words that led to it stand in the note."""

    category: Category
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Elements by number; None is a gap. `category` is None for an ordinary expression. `name`: may be a surname."""

    elements: tuple[int | None, ...]
    category: Category | None
    name: bool


@dataclass(slots=True)
class _Forms:
    """By which forms each element is found."""

    exact: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    begins: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    ends: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    holds: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    written: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    slips: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


class Screen:
    """Looks for one language's vocabulary in notes."""

    def __init__(self, vocabulary: Vocabulary, lexicon: Lexicon) -> None:
        """Raises `BadEntry`."""
        self.lexicon = lexicon
        self._sets = vocabulary.sets
        self._numbers: dict[str, int] = {}
        self._forms = _Forms()
        self._phrases: dict[int, list[_Phrase]] = defaultdict(list)
        self._titles = {fold(title) for title in vocabulary.titles}
        self._particles = {fold(particle) for particle in vocabulary.particles}
        self._surnames = {fold(name) for name in vocabulary.surnames}
        for entry in vocabulary.ordinary:
            self._add(entry, None)
        for category, entries in vocabulary.entries.items():
            for entry in entries:
                self._add(entry, category)
        shapes = (self._forms.begins, self._forms.ends, self._forms.holds)
        self._shortest = min((len(form) for shape in shapes for form in shape), default=1)
        self._longest = max((len(form) for shape in shapes for form in shape), default=1)

    def findings(self, note: str) -> list[Finding]:
        """What the note must not hold, in its order and without overlaps."""
        return self.findings_among(note, self.ordinary(note), [self.lexicon])

    def findings_among(
        self, note: str, ordinary: Iterable[Sequence[int]], lexicons: Sequence[Lexicon]
    ) -> list[Finding]:
        """As `findings`, but for what these ordinary expressions let be; what one of the lexicons knows is no slip."""
        found = words(note, self.lexicon.lemma)
        matched = [self._elements(word, lexicons) for word in found]
        reach: dict[int, int] = defaultdict(int)
        for at in ordinary:
            for place in at:
                reach[place] = max(reach[place], at[-1] - at[0])
        taken: set[int] = set()
        kept: list[Finding] = []
        runs = ((at[0], at[-1] + 1, phrase) for at, phrase in self._runs(matched, ordinary=False))
        for first, last, phrase in sorted(runs, key=lambda run: (run[0] - run[1], run[0])):
            places = range(first, last)
            named = last - first == 1 and self._is_name(found, first, phrase)
            let_be = any(place in reach and reach[place] >= last - first - 1 for place in places)
            if phrase.category is None or named or let_be or not taken.isdisjoint(places):
                continue
            taken.update(places)
            start, end = found[first].start, found[last - 1].end
            kept.append(Finding(phrase.category, start, end, note[start:end]))
        return sorted(kept, key=lambda finding: finding.start)

    def ordinary(self, note: str) -> list[Sequence[int]]:
        """The words of ordinary expressions in the note, each expression by the places of its words."""
        matched = [self._elements(word, ()) for word in words(note, self.lexicon.lemma)]
        return [places for places, _ in self._runs(matched, ordinary=True)]

    # Reading the vocabulary.

    def _add(self, entry: str, category: Category | None) -> None:
        parts = entry.split()
        if not parts or parts[0] == ".." or parts[-1] == "..":
            raise BadEntry(f"the entry {entry!r} neither begins nor ends with a gap, and is not empty")
        first, *rest = parts
        head = self._element(first, slips=not rest)
        tail = (None if part == ".." else self._element(part, slips=False) for part in rest)
        self._phrases[head].append(_Phrase((head, *tail), category, name=not entry.lstrip("*=")[:1].isupper()))

    def _element(self, part: str, *, slips: bool) -> int:
        """The number of an element; its forms are put where words will look for them."""
        number = self._numbers.setdefault(part, len(self._numbers))
        for form in self._alternatives(part):
            self._add_form(form, number, slips=slips)
        return number

    def _alternatives(self, part: str) -> Iterator[str]:
        for one in part.split("|"):
            if not one.startswith("@"):
                yield one
            elif one[1:] in self._sets:
                yield from self._sets[one[1:]]
            else:
                raise BadEntry(f"there is no set {one[1:]!r}; there are {', '.join(sorted(self._sets)) or 'none'}")

    def _add_form(self, form: str, number: int, *, slips: bool) -> None:
        bare = form.strip("*=")
        if not bare or not bare.replace("'", "").replace("+", "").isalnum():
            raise BadEntry(f"{form!r} is not one word")
        if form.startswith("="):
            self._forms.written[bare.lower()].add(number)
            return
        starts, ends = form.startswith("*"), form.endswith("*")
        forms = self._forms
        shape = forms.holds if starts and ends else forms.ends if starts else forms.begins if ends else forms.exact
        for key in {fold(bare), spelt_out(bare)}:
            shape[key].add(number)
            if shape is forms.exact and slips and len(key) >= LONG_WORD:
                for near in one_letter_out(key):
                    forms.slips[near].add(key)

    # Reading a note.

    def _elements(self, word: Word, lexicons: Sequence[Lexicon]) -> Set[int]:
        """The elements that a word is a form of: but for a slip only where there are lexicons, and none knows it."""
        forms = self._forms
        found: set[int] = set(forms.written.get(word.lower, ()))
        for key in word.keys:
            found |= forms.exact.get(key, set())
            found |= self._parts(key)
        if not found and "*" in word.text:
            found |= self._starred(fold(word.text))
        slip = not found and lexicons and len(word.lower) >= LONG_WORD - 1
        if slip and not any(lexicon.known(word.lower) for lexicon in lexicons):
            found |= self._slipped(word)
        return found

    def _parts(self, key: str) -> Set[int]:
        """The elements that a word begins with, ends with or holds."""
        forms, found = self._forms, set[int]()
        if len(key) < self._shortest or len(key) > LONGEST_COMPOUND:
            return found
        for length in range(self._shortest, min(len(key), self._longest) + 1):
            found |= forms.begins.get(key[:length], set()) | forms.ends.get(key[-length:], set())
            if forms.holds:
                for start in range(len(key) - length + 1):
                    if (held := forms.holds.get(key[start : start + length])) is not None:
                        found |= held
        return found

    def _starred(self, text: str) -> Set[int]:
        """The elements that a word with stars in place of letters may be: as many letters at least as there are stars.

        Two letters have to be left, or any word would do.
        """
        if sum(char.isalpha() for char in text) < 2:
            return set()
        pattern = re.compile(re.sub(r"\\\*(?:\\\*)*", "[a-z]+", re.escape(text)))
        return {
            number
            for shape in (self._forms.exact, self._forms.holds, self._forms.begins)
            for form, numbers in shape.items()
            if pattern.fullmatch(form)
            for number in numbers
        }

    def _slipped(self, word: Word) -> Set[int]:
        """The elements that a word is a form of but for one letter that is missing, too many, wrong or swapped."""
        found: set[int] = set()
        for key in word.keys:
            near = {meant for each in one_letter_out(key) for meant in self._forms.slips.get(each, ())}
            for meant in near:
                if meant[0] == key[0] and one_slip(key, meant):
                    found |= self._forms.exact[meant]
        return found

    def _runs(self, matched: Sequence[Set[int]], *, ordinary: bool) -> Iterator[tuple[Sequence[int], _Phrase]]:
        """Where entries stand: the places of their words, and the entry."""
        for at, elements in enumerate(matched):
            for element in elements:
                for phrase in self._phrases.get(element, ()):
                    if (phrase.category is None) == ordinary:
                        places = _places(phrase.elements, matched, at)
                        if places is not None:
                            yield places, phrase

    def _is_name(self, found: Sequence[Word], at: int, phrase: _Phrase) -> bool:
        """Whether the word is somebody's name: it stands behind a title, or among other names.

        Behind a title, what has a capital is a name, but for words that nobody is called by; what has none only where
        it is known as a surname, since "mevr ziek" is short for "mevrouw is ziek".
        """
        word = found[at]
        surname = fold(word.text) in self._surnames
        if self._titled(found, at):
            return surname or (phrase.name and word.capital)
        beside = [found[near] for near in (at - 1, at + 1) if 0 <= near < len(found)]
        return surname and word.capital and any(other.capital and other.plain for other in beside)

    def _titled(self, found: Sequence[Word], at: int) -> bool:
        before = at - 1
        while before >= 0 and found[before].keys[0] in self._particles:
            before -= 1
        return before >= 0 and found[before].keys[0] in self._titles


def findings_in(note: str, screens: Sequence[Screen]) -> list[Finding]:
    """What a note must not hold that may be written in several languages.

    What is an ordinary expression in one of them is let be, and what is a word in one of them is no slip in another.
    """
    ordinary = [places for screen in screens for places in screen.ordinary(note)]
    lexicons = [screen.lexicon for screen in screens]
    found = {one: None for screen in screens for one in screen.findings_among(note, ordinary, lexicons)}
    return sorted(found, key=lambda finding: (finding.start, finding.end, finding.category))


def _places(elements: Sequence[int | None], matched: Sequence[Set[int]], at: int) -> tuple[int, ...] | None:
    """Where each of the elements stands, the first at `at` and gaps left out; None where they do not stand there."""
    if not elements:
        return ()
    if elements[0] is None:
        behind = (_places(elements[1:], matched, at + skipped) for skipped in range(GAP + 1))
        return next((places for places in behind if places is not None), None)
    if at >= len(matched) or elements[0] not in matched[at]:
        return None
    rest = _places(elements[1:], matched, at + 1)
    return None if rest is None else (at, *rest)
