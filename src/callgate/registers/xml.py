"""The XML of the register of the United States: area codes with the numbers in them, as a full list or as changes.

    <list …><ac val="202"><ph val="5550123"/>…</ac></list>
    <list …><ac val="202"><ph val="5550123" change="D"/>…</ac></list>

It is read as it comes, a piece at a time. A document type is refused: a list needs none, and entities are what small
files that unpack to large ones are made of.
"""

from collections.abc import Iterator
from xml.parsers import expat

import numpy as np

from callgate.core import bulk
from callgate.core.bulk import Fields
from callgate.registers.errors import FileRefused
from callgate.registers.layouts import ADDED, DELETED
from callgate.registers.reading import Part, Reading, Tally

AREA, NUMBER, VALUE, CHANGE = "ac", "ph", "val", "change"


def parts(chunks: Iterator[bytes], reading: Reading, tally: Tally) -> Iterator[Part]:
    """The numbers of an XML file. Raises `FileRefused`."""
    document = _Document()
    for chunk in chunks:
        document.feed(chunk)
        yield document.part(reading, tally)
    document.feed(b"", last=True)
    yield document.part(reading, tally)


class _Document:
    """Collects what the parser meets until it is asked for."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._element
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._area = ""
        self._numbers: list[str] = []
        self._changes: list[str] = []
        self._lines: list[int] = []
        self._of_changes: bool | None = None

    def feed(self, chunk: bytes, last: bool = False) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise FileRefused(f"line {error.lineno}: this is not XML as it should be; fetch the file again") from None

    def part(self, reading: Reading, tally: Tally) -> Part:
        """What was met since the last time."""
        encoded = [number.encode() for number in self._numbers]
        ends = np.cumsum([len(number) for number in encoded], dtype=np.int64)
        lengths = np.array([len(number) for number in encoded], np.int64)
        fields = Fields(np.frombuffer(b"".join(encoded), np.uint8), ends - lengths, ends)
        numbers = bulk.listed(fields, reading.country, reading.bare)
        known = np.array([change in ADDED or change in DELETED for change in self._changes], np.bool_)
        good = (numbers > 0) & (known if self._of_changes else True)
        tally.lines += len(fields)
        tally.broken += int(np.count_nonzero(~good))
        for row in np.flatnonzero(~good)[: tally.room].tolist():
            what = "no number" if not numbers[row] else "neither added nor deleted"
            tally.samples.append(f"line {self._lines[row]}: {len(self._numbers[row])} characters, {what}")
        added = np.array([change in ADDED for change in self._changes], np.bool_)
        self._numbers, self._changes, self._lines = [], [], []
        return Part(numbers[good], added[good] if self._of_changes else None)

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if name == AREA:
            self._area = attributes.get(VALUE, "")
        elif name == NUMBER:
            self._numbers.append(f"{self._area}-{attributes.get(VALUE, '')}")
            self._changes.append(attributes.get(CHANGE, "").casefold())
            self._lines.append(self._parser.CurrentLineNumber)
            if self._of_changes is None:
                self._of_changes = CHANGE in attributes
            elif self._of_changes != (CHANGE in attributes):
                raise FileRefused(
                    f"line {self._parser.CurrentLineNumber}: some numbers are marked as changes and some are not;"
                    " a file is either a full list or changes"
                )

    def _doctype(self, *_: object) -> None:
        raise FileRefused("the XML declares a document type, which no list needs: refused")
