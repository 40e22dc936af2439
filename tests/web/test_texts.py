"""What the pages say, in four languages."""

import ast
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from string import Template

import pytest

import callgate
from callgate.core.access import Role
from callgate.core.ages import Age
from callgate.core.call import State
from callgate.core.events import Kind
from callgate.core.partners import What
from callgate.core.reasons import ALLOWING, SENTENCES, Reason
from callgate.core.refusals import SENTENCES as SENTENCES_OF_REFUSALS
from callgate.core.refusals import Refusal
from callgate.core.requests import Correction, Ground, Right
from callgate.listimport import Stage
from callgate.registers.errors import Flaw
from callgate.registers.layouts import LAYOUTS
from callgate.web.pages.site import NAVIGATION
from callgate.web.pages.texts import LANGUAGES, choose, texts

ENGLISH = texts("en")
WEB = files("callgate.web")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_fields(language: str) -> None:
    other = texts(language)
    assert other.by_key.keys() == ENGLISH.by_key.keys()
    for key, text in ENGLISH.by_key.items():
        fields = set(Template(text).get_identifiers())
        assert set(Template(other.by_key[key]).get_identifiers()) == fields, key
        assert Template(other.by_key[key]).is_valid(), key
        assert other.by_key[key].strip(), key


def test_the_english_of_a_reason_is_its_sentence() -> None:
    assert {reason: ENGLISH(f"reason.{reason}") for reason in Reason} == SENTENCES


def test_whatever_has_a_name_of_its_own_has_a_text() -> None:
    for keys in (
        [f"stage.{state}" for state in State if state is not State.CLOSED],
        [f"role.{role}" for role in Role],
        [f"age.{age}" for age in Age],
        [f"page.{key}" for key, _, _ in NAVIGATION],
        [f"told.{what}" for what in What],
        [f"flaw.{flaw}" for flaw in Flaw],
        [f"layout.{name}" for name in LAYOUTS],
        [f"import.{stage}" for stage in Stage],
        [f"lists.{age}" for age in Age if age is not Age.FRESH],
        [f"right.{right}" for right in Right],
        [f"ground.{ground}" for ground in Ground],
        [f"correction.{what}" for what in Correction],
    ):
        assert set(keys) <= ENGLISH.by_key.keys()


def alarms_by_name() -> set[str]:
    """What is given by name to whatever raises an alarm."""
    found: set[str] = set()
    for file in Path(callgate.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and 0 < len(call.args) < 3:
                called = getattr(call.func, "attr", getattr(call.func, "id", ""))
                name = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
                if called in ("alarm", "_alarm", "sound") and isinstance(name, str):
                    found.add(name)
    return found


CHOSEN_ALARMS = {
    *(age for age in Age if age is not Age.FRESH),
    *("contract-lapses", "contract-lapsed", "partner-unreachable", "partner-not-believed"),
    *("disk-not-answering", "disk-nearly-full", "spool-not-private", "spool-name-taken"),
    *(Kind.REQUEST_REMINDED, Kind.REQUEST_ESCALATED),
}
"""Alarms of which one or the other is raised, so that no call names them."""


def test_every_alarm_that_is_raised_has_a_text() -> None:
    named = alarms_by_name()
    assert {"recording-missing", "hook-unreachable", "bypass", "recording-without-consent"} <= named
    said = {key.partition(".")[2] for key in ENGLISH.by_key if key.startswith("alarm.")}
    assert (named | CHOSEN_ALARMS) - said == set()
    assert said - named - CHOSEN_ALARMS == set()


def test_a_refusal_is_said_with_what_its_english_sentence_is_said_with() -> None:
    assert set(SENTENCES_OF_REFUSALS) == set(Refusal)
    for refusal, sentence in SENTENCES_OF_REFUSALS.items():
        said = set(Template(ENGLISH(f"refusal.{refusal}")).get_identifiers())
        assert said <= set(Template(sentence).get_identifiers()), refusal


def test_every_problem_that_a_page_may_meet_has_a_text() -> None:
    source = "".join(file.read_text("utf-8") for file in sorted(Path(str(WEB)).rglob("*.py")))
    kinds = set(re.findall(r'Problem\(\s*\d+,\s*"([a-z-]+)"', source))
    assert {"not-permitted", "too-large", "under-way"} <= kinds
    of_the_api_only = {
        "damaged", "key-reused", "leads-refused", "no-such-part", "not-configured", "note-refused", "objected",
    }  # fmt: skip
    assert {f"problem.{kind}" for kind in kinds - of_the_api_only} <= ENGLISH.by_key.keys()


def test_every_reason_to_block_belongs_to_one_family_of_the_chart() -> None:
    script = WEB.joinpath("static", "chart.js").read_text("utf-8")
    families = script[script.index("const FAMILIES") : script.index("const NAMES")]
    assert sorted(re.findall(r'"([a-z-]+)"', families)) == sorted(set(Reason) - ALLOWING)


def test_every_key_that_a_template_or_the_script_names_is_there() -> None:
    named: set[str] = set()
    for folder, pattern in (("templates", r'text\("([a-z.-]+)"[,)]'), ("static", r'say\("([a-z]+\.[a-z-]+)"[,)]')):
        for file in WEB.joinpath(folder).iterdir():
            if file.name.endswith((".html", ".js")):
                named |= set(re.findall(pattern, file.read_text("utf-8")))
    assert named
    assert named <= ENGLISH.by_key.keys()


def test_the_files_are_toml_without_a_key_twice() -> None:
    for language in LANGUAGES:
        tomllib.loads(WEB.joinpath("texts", f"{language}.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        ("de", "fr", "de"),
        (None, "fr-BE,fr;q=0.9,en;q=0.8", "fr"),
        (None, "it, nl;q=0.5, de;q=0.7", "de"),
        (None, "nl;q=0, fr;q=0.1", "fr"),
        ("xx", "", "en"),
        (None, "nl;q=abc", "en"),
        (None, "*", "en"),
    ],
)
def test_the_reader_s_choice_comes_first_then_the_browser_s(cookie: str | None, accept: str, language: str) -> None:
    assert choose(cookie, accept) == language
