"""What has to be spoken, for which campaigns, centres and languages."""

from dataclasses import replace
from pathlib import Path

import pytest

from callgate.prompts import names
from callgate.prompts.errors import ScriptError
from callgate.prompts.script import BuildSpec, Campaign, Centre, script

ENERGY = Campaign(
    id="energy",
    languages=("en", "nl"),
    company="Acme  Energy",
    purpose={"en": "solar panels", "nl": "zonnepanelen"},
    recording=True,
    privacy_policy={"nl": "acme punt b e"},
    privacy_url="https://acme.be/privacy",
)
CARE = replace(ENERGY, id="care", languages=("nl",), recording=False)
CENTRES = (Centre("brussels", "Brussels"), Centre("lille", "Lille"))
SPEC = BuildSpec((ENERGY, CARE), CENTRES, ("fr",))


def spoken(spec: BuildSpec = SPEC) -> dict[tuple[str, str], str]:
    return {(line.name, line.language): line.text for line in script(spec)}


def test_a_notice_names_centre_company_purpose_and_privacy_policy() -> None:
    text = spoken()["identification/energy/lille", "en"]
    assert text.startswith("Lille for Acme Energy about solar panels. Privacy: acme dot b e slash privacy.")


def test_an_operators_spoken_privacy_policy_goes_before_the_derived_one() -> None:
    assert "Privacy: acme punt b e." in spoken()["identification/energy/lille", "nl"]


def test_every_campaign_has_an_identification_for_every_centre_in_its_languages() -> None:
    kinds = {(name, language) for name, language in spoken() if names.kind(name) == names.IDENTIFICATION}
    assert kinds == {
        (f"identification/{campaign}/{centre}", language)
        for campaign, language in (("energy", "en"), ("energy", "nl"), ("care", "nl"))
        for centre in ("brussels", "lille")
    }


def test_whoever_calls_back_hears_of_every_centre_that_may_call_and_of_no_other() -> None:
    campaigns = (replace(ENERGY, centres=("lille", "brussels")), replace(CARE, centres=("lille",)))
    texts = spoken(replace(SPEC, campaigns=campaigns))
    assert "from which Brussels, Lille call for Acme Energy about solar panels" in texts["callback/energy", "en"]
    assert "Lille" in texts["callback/care", "nl"]
    assert "Brussels" not in texts["callback/care", "nl"]
    assert not any(names.kind(name) == names.CALLBACK for name, _ in spoken())


def test_only_a_campaign_that_records_asks() -> None:
    asked = {name for name, _ in spoken() if names.kind(name) == names.QUESTION}
    assert asked == {"question/energy"}


def test_callees_are_spoken_to_in_the_languages_of_campaigns_and_agents_in_theirs() -> None:
    heard = {(names.kind(name), language) for name, language in spoken()}
    assert {language for kind, language in heard if kind == "callee"} == {"en", "nl"}
    assert {language for kind, language in heard if kind in {"agent", "blocked"}} == {"fr"}


def test_no_name_is_spoken_twice() -> None:
    lines = script(SPEC)
    assert len({(line.name, line.language) for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (
            replace(SPEC, campaigns=(replace(ENERGY, company="Acme [[Energy]]"),)),
            "campaign energy: company: a voice could take '[' for a command",
        ),
        (
            replace(SPEC, campaigns=(replace(ENERGY, company="Acme \x01200S"),)),
            r"campaign energy: company: a voice could take '\\x01' for a command",
        ),
        (
            replace(SPEC, campaigns=(replace(ENERGY, purpose={"nl": "zonnepanelen"}),)),
            "campaign energy: purpose in 'en': is empty",
        ),
        (
            replace(SPEC, campaigns=(replace(ENERGY, privacy_url=""),)),
            "campaign energy: privacy policy: '': cannot be read out by rule",
        ),
        (
            replace(SPEC, campaigns=(replace(ENERGY, languages=("es",)),)),
            "campaign energy: language 'es' is not spoken here: choose of de, en, fr, nl",
        ),
        (replace(SPEC, agent_languages=("xx",)), "agents: language 'xx' is not spoken here"),
        (replace(SPEC, centres=(Centre("../x", "X"),)), "'../x': an id is part of file names"),
        (replace(SPEC, centres=(Centre("x", "a" * 401),)), "centre x: spoken name: 401 characters"),
        (replace(SPEC, overrides=Path("/nowhere")), "/nowhere: no such directory of texts and recordings"),
    ],
)
def test_what_cannot_be_spoken_is_named_with_its_place(spec: BuildSpec, fault: str) -> None:
    with pytest.raises(ScriptError, match=fault.replace("[", r"\[")):
        script(spec)


def test_a_file_of_no_language_is_named(tmp_path: Path) -> None:
    (tmp_path / "english.toml").touch()
    with pytest.raises(ScriptError, match=r"english\.toml: is named after no language"):
        script(replace(SPEC, overrides=tmp_path))


def test_a_recording_of_one_campaign_is_taken_for_that_campaign_alone(tmp_path: Path) -> None:
    recording = tmp_path / "nl" / "identification" / "care.wav"
    recording.parent.mkdir(parents=True)
    recording.touch()
    lines = script(replace(SPEC, overrides=tmp_path))
    assert {line.name for line in lines if line.recording == recording} == {
        "identification/care/brussels",
        "identification/care/lille",
    }
    assert {line.recording for line in lines} == {None, recording}


def test_a_key_for_another_language_is_told_in_that_language() -> None:
    offering = replace(ENERGY, language_keys={"4": "nl"})
    assert spoken(BuildSpec((offering,), CENTRES, ("fr",)))["language/energy/4", "nl"] == "Nederlands: toets 4."
