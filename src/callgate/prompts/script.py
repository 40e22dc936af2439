"""What is to be spoken: every line, in every language that somebody hears it in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callgate.prompts import names
from callgate.prompts.errors import ScriptError
from callgate.prompts.speech import Voice
from callgate.prompts.texts import Language, Wording, as_spoken, languages, load, speech_faults, spoken_address


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as a callee hears of it.

    `purpose` is by language. `privacy_policy` says by language how the place of the privacy policy is spoken; for a
    language that it leaves out, this is derived from `privacy_url`. `centres` are those that may call for it; one that
    none may call for has nobody who calls back. `language_keys`: the languages to which a key changes; they are among
    its `languages`.
    """

    id: str
    languages: tuple[str, ...]
    company: str
    purpose: Mapping[str, str]
    recording: bool
    privacy_policy: Mapping[str, str] = field(default_factory=dict)
    privacy_url: str = ""
    centres: tuple[str, ...] = ()
    language_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Centre:
    """A call centre and the name that callees hear."""

    id: str
    spoken: str


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What to build prompts for. `overrides` is the operator's directory of texts and recordings."""

    campaigns: tuple[Campaign, ...]
    centres: tuple[Centre, ...]
    agent_languages: tuple[str, ...]
    overrides: Path | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One prompt to be: spoken by `voice`, unless there is a recording of it."""

    name: str
    language: str
    text: str
    voice: Voice
    recording: Path | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A prompt and the names under which its text or recording is looked for, most specific first."""

    name: str
    language: str
    keys: tuple[str, ...]
    fields: Mapping[str, str]


def script(spec: BuildSpec) -> tuple[Line, ...]:
    """Every line that `spec` needs, in a stable order. Raises ScriptError with every fault."""
    faults = list(_spec_faults(spec))
    if faults:
        raise ScriptError(faults)
    wanted = tuple(_wanted(spec))
    lines: list[Line] = []
    for code in sorted({prompt.language for prompt in wanted}):
        asked = [prompt for prompt in wanted if prompt.language == code]
        try:
            wording = load(code, spec.overrides, frozenset(key for prompt in asked for key in prompt.keys))
        except ScriptError as error:
            faults += error.faults
            continue
        lines += (_line(prompt, wording) for prompt in asked)
    if faults:
        raise ScriptError(faults)
    return tuple(lines)


def _line(prompt: _Wanted, wording: Wording) -> Line:
    template, recording = wording.find(prompt.keys)
    language = languages()[prompt.language]
    to_agent = names.kind(prompt.name) in {"agent", "blocked"}
    voice = Voice(language.voice, language.agent if to_agent else language.callee)
    return Line(prompt.name, prompt.language, template.substitute(prompt.fields), voice, recording)


def _wanted(spec: BuildSpec) -> Iterator[_Wanted]:
    for code in sorted({code for campaign in spec.campaigns for code in campaign.languages}):
        yield from (_Wanted(name, code, (name,), {}) for name in names.Callee)
    for code in sorted(set(spec.agent_languages)):
        yield from (_Wanted(name, code, (name,), {}) for name in (*names.Agent, *names.BLOCKED))
    for campaign in spec.campaigns:
        for code in campaign.languages:
            yield from _notices(campaign, languages()[code], spec.centres)
        for key, code in campaign.language_keys.items():
            name = names.language(campaign.id, key)
            yield _Wanted(name, code, (name, name.rpartition("/")[0], names.LANGUAGE), {"key": key})


def _notices(campaign: Campaign, language: Language, centres: tuple[Centre, ...]) -> Iterator[_Wanted]:
    about = {
        "company": as_spoken(campaign.company),
        "purpose": as_spoken(campaign.purpose[language.code]),
        "privacy_policy": as_spoken(_privacy_policy(campaign, language)),
    }
    for centre in centres:
        name = names.identification(campaign.id, centre.id)
        fields = {"centre": as_spoken(centre.spoken), **about}
        yield _Wanted(name, language.code, (name, name.rpartition("/")[0], names.IDENTIFICATION), fields)
    calling = [as_spoken(centre.spoken) for centre in centres if centre.id in campaign.centres]
    if calling:
        name = names.callback(campaign.id)
        yield _Wanted(name, language.code, (name, names.CALLBACK), {"centres": ", ".join(calling), **about})
    if campaign.recording:
        name = names.question(campaign.id)
        yield _Wanted(name, language.code, (name, names.QUESTION), {})


def _privacy_policy(campaign: Campaign, language: Language) -> str:
    return campaign.privacy_policy.get(language.code) or spoken_address(campaign.privacy_url, language)


_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _spec_faults(spec: BuildSpec) -> Iterator[str]:
    for name in (*(campaign.id for campaign in spec.campaigns), *(centre.id for centre in spec.centres)):
        if not _ID.fullmatch(name):
            yield f"{name!r}: an id is part of file names: use a-z, 0-9, - and _"
    for centre in spec.centres:
        yield from speech_faults(f"centre {centre.id}: spoken name", centre.spoken)
    for code in spec.agent_languages:
        if code not in languages():
            yield _unknown_language("agents", code)
    for campaign in spec.campaigns:
        yield from speech_faults(f"campaign {campaign.id}: company", campaign.company)
        for code in campaign.languages:
            yield from _campaign_faults(campaign, code)
    if spec.overrides is not None:
        yield from _strangers(spec.overrides)


def _campaign_faults(campaign: Campaign, code: str) -> Iterator[str]:
    place = f"campaign {campaign.id}"
    language = languages().get(code)
    if language is None:
        yield _unknown_language(place, code)
        return
    yield from speech_faults(f"{place}: purpose in {code!r}", campaign.purpose.get(code, ""))
    try:
        yield from speech_faults(f"{place}: privacy policy in {code!r}", _privacy_policy(campaign, language))
    except ScriptError as error:
        yield from (f"{place}: privacy policy: {fault}" for fault in error.faults)


def _unknown_language(place: str, code: str) -> str:
    return f"{place}: language {code!r} is not spoken here: choose of {', '.join(sorted(languages()))}"


def _strangers(overrides: Path) -> Iterator[str]:
    """What lies in the operator's directory and belongs to no language."""
    if not overrides.is_dir():
        yield f"{overrides}: no such directory of texts and recordings"
        return
    for entry in sorted(overrides.iterdir()):
        if not entry.name.startswith(".") and entry.name.removesuffix(".toml") not in languages():
            yield f"{entry}: is named after no language: use one of {', '.join(sorted(languages()))}"
