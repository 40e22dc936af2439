"""A register's text → its numbers, block by block, with every broken line counted and some of them described.

What is described is a line's number in the file, its length and its fault; never what stands in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from callgate.core import bulk, written
from callgate.core.bulk import Fields, Mask, Numbers
from callgate.core.phone import NotANumber
from callgate.core.records import Records, RecordTooLong, Shape, split
from callgate.registers import sniff
from callgate.registers.errors import FileRefused, Flaw
from callgate.registers.layouts import ADDED, DELETED, Layout

SAMPLES = 5
"""Broken lines that are described."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read.

    `country` (ISO 3166) is where national numbers are of; `bare`: calling codes are written without a plus. `column`
    and `change` name a field by its heading or by its number from 1, and stand before what the layout says.
    """

    layout: Layout
    country: str
    bare: bool = False
    column: str | None = None
    change: str | None = None


@dataclass(slots=True)
class Tally:
    """What came of the lines: how many there were, how many were broken, and what was wrong with the first."""

    lines: int = 0
    broken: int = 0
    samples: list[str] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many more broken lines may be described."""
        return SAMPLES - len(self.samples)


@dataclass(frozen=True, slots=True)
class Part:
    """Numbers in the order of the file; `added`, in a file of changes, says of each whether it was added or deleted."""

    numbers: Numbers
    added: Mask | None = None


def parts(chunks: Iterator[bytes], reading: Reading, tally: Tally) -> Iterator[Part]:
    """The numbers of a delimited or plain file. Raises `FileRefused`."""
    content = sniff.as_ascii_superset(chunks)
    first = b""
    while len(first) < sniff.SAMPLE and (more := next(content, b"")):
        first += more
    if not first:
        return
    shape = sniff.shape_of(first[: sniff.SAMPLE], reading.layout.delimiter, reading.layout.quotes)
    columns: _Columns | None = None
    lines = 0
    for records in blocks(chain([first], content), shape):
        rows = records
        if columns is None and len(records):
            columns, headed = _columns(records, reading)
            rows = records.at(np.arange(len(records)) >= headed)
        if columns is not None:
            yield _part(rows, columns, reading, tally, lines)
        lines += records.lines


def blocks(content: Iterator[bytes], shape: Shape) -> Iterator[Records]:
    """The records of a stream, as many at a time as come. Raises `FileRefused`."""
    rest = b""
    lines = 0
    coming = next(content, None)
    while coming is not None:
        following = next(content, None)
        block = rest + coming
        try:
            records, used = split(block, shape, last=following is None)
        except RecordTooLong as error:
            raise FileRefused(f"line {lines + error.line + 1}: {error}", Flaw.DAMAGED) from None
        yield records
        lines += records.lines
        rest, coming = block[used:], following


# Columns.


@dataclass(frozen=True, slots=True)
class _Columns:
    number: int
    change: int | None


def _columns(records: Records, reading: Reading) -> tuple[_Columns, int]:
    """Which fields count, and how many records are headings."""
    headings = [records.field(column).text(0) for column in range(int(records.widths()[0]))]
    number = place(reading.column, headings) if reading.column else reading.layout.column
    change = place(reading.change, headings) if reading.change else reading.layout.change
    named = reading.column is not None and not reading.column.isdecimal()
    headed = named or (number < len(headings) and is_heading(headings[number]))
    return _Columns(number, change), int(headed)


def place(wanted: str, headings: list[str]) -> int:
    """Which column is meant, from 0: by its heading or by its number from 1. Raises `FileRefused`."""
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted) - 1
    folded = [heading.casefold() for heading in headings]
    if folded.count(wanted.casefold()) != 1:
        shown = ", ".join(headings) if all(map(is_heading, headings)) else "no headings"
        raise FileRefused(
            f"no single column {wanted!r}; the first line has {shown}. A column may be named by its number"
        )
    return folded.index(wanted.casefold())


def is_heading(text: str) -> bool:
    """Whether the field names its column, as "Phone 2" does: it has a letter, and not the digits of a number."""
    return any(map(str.isalpha, text)) and sum(map(str.isdecimal, text)) <= 2


# Numbers.


def _part(records: Records, columns: _Columns, reading: Reading, tally: Tally, before: int) -> Part:
    fields = _numbers(records, columns.number, reading.layout)
    # Where the delimiter is the sign of a comment, a line of nothing but a comment is as good as empty.
    blank = (fields.starts >= fields.ends) & ((records.widths() == 1) | (not reading.layout.quotes))
    numbers = bulk.listed(fields, reading.country, reading.bare)
    faults = {"the quotes leave its fields uncertain": records.doubtful}
    if reading.layout.most:
        faults["more fields than the layout has"] = records.widths() > reading.layout.most
    added = None
    if columns.change is not None:
        added, known = _changes(records.field(columns.change))
        faults["neither added nor deleted"] = ~known
    good = (numbers > 0) & ~np.logical_or.reduce(list(faults.values()))
    broken = ~good & ~blank
    tally.lines += int(np.count_nonzero(~blank))
    tally.broken += int(np.count_nonzero(broken))
    for row in np.flatnonzero(broken)[: tally.room].tolist():
        what = next((name for name, wrong in faults.items() if wrong[row]), None) or _fault(fields.text(row), reading)
        tally.samples.append(f"line {before + records.line_of(row) + 1}: {len(fields.text(row))} characters, {what}")
    return Part(numbers[good], added[good] if added is not None else None)


def _numbers(records: Records, column: int, layout: Layout) -> Fields:
    """The number's field; where it spans several, the delimiters between them are read as dashes."""
    fields = records.field(column)
    if layout.spans == 1:
        return fields
    last = records.field(column + layout.spans - 1)
    data = np.where(records.data == records.shape.delimiter, np.uint8(b"-"[0]), records.data)
    return Fields(data, fields.starts, last.ends, fields.encoding)


def _changes(fields: Fields) -> tuple[Mask, Mask]:
    """Of each field whether it says added, and whether it says anything known."""
    words = [fields.text(row).casefold() for row in range(len(fields))]
    added = np.fromiter((word in ADDED for word in words), np.bool_, len(words))
    return added, added | np.fromiter((word in DELETED for word in words), np.bool_, len(words))


def _fault(text: str, reading: Reading) -> str:
    try:
        written.listed(text, reading.country, reading.bare)
    except NotANumber as error:
        return str(error)
    return "no number"
