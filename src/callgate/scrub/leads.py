"""How a lead file is written, and which of its columns has the number.

The bytes of a lead are never changed. So a file in UTF-16 is refused: its records could not be told apart without being
recoded. A byte-order mark of UTF-8 is kept, before everything else.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from callgate.core.records import Shape, split
from callgate.registers import sniff
from callgate.registers.errors import FileRefused
from callgate.registers.reading import is_heading, place

CHUNK = 4 << 20
"""Bytes at a time: some ten thousands of leads, that a list is searched for together."""

HEADINGS = frozenset(
    (
        "gsm", "handynummer", "mobiel", "mobile", "mobile_number", "móvil", "msisdn", "number", "numero", "numéro",
        "phone", "phone_number", "phonenumber", "tel", "telefon", "telefono", "telefonnummer", "telefoon",
        "telefoonnummer", "telephone", "telephone_number", "teléfono", "téléphone",
    )
)  # fmt: skip
"""Headings, in lower case, under which numbers stand where nobody says which column it is."""


@dataclass(frozen=True, slots=True)
class Leads:
    """A lead file that was begun: how it is written, where its numbers stand, and its content from the first record on.

    `mark` is its byte-order mark, or nothing; `headed` says whether the first record is its headings.
    """

    shape: Shape
    column: int
    headed: bool
    mark: bytes
    content: Iterator[bytes]


def begin(file: BinaryIO, column: str | None) -> Leads:
    """Look at the first records. `column` names the number's column by heading or number. Raises `FileRefused`."""
    first = b""
    while len(first) < sniff.SAMPLE and (chunk := file.read(CHUNK)):
        first += chunk
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRefused("the leads are in UTF-16; save them as CSV in UTF-8")
    mark = codecs.BOM_UTF8 if first.startswith(codecs.BOM_UTF8) else b""
    first = first.removeprefix(mark)
    shape = sniff.shape_of(first[: sniff.SAMPLE])
    records, _ = split(first[: sniff.SAMPLE], shape, last=True)
    if not len(records):
        raise FileRefused("the file holds no leads")
    headings = [records.field(place).text(0) for place in range(int(records.widths()[0]))]
    chosen = place(column, headings) if column else _obvious(headings)
    named = column is not None and not column.isdecimal()
    headed = named or (chosen < len(headings) and is_heading(headings[chosen]))
    return Leads(shape, chosen, headed, mark, chain([first], _chunks(file)))


def _obvious(headings: list[str]) -> int:
    if len(headings) == 1:
        return 0
    known = [at for at, heading in enumerate(headings) if heading.casefold() in HEADINGS]
    if len(known) != 1:
        shown = ", ".join(headings) if all(map(is_heading, headings)) else f"there are {len(headings)} columns"
        raise FileRefused(f"say with --column which column has the number: {shown}")
    return known[0]


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
