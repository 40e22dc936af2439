"""A short document of tables, once as a value and three ways to hand it over: JSON, Markdown, a page to print.

The page needs nothing but itself. Whatever stands in a cell is text, and is written as such.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from callgate.core.events import Json

TO_FILL_IN = "to be filled in"
"""Stands where something must be said that callgate does not know."""

_STYLE = """
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
h1 { font-size: 1.6em; } h2 { font-size: 1.25em; margin-top: 2em; break-after: avoid; }
table { border-collapse: collapse; width: 100%; } tr { break-inside: avoid; }
th, td { border: 1px solid #888; padding: .3em .5em; text-align: left; vertical-align: top; }
th { background: #eee; } .open { font-weight: bold; }
@media print { body { margin: 0; max-width: none; } }
"""


class Format(StrEnum):
    """How a document is handed over."""

    HTML = "html"
    JSON = "json"
    MARKDOWN = "md"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is said under it, and a table; every row has a cell for each column."""

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what is said first, and the sections. `facts` are for a machine and stand in the JSON alone."""

    title: str
    text: Sequence[str]
    sections: Sequence[Section]
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def open(self) -> list[str]:
        """Where something is to be filled in: the section, and the cells before it in its row."""
        return [
            ": ".join((section.title, *row[: row.index(TO_FILL_IN)]))
            for section in self.sections
            for row in section.rows
            if TO_FILL_IN in row
        ]


def as_json(document: Document) -> dict[str, Json]:
    """The document as a value for `json`."""
    sections: list[Json] = [
        {
            "title": section.title,
            "text": list(section.text),
            "rows": [dict(zip(section.columns, row, strict=True)) for row in section.rows],
        }
        for section in document.sections
    ]
    told: dict[str, Json] = {"title": document.title, "text": list(document.text), "sections": sections}
    return told | {"open": list(document.open)} | dict(document.facts)


def as_markdown(document: Document) -> str:
    """The document as Markdown with tables (GitHub's)."""
    return "\n".join(_markdown(document)) + "\n"


def _markdown(document: Document) -> Iterator[str]:
    yield f"# {_line(document.title)}"
    for text in document.text:
        yield f"\n{_line(text)}"
    for section in document.sections:
        yield f"\n## {_line(section.title)}"
        for text in section.text:
            yield f"\n{_line(text)}"
        if section.rows:
            yield f"\n| {' | '.join(map(_line, section.columns))} |"
            yield "|" + "---|" * len(section.columns)
            yield from (f"| {' | '.join(map(_line, row))} |" for row in section.rows)


def _line(text: str) -> str:
    """One line of text, in which nothing is markup."""
    plain = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\|<>`*_[]#" else char for char in plain)


def as_html(document: Document) -> str:
    """The document as a page to print."""
    body = "\n".join(_html(document))
    head = f'<meta charset="utf-8"><title>{html.escape(document.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _html(document: Document) -> Iterator[str]:
    yield f"<h1>{html.escape(document.title)}</h1>"
    yield from (f"<p>{html.escape(text)}</p>" for text in document.text)
    for section in document.sections:
        yield f"<h2>{html.escape(section.title)}</h2>"
        yield from (f"<p>{html.escape(text)}</p>" for text in section.text)
        if section.rows:
            heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in section.columns)
            yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
            yield from (f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows)
            yield "</tbody></table>"


def _cell(text: str) -> str:
    marked = ' class="open"' if text == TO_FILL_IN else ""
    return f"<td{marked}>{html.escape(text)}</td>"
