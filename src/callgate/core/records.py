"""Where records and fields begin and end in a block of delimited text (RFC 4180), by their bytes and nothing else.

Nothing is decoded, unquoted or rewritten: a record is a slice, and whoever copies it copies every byte. Line ends,
delimiters and quotes are found in whole columns; a delimiter or line end counts where the number of quotes before it
is even. That holds as long as quotes only stand around fields. Where one stands elsewhere, the block is gone through
record by record, and a record in which the quotes leave a doubt about its fields is marked: nobody knows how the next
reader will split it.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callgate.core.bulk import Fields, Mask

LONGEST_RECORD = 65_536
"""Bytes. Longer is a quote that is never closed, or no list of people."""

_QUOTE, _LF, _CR = b'"\n\r'

Places = NDArray[np.int64]


class RecordTooLong(ValueError):
    """A record is longer than `LONGEST_RECORD`; `line` is how many lines into the block it begins."""

    def __init__(self, line: int) -> None:
        super().__init__(f"a record of more than {LONGEST_RECORD:,} bytes: is a quote never closed?")
        self.line = line


@dataclass(frozen=True, slots=True)
class Shape:
    """How records are written: the byte between fields (None: one field a line), whether fields may be quoted, and the
    byte that ends a line, before which a carriage return may stand."""

    delimiter: int | None
    quotes: bool
    line_end: int = _LF
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a block: from `starts` to `ends`, and with their line ends up to `nexts`.

    `doubtful`: a record's fields are not certain.
    """

    data: NDArray[np.uint8]
    shape: Shape
    starts: Places
    ends: Places
    nexts: Places
    delimiters: Places
    doubtful: Mask

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, where: Mask) -> "Records":
        """Some of the records."""
        parts = (self.starts[where], self.ends[where], self.nexts[where])
        return Records(self.data, self.shape, *parts, self.delimiters, self.doubtful[where])

    def field(self, column: int) -> Fields:
        """The fields of a column (from 0), without spaces and quotes around them; empty where a record has no such."""
        none = self.data.size
        places = np.append(self.delimiters, [none] * (column + 1))
        first = np.searchsorted(self.delimiters, self.starts)
        starts = self.starts if column == 0 else np.minimum(places[first + column - 1] + 1, self.ends)
        fields = Fields(self.data, starts, np.minimum(places[first + column], self.ends), self.shape.encoding)
        return _unquoted(fields.trimmed()) if self.shape.quotes else fields.trimmed()

    def widths(self) -> Places:
        """How many fields each record has."""
        return np.asarray(
            np.searchsorted(self.delimiters, self.ends) - np.searchsorted(self.delimiters, self.starts) + 1
        )

    @property
    def lines(self) -> int:
        """How many lines end in the block."""
        return int(np.count_nonzero(self.data == self.shape.line_end))

    def line_of(self, record: int) -> int:
        """How many lines into the block a record begins."""
        return int(np.count_nonzero(self.data[: self.starts[record]] == self.shape.line_end))


def split(block: bytes, shape: Shape, last: bool) -> tuple[Records, int]:
    """The whole records of a block, and how many bytes they take; the rest begins the next block.

    `last`: nothing follows, so that the rest is a record too. Raises `RecordTooLong`.
    """
    data = np.frombuffer(block, np.uint8)
    line_ends = np.flatnonzero(data == shape.line_end)
    delimiters = np.flatnonzero(data == shape.delimiter) if shape.delimiter is not None else line_ends[:0]
    quotes = np.flatnonzero(data == _QUOTE) if shape.quotes else line_ends[:0]
    if not _around_fields(data, quotes, shape):
        return _carefully(block, shape, last)
    if quotes.size:
        line_ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    nexts = line_ends + 1
    doubtful = np.zeros(len(nexts) + 1, np.bool_)
    if last and (not nexts.size or nexts[-1] < data.size) and data.size:
        nexts = np.append(nexts, data.size)
        doubtful[len(nexts) - 1] = quotes.size % 2 == 1
    return _records(data, shape, nexts, delimiters, doubtful[: len(nexts)])


