"""Which columns the files of each register have.

What is known of a layout, and from where, is said in docs/lists.md. Where a register may have changed a column, the
options of the command say so instead of the layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file has its numbers.

    `delimiter`: the byte between fields; None where it is to be found out. `column`: the field of the number, from 0;
    `spans`: how many fields the number takes. `most`: how many fields a record has at most, 0 for any. `change`: the
    field that says whether a number was added or deleted, for files of changes.
    """

    about: str
    delimiter: int | None = None
    column: int = 0
    spans: int = 1
    most: int = 0
    change: int | None = None
    quotes: bool = True
    xml: bool = False


_COMMA, _HASH = b",#"

TEXT = Layout("one number a line; # begins a comment", delimiter=_HASH, quotes=False)

LAYOUTS: Mapping[str, Layout] = {
    "text": TEXT,
    "csv": Layout("delimited columns; --column names the one with the number"),
    "be-dncm": Layout("Belgium, Do Not Call Me: number and date of registration"),
    "uk-tps": Layout("United Kingdom, TPS and CTPS: one national number a line, padded with spaces", quotes=False),
    "it-rpo": Layout("Italy, RPO: one national number a line", delimiter=_HASH, quotes=False),
    "us-ftc": Layout("United States: area code, number", delimiter=_COMMA, spans=2, most=2),
    "us-ftc-changes": Layout("United States: area code, number, time, A or D", delimiter=_COMMA, spans=2, change=3),
    "us-ftc-xml": Layout("United States: XML, the full list or changes", xml=True),
}

ADDED = frozenset({"a", "add", "added", "i", "insert", "+", "1"})
DELETED = frozenset({"d", "del", "delete", "deleted", "r", "remove", "removed", "-", "0"})
"""The words by which a field of changes says what happened, in lower case."""
