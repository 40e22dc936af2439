"""Documents of tables: the same content in three forms, and nothing in it that acts as markup."""

import json
from html.parser import HTMLParser

from callgate.core.document import TO_FILL_IN, Document, Section, as_html, as_json, as_markdown

HOSTILE = '<script>alert("1")</script> | [a](b) `c` & *d*'
DOCUMENT = Document(
    "Title",
    ("First.",),
    [
        Section("One", ("Said.",), ("what", "says"), [("name", "Acme"), ("officer", TO_FILL_IN)]),
        Section(HOSTILE, (HOSTILE,), ("what",), [(HOSTILE,)]),
        Section("Empty", ("None.",), ("what",), []),
    ],
    {"due": "2026-11-25"},
)


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_json_has_rows_by_column_what_is_open_and_the_facts() -> None:
    told = json.loads(json.dumps(as_json(DOCUMENT)))
    assert told["sections"][0]["rows"] == [
        {"what": "name", "says": "Acme"},
        {"what": "officer", "says": TO_FILL_IN},
    ]
    assert told["open"] == ["One: officer"]
    assert told["due"] == "2026-11-25"


def test_a_page_shows_text_as_text_and_needs_nothing_but_itself() -> None:
    page = Page()
    page.feed(as_html(DOCUMENT))
    assert "script" not in page.tags
    assert page.words.count(HOSTILE) == 3
    assert page.tags.count("table") == 2
    assert "http" not in as_html(DOCUMENT)


def test_markdown_has_a_line_per_row_in_which_nothing_is_markup() -> None:
    lines = as_markdown(DOCUMENT).splitlines()
    assert "| name | Acme |" in lines
    hostile = lines[-5]
    assert "\\|" in hostile
    assert "\\<script\\>" in hostile
    assert "\\`c\\`" in hostile
    assert not [line for line in lines if line.count("|") - line.count("\\|") > 3]
