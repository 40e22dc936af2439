"""Reads the configuration: every error at once, each with its line, and nothing half-loaded."""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from callgate import rules
from callgate.config import law, names
from callgate.config.settings import CampaignTable, Settings
from callgate.core import emergency, lines, policy
from callgate.core.consent import Manner
from callgate.core.law.daysoff import has_holidays
from callgate.core.law.transfers import Signed
from callgate.core.policy import Policy

SECRET_BYTES = 16
"""A key shorter than this could be guessed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, and what would be right."""

    place: str
    says: str

    def __str__(self) -> str:
        return f"{self.place}: {self.says}"


class BadConfig(Exception):
    """The configuration cannot be used; `problems` names everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `path`, with `CALLGATE__TABLE__KEY` of the environment over it. Raises `BadConfig` with every problem."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise BadConfig([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise BadConfig([Problem(str(path), "is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadConfig([_syntax(path, error)]) from None
    places = lines.index(text)

    def place(at: tuple[str | int, ...]) -> str:
        line = lines.line_of(places, at)
        dotted = ".".join(map(str, at))
        return f"{path}:{line}: {dotted}" if line else f"{path}: {dotted}"

    written = _overlaid(raw, environment)
    try:
        settings = Settings.model_validate(written)
    except ValidationError as error:
        wrong = [(found["loc"], _say(found)) for found in error.errors()]
        wrong += (unknown for unknown in names.unknown(written) if unknown[0] not in dict(wrong))
        raise BadConfig([Problem(place(at), says) for at, says in wrong]) from None
    if misfits := [Problem(place(at), says) for at, says in _misfits(settings)]:
        raise BadConfig(misfits)
    return settings


def _unspoken(settings: Settings, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a campaign's notice would have to say, and cannot."""
    campaign = settings.campaigns[name]
    controller = settings.controllers.get(campaign.controller)
    if campaign.without_consent == "end" and not campaign.record:
        says = "ends calls without consent, and record = false asks nobody for it: every call would end"
        yield ("campaigns", name, "without_consent"), says
    for language in sorted({*campaign.languages.values(), *campaign.language_keys.values()}):
        if language not in campaign.spoken_purpose:
            yield ("campaigns", name, "spoken_purpose"), f"says nothing in {language}, which its notice uses"
        if controller and language not in controller.privacy_policy:
            says = f"says nothing in {language}, which the campaign {name} uses"
            yield ("controllers", campaign.controller, "privacy_policy"), says


def _syntax(path: Path, error: tomllib.TOMLDecodeError) -> Problem:
    found = re.search(r"\(at line (\d+)", str(error))
    place = f"{path}:{found[1]}" if found else str(path)
    return Problem(place, f"not TOML: {str(error).split(' (at')[0]}")


