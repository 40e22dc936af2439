"""The screen for call notes: what it finds, and what it lets be."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate import notes
from callgate.core.screen import LONGEST_NOTE, Screen
from callgate.core.vocabulary import BadEntry, Category, Vocabulary
from callgate.core.words import NoLexicon
from callgate.notes.lexicon import lexicon
from tests.notes.labelled import Note, blind, criminal, labelled, score

FLOOR = {"dev": 0.95, "held-out": 0.93, "later": 0.85}
"""What neither precision nor recall of a part in a language may fall under; docs/notes.md says what was measured."""
BLIND_FLOOR = {
    ("nl", "dev"): (0.97, 0.97),
    ("fr", "dev"): (0.97, 0.97),
    ("de", "dev"): (0.97, 0.97),
    ("en", "dev"): (0.97, 0.97),
    ("nl", "held-out"): (0.87, 0.91),
    ("fr", "held-out"): (0.88, 0.95),
    ("de", "held-out"): (0.97, 0.97),
    ("en", "held-out"): (0.93, 0.90),
}
"""The same of the blind set, precision and recall: about one note below what was measured."""


def words(text: str, *languages: str) -> list[str]:
    return [finding.words for finding in notes.screen(text, languages or notes.LANGUAGES)]


@pytest.mark.parametrize("language", notes.LANGUAGES)
@pytest.mark.parametrize("half", FLOOR)
def test_notes_of_agents_are_told_apart(language: str, half: str) -> None:
    of = [note for note in labelled() if (note.language, note.half) == (language, half)]
    found = score(of)
    assert min(found.precision, found.recall) >= FLOOR[half], found


@pytest.mark.parametrize(("language", "half"), BLIND_FLOOR)
def test_notes_of_an_author_who_had_not_seen_the_words_are_told_apart(language: str, half: str) -> None:
    found = score([note for note in blind() if (note.language, note.half) == (language, half)])
    precision, recall = BLIND_FLOOR[language, half]
    assert found.precision >= precision, found
    assert found.recall >= recall, found


@pytest.mark.parametrize("language", notes.LANGUAGES)
@pytest.mark.parametrize("written", [labelled(), blind()], ids=["labelled", "blind"])
def test_the_notes_are_enough_half_of_them_fine_and_none_in_both_halves(written: list[Note], language: str) -> None:
    of = [note for note in written if note.language == language]
    fine = sum(note.label == "fine" for note in of)
    assert len({note.text for note in of}) == len(of) >= 120
    assert 0.4 < fine / len(of) < 0.6
    assert {note.label for note in of} == {"fine", *(category.value for category in Category)} - {"criminal"}


@pytest.mark.parametrize("language", notes.LANGUAGES)
def test_notes_on_crimes_are_told_apart_from_ordinary_ones(language: str) -> None:
    of = [note for note in criminal() if note.language == language]
    assert (len(of), {note.label for note in of}) == (40, {"fine", "criminal"})
    found = score(of)
    assert found.recall >= 0.95, found
    assert found.precision >= 0.93, found
    assert found.category >= 0.9, found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("called twice, is ill", ["ill"]),
        ("IS ILL", ["ILL"]),
        ("not ill", ["ill"]),
        ("quel 1d1ot", ["1d1ot"]),
        ("an i.d.i.o.t again", ["i.d.i.o.t"]),
        ("what an idiooooot", ["idiooooot"]),
        ("b*tch", ["b*tch"]),
        ("id\u200biot", ["id\u200biot"]),
        (unicodedata.normalize("NFD", "a le diabète"), [unicodedata.normalize("NFD", "diabète")]),
        ("diabtes, so no sweets", ["diabtes"]),
        ("wankr", ["wankr"]),
        ("schlimme Rückenschmerzen", ["Rückenschmerzen"]),
        ("türke", ["türke"]),
        ("tuerke", ["tuerke"]),
        ("turke", ["turke"]),
        ("his husband decides; he has cancer", ["his husband", "cancer"]),
    ],
)
def test_what_a_note_must_not_hold_is_found_as_it_stands_there(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Mr Sick asked for a quote", "en"),
        ("Mrs van der Black", "en"),
        ("Christian Brown called", "en"),
        ("sick of our calls", "en"),
        ("stupid mistake in the bill", "en"),
        ("dhr de Zieke belt terug", "nl"),
        ("zit bij het ziekenfonds", "nl"),
        ("Mme Malade rappelle", "fr"),
        ("gêné par le bruit", "fr"),
        ("hoort niets door ruis op de lijn", "nl"),
        ("de verbinding is gevallen", "nl"),
        ("kok in het ziekenhuis, late shift", "nl"),
        ("rat heeft kabel doorgebeten", "nl"),
        ("voit pas l'intérêt", "fr"),
        ("le wifi marche plus", "fr"),
        ("rappeler fin sep", "fr"),
        ("appart de droite", "fr"),
        ("prison officer, call after 3", "en"),
        ("accusé de réception demandé", "fr"),
        ("Frau Krank ruft an", "de"),
        ("schwül heute", "de"),
        ("kinder in schule", "de"),
        ("", "en"),
        ("*** !!! 12345 15h", "en"),
        ("J R R T", "en"),
    ],
)
def test_names_and_words_with_another_meaning_are_let_be(text: str, language: str) -> None:
    assert words(text, language) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [("mr sick today", "en"), ("Herr Idiot", "de"), ("mevr ziek", "nl"), ("MME MALADE AUJOURD HUI", "fr")],
)
def test_a_title_does_not_hide_what_is_no_name(text: str, language: str) -> None:
    assert words(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("dumme kuh ist krank", "de"),
        ("vieille vache est malade", "fr"),
        ("oude koe is ziek", "nl"),
        ("old goat is ill", "en"),
    ],
)
def test_who_is_called_an_animal_is_not_taken_for_a_pet(text: str, language: str) -> None:
    assert words(text, language)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("hoort niets", "nl", "hoort niets"),
        ("is gevallen", "nl", "is gevallen"),
        ("kok ligt in ziekenhuis", "nl", "ziekenhuis"),
        ("vuile rat", "nl", "vuile rat"),
        ("voit plus bien", "fr", "voit plus"),
        ("marche plus seul", "fr", "marche plus"),
        ("est de droite", "fr", "de droite"),
        ("officer says he was in prison", "en", "prison"),
        ("accusé de vol", "fr", "accusé de"),
    ],
)
def test_what_is_ordinary_elsewhere_is_found_where_it_is_not(text: str, language: str, found: str) -> None:
    assert found in words(text, language)


def test_an_ordinary_expression_hides_no_more_than_itself() -> None:
    assert words("sick of our calls, and has cancer", "en") == ["cancer"]


def test_what_stands_in_a_gap_of_an_ordinary_expression_is_no_part_of_it() -> None:
    screen = _screen("cow", "idiot", ordinary=["stupid .. bill"])
    assert [finding.words for finding in screen.findings("stupid cow lost bill")] == ["cow"]
    assert screen.findings("stupid lost bill") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is a nurse", []),
        ("district nurse calls", ["district nurse"]),
        ("trains as a district nurse", []),
    ],
)
def test_of_an_entry_and_an_ordinary_expression_the_longer_counts(text: str, expected: list[str]) -> None:
    screen = _screen("nurse", "district nurse", ordinary=["nurse", "trains .. nurse"])
    assert [finding.words for finding in screen.findings(text)] == expected


@pytest.mark.parametrize("language", notes.LANGUAGES)
@pytest.mark.parametrize("medicine", ["Prozac", "xarelto", "lorazepam", "escitalopram"])
def test_a_medicine_is_found_by_its_name_in_every_language(medicine: str, language: str) -> None:
    assert words(f"12 3 {medicine}", language) == [medicine]


def test_the_words_have_another_digest_when_a_medicine_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    before, text = notes.digest(), notes._text
    monkeypatch.setattr(notes, "_text", lambda name: text(name) + ("#" if name == notes.MEDICINES else ""))
    notes.digest.cache_clear()
    try:
        assert notes.digest() != before
    finally:
        notes.digest.cache_clear()


@given(st.text(max_size=200))
def test_a_finding_always_tells_where_it_stands(text: str) -> None:
    for finding in notes.screen(text):
        assert text[finding.start : finding.end] == finding.words
        assert finding.words


@given(before=st.text(" .,;", max_size=5), after=st.text(" .,;!?", max_size=5))
def test_signs_around_a_word_hide_nothing(before: str, after: str) -> None:
    assert words(f"{before}cancer{after}", "en") == ["cancer"]


def test_a_note_that_is_too_long_is_refused_and_not_repeated() -> None:
    with pytest.raises(notes.NoteTooLong) as refused:
        notes.screen("cancer " * LONGEST_NOTE)
    assert "cancer" not in str(refused.value)


def test_a_language_without_words_is_an_error_and_no_note_without_findings() -> None:
    with pytest.raises(ValueError, match="no words in 'es'"):
        notes.screen("enfermo", ["es"])


@pytest.mark.parametrize("entry", ["", "..", ".. word", "word ..", "a@b", "@nobody", "wo*rd"])
def test_an_entry_that_cannot_be_read_is_named(entry: str) -> None:
    with pytest.raises(BadEntry):
        Screen(_only(entry), NoLexicon())


@pytest.mark.parametrize(
    ("entry", "text", "found"),
    [
        ("sick", "sick", True),
        ("sick", "sickle", False),
        ("sick*", "sickle", True),
        ("*sick", "homesick", True),
        ("*sick*", "homesickness", True),
        ("fell|fallen ill", "fallen ill", True),
        ("fell .. ill", "fell very very suddenly ill", True),
        ("fell .. ill", "fell oh so very very ill", False),
        ("@who ill", "she ill", True),
        ("=péché", "peche", False),
        ("=péché", "péché", True),
        ("péché", "peche", True),
    ],
)
def test_an_entry_means_what_the_module_says(entry: str, text: str, found: bool) -> None:
    assert bool(Screen(_only(entry), NoLexicon()).findings(text)) == found


@pytest.mark.parametrize("language", notes.LANGUAGES)
def test_every_entry_can_be_read_and_stands_there_once_and_every_set_is_used(language: str) -> None:
    of = notes.vocabulary(language)
    Screen(of, lexicon(language))
    everything = (of.ordinary, *of.entries.values())
    for entries in everything:
        assert len(set(entries)) == len(entries)
    used = {part for entries in everything for entry in entries for word in entry.split() for part in word.split("|")}
    assert {f"@{name}" for name in of.sets} <= used


def _only(entry: str) -> Vocabulary:
    return Vocabulary("en", {Category.HEALTH: [entry]}, [], {"who": ["she", "he"]}, [], [], [])


def _screen(*entries: str, ordinary: list[str]) -> Screen:
    return Screen(Vocabulary("en", {Category.HEALTH: entries}, ordinary, {}, [], [], []), NoLexicon())
