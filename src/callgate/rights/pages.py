"""The documents of rights as pages: read on any screen, printed on paper, in the person's language, without a script.

What the ledger says is shown as it says it; only the words around it are translated. Everything is escaped: names,
notes and proofs come from outside.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from callgate.core.reasons import Reason
from callgate.prompts import texts as spoken
from callgate.prompts.names import blocked
from callgate.rights import certificate as certificates
from callgate.rights.access import OTHER, SECTIONS

Texts = Mapping[str, Mapping[str, str]]
Facts = list[tuple[str, str]]

_SHOWN_APART = frozenset({"at", "event"})


@dataclass(frozen=True, slots=True)
class _Record:
    title: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    records: list[_Record]


@cache
def texts(language: str) -> Texts:
    """The words of one language (nl, fr, de or en)."""
    return tomllib.loads((files(__package__) / "texts" / f"{language}.toml").read_text("utf-8"))


def access_page(document: Mapping[str, Any]) -> str:
    """The document of `rights.access` as HTML."""
    language = str(document["language"])
    text = texts(language)
    controller, identity = document["controller"], document["identity"]
    head = [
        (text["page"]["controller"], controller["name"]),
        (text["page"]["privacy_policy"], controller["privacy_policy"].get(language, "")),
        (text["page"]["person"], document["person"]["number"]),
        (text["page"]["made"], _moment(document["made"])),
        (text["page"]["request"], document["request"]),
    ]
    if identity:
        checked = f"{_moment(identity['at'])}, {text['page']['by']} {identity['by']}: {identity['how']}"
        head.append((text["page"]["identified"], checked))
    sections = [
        _Section(text["sections"][name], [_record(one, text, language) for one in document[name]])
        for name in (*SECTIONS, OTHER)
    ]
    sections += [
        _Section(text["sections"][name], [_Record("", _facts(one)) for one in document[name]])
        for name in ("recipients", "sources", "purposes")
    ]
    terms = [(text["what"][name], f"{days} {text['page']['days']}") for name, days in document["terms"].items()]
    sections.append(_Section(text["sections"]["terms"], [_Record("", terms)]))
    return _render(
        "access.html", language, text["page"]["access"], name=controller["name"], head=head, sections=sections
    )


def certificate_page(certificate: dict[str, str]) -> str:
    """A certificate of erasure as HTML."""
    said = certificates.said(certificate)
    language = str(said["language"])
    text, name = texts(language), said["controller"]["name"]
    page = text["page"]
    identity = said["identified"]
    head = [
        (page["controller"], name),
        (page["person"], said["person"]),
        (page["request"], said["request"]),
        (page["received"], said["received"]),
        (page["due"], said["due"]),
        *([(page["extended"], said["extended"])] if said["extended"] else []),
        *([(page["identified"], f"{_moment(identity['at'])}, {page['by']} {identity['by']}")] if identity else []),
        (page["closed"], _moment(said["closed"])),
    ]
    erased, kept = ([_certified(one, text) for one in said[part]] for part in ("erased", "kept"))
    signature = [("Ed25519", certificate["signer"]), (page["signature"], certificate["signature"])]
    made = {"name": name, "head": head, "erased": erased, "kept": kept, "signature": signature}
    return _render("certificate.html", language, page["certificate"], **made)


def _certified(one: Mapping[str, Any], text: Texts) -> _Record:
    page = text["page"]
    # A partner's name is its own.
    facts = [("", one["where"] if "answer" in one else text["where"][one["where"]])]
    if "at" in one:
        facts.append((_moment(one["at"]), f"{page['by']} {one['by']}"))
    if "answer" in one:
        facts.append(("", text["answers"].get(one["answer"], one["answer"])))
    if "basis" in one:
        facts.append((one["basis"], f"{page['until']} {one['until']}" if one["until"] else page["no_end"]))
    facts += [(text["events"].get(kind, kind), str(count)) for kind, count in (one.get("events") or {}).items()]
    facts += [(text["sections"]["recordings"], str(one["files"]))] if "files" in one else []
    return _Record(text["what"][one["what"]], facts)


def _record(one: Mapping[str, Any], text: Texts, language: str) -> _Record:
    title = f"{_moment(one['at'])}: {text['events'].get(one['event'], one['event'])}"
    facts = _facts({key: value for key, value in one.items() if key not in _SHOWN_APART})
    if sentence := _sentence(one.get("reason"), language):
        facts.insert(0, ("", sentence))
    return _Record(title, facts)


@cache
def _spoken(language: str) -> spoken.Wording:
    return spoken.load(language, None, frozenset())


def _sentence(reason: object, language: str) -> str:
    """What an agent hears of a block, in the person's language."""
    blocks = {member.value for member in Reason if blocked(member) in _spoken(language).templates}
    return _spoken(language).templates[blocked(Reason(str(reason)))].template if reason in blocks else ""


def _facts(values: Mapping[str, Any]) -> Facts:
    """What is said, a line for each thing that is; what is nested keeps the names that lead to it."""
    return [(name.replace("_", " "), said) for name, said in _flat("", values)]


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name} {key}".strip(), inner)
    elif isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        for at, inner in enumerate(value, 1):
            yield from _flat(f"{name} {at}", inner)
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    elif value is not None and value != "":
        yield name, json.dumps(value) if isinstance(value, bool) else str(value)


def _moment(written: str) -> str:
    return f"{datetime.fromisoformat(written):%Y-%m-%d %H:%M} UTC"


@cache
def _environment() -> Environment:
    loader = PackageLoader("callgate.rights")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _render(template: str, language: str, title: str, **values: object) -> str:
    return _environment().get_template(template).render(language=language, title=title, text=texts(language), **values)