def _say(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        return "no such key; see docs/configuration.md for those there are"
    if found["type"] == "missing":
        return "is missing"
    got = found["input"]
    shown = f", not {_hidden(repr(got))}" if isinstance(got, str | int | float | bool) else ""
    return f"{found['msg'].removeprefix('Value error, ')}{shown}"


def _overlaid(raw: dict[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    """The file with `CALLGATE__REDIS__URL=…` and the like laid over it: one table deep, as containers need."""
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in raw.items()}
    for name, value in environment.items():
        parts = name.split("__")
        if parts[0] == "CALLGATE" and len(parts) == 3:
            table = merged.setdefault(parts[1].lower(), {})
            if isinstance(table, dict):
                table[parts[2].lower()] = value
    return merged


def _misfits(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is well formed and still cannot work."""
    try:
        emergency.numbers(settings.site.country)
    except ValueError as error:
        yield ("site", "country"), str(error)
    for (table, name, key), says in policy.problems(to_policy(settings)):
        if table == "mandates":
            number = [f"{m.controller}/{m.centre}" for m in settings.mandates].index(name)
            yield (table, number, key), says
        else:
            yield (table, name, key), says
    yield from law.problems(settings.law)
    called = {country for campaign in settings.campaigns.values() for country in campaign.languages}
    days, country = law.longest_cap(law.book(settings.law), sorted(called))
    if settings.retention.contact_days < days:
        yield (
            ("retention", "contact_days"),
            f"attempts to call somebody in {country} count for {days} days, and are found in the ledger so long as it"
            " keeps contacts",
        )
    yield from _misfitting_terms(settings)
    pairs = [(mandate.controller, mandate.centre) for mandate in settings.mandates]
    for number, pair in enumerate(pairs):
        if pair in pairs[:number]:
            yield (
                ("mandates", number, "centre"),
                f"a second mandate of {pair[0]} for {pair[1]}; keep the one in force",
            )
    for name in settings.campaigns:
        yield from _unspoken(settings, name)
    yield from _strangers(settings)
    yield from _seats(settings)
    http = settings.http
    on_loopback = http.listen.startswith(("127.", "localhost:", "[::1]:"))
    if not (on_loopback or http.published_on_loopback or http.tls_key or http.trusted_proxies):
        yield (
            ("http", "listen"),
            "is not on loopback, and passwords would cross the network in the clear: name tls_certificate and tls_key,"
            " or the trusted_proxies that do TLS; in a container whose port is published on loopback only, say"
            " published_on_loopback = true",
        )


def _misfitting_terms(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    longest = settings.retention.recording_days
    for name, days in settings.retention.recording_days_of.items():
        place = ("retention", "recording_days_of", name)
        if name not in settings.campaigns:
            yield place, "there is no such campaign"
        elif days > longest:
            yield place, f"is longer than recording_days: what opens a recording goes after {longest} days"


def _strangers(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    known = ", ".join(sorted(settings.controllers))
    for name, partner in settings.partners.items():
        for controller in sorted(partner.controllers - settings.controllers.keys()):
            yield ("partners", name, "controllers"), f"no controller {controller!r}; known are {known}"
    for name, hook in settings.hooks.items():
        for controller in sorted((hook.controllers or frozenset()) - settings.controllers.keys()):
            yield ("hooks", name, "controllers"), f"no controller {controller!r}; known are {known}"


def _seats(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for name, controller in settings.controllers.items():
        if controller.country is not None and not has_holidays(controller.country):
            says = f"the holidays of {controller.country} are not known; leave it out, and those of the site count"
            yield ("controllers", name, "country"), says


def to_policy(settings: Settings) -> Policy:
    """The part of the settings that decides about calls, with a version that names exactly this content."""
    return Policy(
        version=_version(settings),
        home=settings.site.country,
        outside_line=settings.site.outside_line,
        controllers={
            name: policy.Controller(name, table.name, dict(table.privacy_policy), table.country or "")
            for name, table in settings.controllers.items()
        },
        centres={
            name: policy.Centre(
                name,
                table.name,
                table.country,
                table.language,
                Signed(table.clauses.reference, table.clauses.signed, table.clauses.expires) if table.clauses else None,
                table.certified,
                table.status == "suspended",
            )
            for name, table in settings.centres.items()
        },
        campaigns={name: _campaign(name, table) for name, table in settings.campaigns.items()},
        mandates={
            (table.controller, table.centre): policy.Mandate(
                **table.model_dump(exclude={"annexes"}) | {"under": table.under or ""}
            )
            for table in settings.mandates
        },
        lists={
            name: policy.ListRule(name, **table.model_dump(exclude={"fetch"})) for name, table in settings.lists.items()
        },
        law=law.book(settings.law),
        transfers=rules.transfers(),
    )


_MANNER = frozenset({"question_times", "answer_seconds", "language_keys", "without_consent"})


def _campaign(name: str, table: CampaignTable) -> policy.Campaign:
    manner = Manner(
        times=table.question_times,
        answer_s=table.answer_seconds,
        languages=dict(table.language_keys),
        goes_on=table.without_consent == "continue",
    )
    return policy.Campaign(id=name, manner=manner, **table.model_dump(exclude=set(_MANNER)))


def _version(settings: Settings) -> str:
    """Names the tables that decide about calls, and the packs that came with this callgate."""
    tables = settings.model_dump(include={"site", "controllers", "centres", "campaigns", "mandates", "lists", "law"})
    written = json.dumps(_ordered(tables), sort_keys=True, default=str)
    return hashlib.sha256(written.encode() + rules.digest()).hexdigest()[:12]


def _ordered(value: object) -> object:
    """Sets as lists in one order, since that in which Python shows them changes from run to run."""
    if isinstance(value, dict):
        return {str(key): _ordered(part) for key, part in value.items()}
    if isinstance(value, frozenset):
        return sorted((_ordered(part) for part in value), key=str)
    if isinstance(value, list | tuple):
        return [_ordered(part) for part in value]
    return value


def read_secret(path: Path) -> bytes:
    """A key from a file, without the white space around it. Raises `BadConfig`."""
    try:
        secret = path.read_bytes().strip()
        mode = path.stat().st_mode
    except OSError as error:
        raise BadConfig([Problem(str(path), f"the secret cannot be read: {error.strerror}")]) from None
    if len(secret) < SECRET_BYTES:
        raise BadConfig([Problem(str(path), f"a secret has {SECRET_BYTES} bytes or more, not {len(secret)}")])
    if mode & 0o007:
        raise BadConfig([Problem(str(path), "others than owner and group may use this secret: chmod o-rwx")])
    return secret


def redacted(settings: Settings) -> str:
    """The settings as JSON for a person's eyes: passwords in URLs are hidden; secrets are files and never in it."""
    return _hidden(settings.model_dump_json(indent=2))


def _hidden(text: str) -> str:
    """The text without the passwords of its URLs."""
    return re.sub(r'(://[^:/@"]*:)(?:[^"\\]|\\.)*@', r"\1•••@", text)
