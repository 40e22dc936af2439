"""The texts: complete in every language, checked when they are loaded, and nothing but words."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.reasons import ALLOWING, Reason
from callgate.prompts import names
from callgate.prompts.errors import ScriptError
from callgate.prompts.texts import as_spoken, languages, load, speech_faults, spoken_address

LANGUAGES = ("de", "en", "fr", "nl")


def test_callgate_speaks_dutch_french_german_and_english() -> None:
    assert sorted(languages()) == list(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in ALLOWING])
def test_every_reason_that_blocks_has_a_text(reason: Reason, language: str) -> None:
    assert load(language, None, frozenset()).templates[names.blocked(reason)].template


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_exactly_the_texts_that_are_spoken(language: str) -> None:
    assert load(language, None, frozenset()).templates.keys() == names.EVERYWHERE


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_keys_that_end_something_are_told_before_consent(language: str) -> None:
    """9 ends all calls (GDPR Art. 21(4)); the star ends the recording (Art. 7(3))."""
    templates = load(language, None, frozenset()).templates
    star = {"de": "Stern", "en": "Star", "fr": "Étoile", "nl": "Ster"}[language]
    assert "9" in templates[names.IDENTIFICATION].template
    assert "9" in templates[names.CALLBACK].template
    assert star in templates[names.QUESTION].template


FAULTS = [
    ('dropp = "Sorry."', "en.toml: dropp: no prompt has this name"),
    ('[callee]\ndropped = "Sorry $name."', "en.toml: callee/dropped: unknown field $name"),
    ('question = "May $company record?"', "en.toml: question: unknown field $company"),
    (
        'identification = "$centre for $company about $purpose."',
        "en.toml: identification: missing field $privacy_policy",
    ),
    ('question = "5 $ a minute?"', 'en.toml: question: a "$" begins a field, as in $company: write "$$" for the sign'),
    ('question = ""', "en.toml: question: is empty: write what is to be said"),
    ("question = 1", "en.toml: question: is empty: write what is to be said"),
    ('question = "[[h@l]]?"', "en.toml: question: a voice could take '[' for a command: write it in words"),
    ("question = ?", "en.toml: Invalid value (at line 1, column 12)"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_names_file_key_and_field(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "en.toml").write_text(text)
    with pytest.raises(ScriptError) as raised:
        load("en", tmp_path, frozenset())
    assert any(line.startswith(f"{tmp_path}/{fault}") for line in raised.value.faults)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('dropp = "Sorry."\nquestion = "$a and $b?"')
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "dropp.wav").touch()
    with pytest.raises(ScriptError) as raised:
        load("en", tmp_path, frozenset())
    assert len(raised.value.faults) == 4


def test_an_operators_text_replaces_the_packaged_one_and_only_that(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[callee]\nobjected = "Right. Never again."')
    packaged, own = load("en", None, frozenset()).templates, load("en", tmp_path, frozenset()).templates
    changed = {name for name in packaged if packaged[name].template != own[name].template}
    assert changed == {names.Callee.OBJECTED}
    assert own[names.Callee.OBJECTED].template == "Right. Never again."


def test_braces_around_a_field_are_no_markup(tmp_path: Path) -> None:
    text = "${centre} for ${company}: ${purpose}; ${privacy_policy}; 9"
    (tmp_path / "en.toml").write_text(f'identification = "{text}"')
    assert load("en", tmp_path, frozenset()).templates[names.IDENTIFICATION].template == text


KEYS = ("identification/energy/lille", "identification/energy", "identification")


@pytest.mark.parametrize(
    ("texts", "recordings", "text", "recording"),
    [
        ({}, set(), "identification", None),
        ({"identification/energy"}, set(), "identification/energy", None),
        ({"identification/energy"}, {"identification"}, "identification/energy", None),
        ({"identification/energy"}, {"identification/energy"}, "identification/energy", "identification/energy"),
        (set(), {"identification/energy/lille", "identification"}, "identification", "identification/energy/lille"),
        (set(KEYS), {"identification/energy"}, "identification/energy/lille", None),
    ],
)
def test_the_most_specific_text_or_recording_wins(
    tmp_path: Path, texts: set[str], recordings: set[str], text: str, recording: str | None
) -> None:
    fields = "$centre $company $purpose $privacy_policy"
    (tmp_path / "en.toml").write_text("\n".join(f'"{name}" = "{name} {fields}"' for name in texts))
    for name in recordings:
        file = tmp_path / "en" / f"{name}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    wording = load("en", tmp_path, frozenset(KEYS))
    found, source = wording.find(KEYS)
    expected = f"{text} {fields}" if texts else wording.templates["identification"].template
    assert found.template == expected
    assert source == (tmp_path / "en" / f"{recording}.wav" if recording else None)


@given(st.text())
def test_what_is_passed_to_a_voice_holds_no_command(text: str) -> None:
    faults = list(speech_faults("here", text))
    said = as_spoken(text)
    commands = [sign for sign in said if sign in "[]<>" or unicodedata.category(sign)[0] == "C"]
    assert bool(faults) >= bool(commands)


@given(st.text())
def test_as_spoken_changes_nothing_twice(text: str) -> None:
    assert as_spoken(as_spoken(text)) == as_spoken(text)


@pytest.mark.parametrize("text", ["Müller & Söhne", "L'Énergie (Lyon)", "Solar24, 100 %", "Ørsted – wind"])
def test_a_companys_name_is_spoken_as_it_is(text: str) -> None:
    assert not list(speech_faults("company", text))


@pytest.mark.parametrize(
    ("address", "language", "spoken"),
    [
        ("https://www.acme.be/privacy", "en", "acme dot b e slash privacy"),
        ("acme.be/privacy/", "nl", "acme punt b e slash privacy"),
        ("http://acme-solar.com", "fr", "acme tiret solar point com"),
        ("daten.acme.de/daten_schutz", "de", "daten Punkt acme Punkt d e Slash daten Unterstrich schutz"),
    ],
)
def test_an_address_is_read_out(address: str, language: str, spoken: str) -> None:
    assert spoken_address(address, languages()[language]) == spoken


@pytest.mark.parametrize("address", ["", "acme.be/?p=1", "müller.de", "acme.be/a b", "acme.be/[[x]]"])
def test_an_address_that_no_rule_reads_is_refused_with_the_way_out(address: str) -> None:
    with pytest.raises(ScriptError, match="say how it is spoken in 'en'"):
        spoken_address(address, languages()["en"])
