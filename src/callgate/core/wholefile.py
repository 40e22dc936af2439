"""A CSV file that is taken whole or not at all: its columns are named, and every line that is wrong is told."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")

_DATE = len("2026-11-24")


class BadFile(ValueError):
    """The file cannot be used; `faults` names every line that is wrong and never repeats a number."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read(
    lines: Iterable[str], needed: Sequence[str], optional: Sequence[str], make: Callable[[Mapping[str, str]], T]
) -> list[T]:
    """What `make` makes of each line, given its fields by column; it raises ValueError for one that is wrong.

    Raises `BadFile` with every fault.
    """
    rows = csv.reader(lines, strict=True)
    made: list[T] = []
    faults: list[str] = []
    try:
        headings = [heading.strip().casefold() for heading in next(rows, [])]
        faults += _faults_of(headings, needed, optional)
        for row in rows if not faults else ():
            try:
                if row:
                    made.append(make(_said(headings, row)))
            except ValueError as error:
                faults.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: no CSV: {error}")
    if faults:
        raise BadFile(faults)
    return made


def moment(name: str, text: str) -> datetime:
    """A moment of the column `name`: a date, which means its first moment in UTC, or ISO 8601 with a zone.

    Raises ValueError.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is no moment: write it like 2026-11-24 or 2026-11-24T18:30:00+01:00") from None
    if len(text) <= _DATE and read.tzinfo is None:
        return read.replace(tzinfo=UTC)
    if read.tzinfo is None:
        raise ValueError(f"{name} has no zone: write it like 2026-11-24T18:30:00+01:00")
    return read


def optional_moment(name: str, text: str) -> datetime | None:
    """As `moment`; None where nothing is written."""
    return moment(name, text) if text else None


def is_date(text: str) -> bool:
    """Whether what was read as a moment is no more than a date."""
    return len(text) <= _DATE


def _faults_of(headings: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> Iterator[str]:
    known = (*needed, *optional)
    for name in needed:
        if name not in headings:
            yield f"line 1: no column {name}; there must be {', '.join(needed)}, and may be {', '.join(optional)}"
    for name in dict.fromkeys(headings):
        if name not in known:
            yield f"line 1: a column that is not known; there may be {', '.join(known)}"
        elif headings.count(name) > 1:
            yield f"line 1: two columns {name}"


def _said(headings: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    if len(row) != len(headings):
        raise ValueError(f"{len(row)} fields, and the first line has {len(headings)}")
    return {heading: field.strip() for heading, field in zip(headings, row, strict=True)}
