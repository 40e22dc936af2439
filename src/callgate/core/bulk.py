"""`written.listed` and `written.read` for whole columns: the same answers, some hundred times as fast.

The fields of a block are gathered by their length into tables of digits. What is left of a number once calling code and
prefixes are known to be prefixes is then the same slice for many rows, and a row costs a few table look-ups. Every rule
that `phonenumbers` applies is applied here only where the plan of the country leaves no doubt about it; every other
field is read one by one, by `phone` itself. A property test holds the two against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callgate.core import written
from callgate.core.automaton import Digits
from callgate.core.phone import NotANumber
from callgate.core.plan import CODES, INDEX, LONGEST, Plan, plan_of, plan_of_code
from callgate.core.written import SEPARATORS

Numbers = NDArray[np.uint64]
"""E.164 digits as integers; 0 where there is none."""

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

_WIDEST = 32
"""Characters of a field that is still read in bulk."""
_SHORTEST = 4
_PLUS, _OPEN, _SPACE, _ZERO = b"+( 0"
_IS_SEPARATOR = np.zeros(256, np.bool_)
_IS_SEPARATOR[list(SEPARATORS.encode())] = True


@dataclass(frozen=True, slots=True)
class Fields:
    """Pieces of a block of bytes: from `starts` up to `ends`, in an encoding that ASCII is part of."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    encoding: str = "utf-8"

    def __len__(self) -> int:
        return len(self.starts)

    def trimmed(self) -> "Fields":
        """Without the spaces around each field."""
        starts, ends = self.starts.copy(), self.ends.copy()
        while (at := np.flatnonzero(starts < ends)).size and (at := at[self.data[ends[at] - 1] == _SPACE]).size:
            ends[at] -= 1
        while (at := np.flatnonzero(starts < ends)).size and (at := at[self.data[starts[at]] == _SPACE]).size:
            starts[at] += 1
        return Fields(self.data, starts, ends, self.encoding)

    def text(self, row: int) -> str:
        """One field, decoded; what is no character becomes U+FFFD, which is part of no number."""
        return self.data[self.starts[row] : self.ends[row]].tobytes().decode(self.encoding, "replace")


def listed(fields: Fields, country: str, bare: bool = False) -> Numbers:
    """`written.listed` of each field."""
    numbers = np.zeros(len(fields), np.uint64)
    left = np.ones(len(fields), np.bool_)
    for found in _found(fields, country, bare):
        numbers[found.rows] = found.numbers()
        left[found.rows] = False
    for row in np.flatnonzero(left).tolist():
        try:
            numbers[row] = written.listed(fields.text(row), country, bare)
        except NotANumber:
            continue
    return numbers


