"""A partner's list of people who object: a number a line, or CSV with a column of numbers, as people write numbers.

A line that cannot be read is named and passed over: it keeps nobody else's objection out.
"""

import csv
from collections.abc import Iterable, Iterator

from callgate.core import written
from callgate.core.phone import NotANumber

HEADINGS = ("number", "phone", "telephone", "msisdn")
"""How the column of numbers may be headed; else it is the first."""


class Fault(str):
    """Why a line names nobody: its place and what is wrong, never what it says."""

    __slots__ = ()


def read(lines: Iterable[str], country: str) -> Iterator[str | Fault]:
    """The E.164 numbers of a list whose national numbers are of `country`, and a `Fault` for each line without one.

    A first line that is a heading is passed over, and so are empty ones.
    """
    rows = csv.reader(lines)
    column = 0
    first = True
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Fault(f"line {rows.line_num}: no CSV: {error}")
            continue
        cells = [cell.strip() for cell in row]
        if first and any(cells):
            first = False
            if (found := _heading(cells)) is not None:
                column = found
                continue
        if any(cells):
            yield _number(cells, column, rows.line_num, country)


def _heading(cells: list[str]) -> int | None:
    names = [cell.casefold() for cell in cells]
    return next((names.index(name) for name in HEADINGS if name in names), None)


def _number(cells: list[str], column: int, line: int, country: str) -> str | Fault:
    try:
        return written.read(cells[column] if column < len(cells) else "", country).e164
    except NotANumber as error:
        return Fault(f"line {line}: {error}")
