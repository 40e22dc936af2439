"""Patterns over digits as one table, so that a million numbers are matched in a few steps.

The plans of countries come as regular expressions in a small dialect: digits, `\\d`, `[2-57]`, groups, `|`, `?`, `{m}`
and `{m,n}`. An expression is read into a tree, the tree becomes a machine whose states have free moves (Thompson's
construction), and the sets of states that the machine can be in become the rows of a table (subset construction). A
column of digits then moves every number by one state.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Digits = NDArray[np.uint8]
"""One number a row, one digit (0 to 9) a column."""

DEAD = 0
"""The state from which nothing matches any more."""


class UnknownPattern(ValueError):
    """The expression uses more than the dialect."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """`table[state, digit]` is the next state; `accepts[state]` has a bit for each pattern that matches in it."""

    table: NDArray[np.int32]
    accepts: NDArray[np.uint32]
    start: int

    def walk(self, digits: Digits) -> NDArray[np.int32]:
        """The state after all digits of each row."""
        moves = (self.table * 10).ravel()
        at = np.full(len(digits), self.start * 10, np.int32)
        for column in digits.T:
            at = moves[at + column]
        return at // 10

    def after(self, digits: str) -> int:
        """The state after these digits."""
        state = self.start
        for digit in digits:
            state = int(self.table[state, int(digit)])
        return state

    def ends(self, state: int) -> bool:
        """Whether no digit leads on from the state."""
        return not self.table[state].any()


def automaton(patterns: Sequence[str]) -> Automaton:
    """One automaton for up to 32 patterns, each of which matches whole numbers. Raises `UnknownPattern`."""
    machine = _Machine()
    starts = [machine.build(_read(pattern), machine.accept(bit)) for bit, pattern in enumerate(patterns)]
    return machine.table(starts)


@dataclass(frozen=True, slots=True)
class _OneOf:
    digits: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Chain:
    parts: tuple["_Tree", ...]


@dataclass(frozen=True, slots=True)
class _Either:
    branches: tuple["_Tree", ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: "_Tree"
    least: int
    most: int


_Tree = _OneOf | _Chain | _Either | _Repeat


# Reading an expression.

_TOKEN = re.compile(r"\\d|\[[0-9-]+\]|\(\?:|\{\d+(?:,\d+)?\}|[0-9()|?]", re.ASCII)


def _read(pattern: str) -> _Tree:
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise UnknownPattern(f"the pattern {pattern} uses more than digits, sets, groups and counts")
    tokens.reverse()
    tree = _either(tokens)
    if tokens:
        raise UnknownPattern(f"the pattern {pattern} closes a group that it did not open")
    return tree


def _either(tokens: list[str]) -> _Tree:
    branches = [_chain(tokens)]
    while tokens and tokens[-1] == "|":
        tokens.pop()
        branches.append(_chain(tokens))
    return branches[0] if len(branches) == 1 else _Either(tuple(branches))


def _chain(tokens: list[str]) -> _Tree:
    parts: list[_Tree] = []
    while tokens and tokens[-1] not in ("|", ")"):
        part = _atom(tokens)
        while tokens and tokens[-1][0] in "?{":
            count = tokens.pop()
            bounds = [0, 1] if count == "?" else [int(bound) for bound in count[1:-1].split(",")]
            part = _Repeat(part, bounds[0], bounds[-1])
        parts.append(part)
    return _Chain(tuple(parts))


def _atom(tokens: list[str]) -> _Tree:
    atom = tokens.pop()
    if atom in ("(", "(?:"):
        tree = _either(tokens)
        if not tokens or tokens.pop() != ")":
            raise UnknownPattern("a group is not closed")
        return tree
    if atom == r"\d":
        return _OneOf(frozenset(range(10)))
    if atom[0] == "[":
        return _OneOf(frozenset(_members(atom[1:-1])))
    if atom.isdecimal():
        return _OneOf(frozenset({int(atom)}))
    raise UnknownPattern(f"{atom} has nothing before it that it could count")


def _members(inside: str) -> set[int]:
    """The digits of `2-57`."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d)(?:-(\d))?", inside):
        found.update(range(int(first), int(last or first) + 1))
    return found


# From trees to a table.


@dataclass(slots=True)
class _Machine:
    """States that move on by one of some digits, or freely."""

    moves: list[tuple[frozenset[int], int] | None] = field(default_factory=list)
    free: list[tuple[int, ...]] = field(default_factory=list)
    accepting: dict[int, int] = field(default_factory=dict)

    def _state(self, move: tuple[frozenset[int], int] | None, free: tuple[int, ...] = ()) -> int:
        self.moves.append(move)
        self.free.append(free)
        return len(self.moves) - 1

    def accept(self, bit: int) -> int:
        """A new state in which the pattern of this bit has matched."""
        state = self._state(None)
        self.accepting[state] = 1 << bit
        return state

    def build(self, tree: _Tree, then: int) -> int:
        """The state from which `tree` leads to `then`."""
        match tree:
            case _OneOf(digits):
                return self._state((digits, then))
            case _Chain(parts):
                for part in reversed(parts):
                    then = self.build(part, then)
                return then
            case _Either(branches):
                return self._state(None, tuple(self.build(branch, then) for branch in branches))
            case _Repeat(part, least, most):
                end = then
                for _ in range(most - least):
                    then = self._state(None, (self.build(part, then), end))
                for _ in range(least):
                    then = self.build(part, then)
                return then

    def table(self, starts: Sequence[int]) -> Automaton:
        """The table over the sets of states that can be reached."""
        first = self._freely(starts)
        numbered: dict[frozenset[int], int] = {frozenset(): DEAD}
        rows: list[list[int]] = [[DEAD] * 10]
        waiting = [first] if numbered.setdefault(first, 1) != DEAD else []
        for states in waiting:
            row = []
            for digit in range(10):
                reached = self._freely(self._moved(states, digit))
                if reached not in numbered:
                    numbered[reached] = len(numbered)
                    waiting.append(reached)
                row.append(numbered[reached])
            rows.append(row)
        accepts = [sum({self.accepting.get(state, 0) for state in states}) for states in numbered]
        return Automaton(np.array(rows, np.int32), np.array(accepts, np.uint32), numbered[first])

    def _moved(self, states: frozenset[int], digit: int) -> list[int]:
        return [move[1] for state in states if (move := self.moves[state]) is not None and digit in move[0]]

    def _freely(self, states: Sequence[int]) -> frozenset[int]:
        seen = set(states)
        waiting = list(seen)
        while waiting:
            for state in self.free[waiting.pop()]:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return frozenset(seen)