def read(fields: Fields, country: str) -> tuple[Numbers, NDArray[np.uint16]]:
    """`written.read` of each field: the number, and its country as an index into `plan.COUNTRIES`."""
    numbers = np.zeros(len(fields), np.uint64)
    owners = np.zeros(len(fields), np.uint16)
    left = np.ones(len(fields), np.bool_)
    for found in _found(fields, country, bare=False):
        owners[found.rows] = theirs = found.plan.owners(found.national)
        numbers[found.rows] = np.where(theirs > 0, found.numbers(), 0)
        left[found.rows] = False
    for row in np.flatnonzero(left).tolist():
        try:
            number = written.read(fields.text(row), country)
        except NotANumber:
            continue
        numbers[row], owners[row] = int(number.digits), INDEX[number.country]
    return numbers, owners


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows whose national numbers are certain."""

    rows: Rows
    plan: Plan
    national: Digits

    def numbers(self) -> Numbers:
        return value(self.national) + np.uint64(self.plan.code * 10 ** self.national.shape[1])


def value(digits: Digits) -> Numbers:
    """The rows as integers."""
    total = np.zeros(len(digits), np.uint64)
    for column in digits.T:
        total *= np.uint64(10)
        total += column
    return total


# From characters to digits.


@dataclass(frozen=True, slots=True)
class _Table:
    """Fields with the same count of digits; `plus`: one stands before them."""

    rows: Rows
    digits: Digits
    plus: bool

    def at(self, where: Mask) -> "_Table":
        if where.all():
            return self
        return _Table(self.rows[where], self.digits[where], self.plus)


def _tables(fields: Fields) -> Iterator[_Table]:
    lengths = fields.ends - fields.starts
    for length in np.flatnonzero(np.bincount(np.clip(lengths, 0, _WIDEST + 1), minlength=_WIDEST + 1)):
        if not _SHORTEST <= length <= _WIDEST:
            continue
        rows = np.flatnonzero(lengths == length)
        chars = np.lib.stride_tricks.sliding_window_view(fields.data, int(length))[fields.starts[rows]]
        signs = (chars - np.uint8(_ZERO)) > 9
        plain = np.asarray(~signs.any(axis=1))
        yield _Table(rows, chars - np.uint8(_ZERO), plus=False).at(plain)
        if not plain.any():
            yield from _punctuated(rows, chars, signs)
        elif not plain.all():
            yield from _punctuated(rows[~plain], chars[~plain], signs[~plain])


def _punctuated(rows: Rows, chars: NDArray[np.uint8], signs: Mask) -> Iterator[_Table]:
    """Fields of one length in which not all is digits, by where their other signs stand.

    A zero in parentheses behind something may be no digit, and a plus counts only before all digits: the other fields
    are left out.
    """
    bits = np.zeros((len(rows), _WIDEST // 8), np.uint8)
    bits[:, : (chars.shape[1] + 7) // 8] = np.packbits(signs, axis=1)
    patterns = bits.view(np.uint32)[:, 0]
    opened, inside = chars[:, 1:-1] == _OPEN, chars[:, 2:]
    if opened.any():
        certain = ~(opened & ((inside == _ZERO) | (inside == _SPACE))).any(axis=1)
        rows, chars, signs, patterns = rows[certain], chars[certain], signs[certain], patterns[certain]
    if not len(rows):
        return
    order = np.argsort(patterns, kind="stable")
    for of in np.split(order, np.flatnonzero(np.diff(patterns[order])) + 1):
        are_signs = signs[of[0]]
        here = chars[of] if len(of) < len(chars) else chars
        first_digit = int(np.argmin(are_signs))
        marks = here[:, are_signs]
        pluses = marks == _PLUS
        good = (_IS_SEPARATOR[marks] | pluses).all(axis=1) & ~pluses[:, first_digit:].any(axis=1)
        count = pluses.sum(axis=1)
        digits = here[:, ~are_signs] - np.uint8(_ZERO)
        if digits.shape[1] >= _SHORTEST:
            for plus in (0, 1):
                yield _Table(rows[of], digits, bool(plus)).at(good & (count == plus))


# From digits to national numbers.


def _found(fields: Fields, country: str, bare: bool) -> Iterator[_Found]:
    home = plan_of(country)
    if home is None or home.international is None:
        return
    for table in _tables(fields):
        if len(table.rows):
            for found in _settled(table, home, bare):
                if len(found.rows):
                    yield found


def _settled(table: _Table, home: Plan, bare: bool) -> Iterator[_Found]:
    if table.plus:
        yield from _international(table)
        return
    dialled = _begins(table.digits, home.international or "")
    if bare:
        # A plus is put before everything; what then has no calling code is read one by one.
        yield from _international(table.at(~dialled))
        return
    if dialled.any():
        abroad = table.at(dialled)
        yield from _international(_Table(abroad.rows, abroad.digits[:, len(home.international or "") :], plus=True))
        table = table.at(~dialled)
    yield from _national(table, home)


def _international(table: _Table) -> Iterator[_Found]:
    """Numbers that begin with a calling code."""
    digits = table.digits
    if digits.shape[1] < _SHORTEST:
        return
    leads = digits[:, 0].astype(np.intp) * 100 + digits[:, 1] * np.intp(10) + digits[:, 2]
    codes = CODES[leads]
    for code in np.flatnonzero(np.bincount(codes[codes > 0])).tolist():
        plan = plan_of_code(code)
        if plan is not None:
            yield _rest(table.at(codes == code), plan, len(plan.digits))


def _national(table: _Table, home: Plan) -> Iterator[_Found]:
    """Numbers as they are dialled at home: some with the own calling code, some with the trunk prefix, some bare."""
    width, length = len(home.digits), table.digits.shape[1]
    coded = _begins(table.digits, home.digits)
    if coded.any():
        own = table.at(coded)
        if length <= home.longest:
            # The calling code is one only where the number makes no sense with it, and does without.
            certain = _certain(own.digits[:, width:], home)
            fits = home.matches(own.digits)
            taken = certain & ~fits & home.matches(own.digits[:, width:])
            doubtful = ~certain & ~fits
            yield _rest(own.at(taken), home, width)
            coded[np.flatnonzero(coded)[~(taken | doubtful)]] = False
        else:
            yield _rest(own, home, width)
        table = table.at(~coded)
    if home.trunk is not None:
        trunk = table.digits[:, 0] == home.trunk
        behind = table.at(trunk & ((table.digits[:, 1] != 0) | home.zero_leads))
        if length - 1 <= LONGEST and home.lengths[length - 1]:
            yield _Found(behind.rows, home, behind.digits[:, 1:])
        table = table.at(~trunk)
    yield _rest(table, home, 0)


def _rest(table: _Table, plan: Plan, skipped: int) -> _Found:
    """What is behind the first `skipped` digits, where it is certain that this is the national number."""
    national = table.digits[:, skipped:]
    length = national.shape[1]
    if not 2 <= length <= LONGEST or not plan.lengths[length]:
        return _Found(table.rows[:0], plan, national[:0])
    certain = _certain(national, plan)
    if certain.all():
        return _Found(table.rows, plan, national)
    return _Found(table.rows[certain], plan, national[certain])


def _certain(national: Digits, plan: Plan) -> Mask:
    """Whether nothing is to be taken off any more."""
    if national.shape[1] < 2:
        return np.zeros(len(national), np.bool_)
    certain = ~plan.puzzling[national[:, 0].astype(np.intp) * 10 + national[:, 1]]
    if plan.trunk is not None:
        certain &= national[:, 0] != plan.trunk
    if not plan.zero_leads:
        certain &= national[:, 0] != 0
    return np.asarray(certain)


def _begins(digits: Digits, prefix: str) -> Mask:
    if digits.shape[1] < len(prefix):
        return np.zeros(len(digits), np.bool_)
    return np.asarray((digits[:, : len(prefix)] == np.array([int(digit) for digit in prefix], np.uint8)).all(axis=1))