def _records(
    data: NDArray[np.uint8], shape: Shape, nexts: Places, delimiters: Places, doubtful: Mask
) -> tuple[Records, int]:
    starts = np.append(np.zeros(min(1, len(nexts)), np.int64), nexts[:-1])
    ends = nexts.copy()
    for byte in (shape.line_end, _CR):
        at = np.flatnonzero(ends > starts)
        ends[at[data[ends[at] - 1] == byte]] -= 1
    used = int(nexts[-1]) if len(nexts) else 0
    lengths = np.append(nexts - starts, data.size - used)
    if lengths.max() > LONGEST_RECORD:
        before = int(np.append(starts, used)[np.argmax(lengths)])
        raise RecordTooLong(int(np.count_nonzero(data[:before] == shape.line_end)))
    return Records(data[:used], shape, starts, ends, nexts, delimiters, doubtful), used


def _around_fields(data: NDArray[np.uint8], quotes: Places, shape: Shape) -> bool:
    """Whether every quote opens a field, closes one, or is one of two within one."""
    if not quotes.size:
        return True
    before = data[np.maximum(quotes[::2] - 1, 0)]
    opens = (quotes[::2] == 0) | (before == shape.delimiter) | (before == shape.line_end)
    opens[1:] |= quotes[2::2] == quotes[1 : 2 * len(opens) - 1 : 2] + 1
    closing = quotes[1::2]
    following = np.append(data, [shape.line_end] * 2)
    after = following[closing + 1]
    closes = (after == shape.delimiter) | (after == shape.line_end) | (after == _QUOTE)
    closes |= (after == _CR) & (following[closing + 2] == shape.line_end)
    return bool(opens.all() and closes.all())


def _unquoted(fields: Fields) -> Fields:
    quoted = np.flatnonzero(fields.ends - fields.starts >= 2)
    data = fields.data
    quoted = quoted[(data[fields.starts[quoted]] == _QUOTE) & (data[fields.ends[quoted] - 1] == _QUOTE)]
    starts, ends = fields.starts.copy(), fields.ends.copy()
    starts[quoted] += 1
    ends[quoted] -= 1
    return Fields(data, starts, ends, fields.encoding).trimmed() if quoted.size else fields


# Record by record.


def _carefully(block: bytes, shape: Shape, last: bool) -> tuple[Records, int]:
    """As `split`, with a quote in the middle of a field read as any other sign, as spreadsheets do."""
    apart = re.escape(bytes(byte for byte in (shape.delimiter, shape.line_end) if byte is not None))
    quoted = re.compile(b'"(?:[^"]|"")*+"')
    up_to_end = re.compile(b"[^%b]*" % apart)
    nexts: list[int] = []
    delimiters: list[int] = []
    doubtful: list[bool] = []
    begun, at, doubt = 0, 0, False
    while at < len(block):
        if block[at] == _QUOTE:
            inside = quoted.match(block, at)
            at = inside.end() if inside else len(block)
            doubt |= inside is None
        rest = up_to_end.match(block, at)
        if rest is not None:
            doubt |= at > begun and block[at - 1] == _QUOTE and bool(rest.group().rstrip(b"\r"))
            at = rest.end()
        ended = at < len(block)
        if ended and block[at] == shape.delimiter:
            delimiters.append(at)
        elif ended:
            nexts.append(at + 1)
            doubtful.append(doubt)
            doubt = False
        at += ended
        begun = at
    if last and block and (not nexts or nexts[-1] < at):
        nexts.append(at)
        doubtful.append(doubt)
    data = np.frombuffer(block, np.uint8)
    places = (np.array(nexts, np.int64), np.array(delimiters, np.int64), np.array(doubtful, np.bool_))
    return _records(data, shape, *places)
