"""The report of a bundle: one HTML file that a person can read and print, with nothing from elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from callgate.core import phone
from callgate.core.events import Json
from callgate.evidence.plots import bars, stacked
from callgate.evidence.statistics import Statistics
from callgate.stores.schema import Entry

TOLD_AT_MOST = 500
"""How many events of one person or call the report tells one by one; all of them are in `events.jsonl`."""

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1a202c;max-width:52rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #cbd5e0}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid #e2e8f0;vertical-align:top;overflow-wrap:anywhere}
svg text{font:12px system-ui,sans-serif;fill:#1a202c}
code{overflow-wrap:anywhere}@media print{body{margin:0}h2{break-after:avoid}tr,svg{break-inside:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the report tells it. The number is masked."""

    seq: int
    at: str
    kind: str
    number: str
    what: str


def told(entry: Entry) -> Told:
    """What the report says of an entry."""
    event = entry.event
    said = event.payload
    what = " ".join(str(said[key]) for key in ("outcome", "reason", "by", "scope", "answer", "seconds") if key in said)
    number = phone.mask(event.number) if event.number else "(gone)" if entry.gone else ""
    return Told(entry.seq, event.at.strftime("%Y-%m-%d %H:%M:%S"), event.kind, number, what)


@dataclass(frozen=True, slots=True)
class Contents:
    """What the report is made of. `contracts` and `lists` are rows of named cells."""

    manifest: Mapping[str, Json]
    statistics: Statistics
    events: Sequence[Told]
    policies: Sequence[Mapping[str, Json]]
    contracts: Sequence[Mapping[str, Json]]
    lists: Sequence[Mapping[str, Json]]


def report(of: Contents) -> str:
    """The whole page."""
    parts = [_about(of.manifest), _figures(of.statistics)]
    if of.events:
        cells = [(str(one.seq), one.at, one.kind, one.number, one.what) for one in of.events]
        parts.append(_section("What happened", _table(("event", "at (UTC)", "kind", "number", "what"), cells)))
    parts += [_prompts(of.statistics), _policies(of.policies)]
    parts.append(_section("Contracts and transfers", _rows(of.contracts)))
    parts.append(_section("National lists, as they are now", _rows(of.lists)))
    parts.append(_checking())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evidence</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style></head><body>'
        f"<h1>Evidence from the ledger of callgate</h1>{''.join(parts)}</body></html>\n"
    )


def _about(manifest: Mapping[str, Json]) -> str:
    selection = manifest["selection"]
    asked = selection if isinstance(selection, dict) else {}
    rows = [
        ("made", str(manifest["made"])),
        ("by", str(manifest["by"])),
        ("ledger", str(manifest["ledger"])),
        ("signed by the key", str(manifest["signer"])),
        ("from", str(asked.get("since") or "the beginning")),
        ("until", str(asked.get("until") or "now")),
        ("controller", str(asked.get("controller") or "all")),
        ("person", "one, named to callgate" if asked.get("person") else "all"),
        ("call", str(asked.get("call") or "all")),
        ("events shown", str(manifest["shown"])),
        ("events in that span in all", str(int(str(manifest["last"])) - int(str(manifest["first"])) + 1)),
    ]
    return _section("What this is", _table(("", ""), rows))


def _figures(statistics: Statistics) -> str:
    objected = sum(statistics.objections.values())
    waits = sorted(statistics.waits)
    sentences = [
        f"{objected} objections. Calls to these people for the same company afterwards: {statistics.blocked_after}"
        f" blocked, {statistics.allowed_after} allowed (a consent of the person's own may come later).",
        "An objection is in force for every call that is asked for after it was committed; there is no time between."
        + (f" The first dial that met one came {waits[0]:.0f} seconds after it." if waits else ""),
    ]
    return "".join(
        (
            _section("Verdicts by day and reason (UTC)", stacked(statistics.verdicts, "Verdicts by day and reason")),
            _section("Notices", bars(statistics.notices, "Notices played to their end")),
            _section("Recording: what callees answered", bars(statistics.refusals, "Consents and refusals")),
            _section(
                "Objections",
                "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
                + bars(statistics.objections, "Objections by the way they came"),
            ),
        )
    )


def _prompts(statistics: Statistics) -> str:
    cells = [
        (heard.name, heard.language, heard.text, f"{heard.whole} of {heard.played}", audio)
        for audio, heard in sorted(statistics.heard.items(), key=lambda item: (item[1].name, item[1].language))
    ]
    return _section(
        "What callees heard", _table(("prompt", "language", "words", "to its end", "SHA-256 of the audio"), cells)
    )


def _policies(policies: Sequence[Mapping[str, Json]]) -> str:
    written = []
    for policy in policies:
        parts = policy["parts"]
        texts = (json.loads(str(part)) for part in (parts if isinstance(parts, list) else ()))
        shown = "\n".join(json.dumps(text, indent=1, ensure_ascii=False) for text in texts)
        summary = f"Policy {escape(str(policy['version']))}"
        written.append(f"<details><summary>{summary}</summary><pre>{escape(shown)}</pre></details>")
    return _section("Policies in force", "".join(written) or "<p>None was entered in this time.</p>")


def _checking() -> str:
    return _section(
        "How to check it",
        "<p>With Python 3.9 or later and nothing else: take <code>verify.py</code> from a source that you trust, and"
        " run <code>python3 verify.py BUNDLE --anchor FILE</code>, where FILE holds the lines that you received from"
        " the ledger's keeper over time. It says what it checked, and what it cannot show. This page and its figures"
        " are signed; what happened is proven by the events themselves.</p>",
    )


def _rows(rows: Sequence[Mapping[str, Json]]) -> str:
    if not rows:
        return "<p>None.</p>"
    return _table(tuple(rows[0]), [tuple("" if cell is None else str(cell) for cell in row.values()) for row in rows])


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>"
