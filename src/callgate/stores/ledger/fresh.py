"""Subjects that the index of tokens does not hold yet, in SQLite.

Tokens are spread evenly, so the 64 new people of a commit stand in 64 pages of their index: half of all pages that the
commit writes, and a third of its time. So a new subject is written *fresh*: its row is at the end of the table as ever,
and the index leaves it out. Whoever writes has the fresh ones at hand, by token. Once there are `SETTLED_AT` of them
one statement brings all into the index, many to a page.

All settle at once, so the fresh are the last rows of the table: they are found from its end, without an index.

What another process added is read under the lock before anything is looked for, so that a person gets one subject and
not two. `settled` is 0 or 1, which SQLite keeps in the head of a row: a row that settles is written over where it
stands and leaves no copy of the key elsewhere.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from callgate.stores.ledger.backend import Wrapped
from callgate.stores.ledger.sealing import SUBJECT_BYTES, WRAPPED_BYTES

SETTLED_AT = 16_384
"""Settling so many takes 60 ms where the index has 100,000 people, and 130 where it has 500,000."""
_NEWEST = """
SELECT subject, controller, class, created, token, master, wrapped
FROM subjects WHERE id > max(?, coalesce((SELECT id FROM subjects WHERE settled = 1 ORDER BY id DESC LIMIT 1), 0))
ORDER BY id
"""
_SUBJECT, _TOKEN, _MASTER, _WRAPPED = 0, 4, 5, 6
"""Where these stand in a row of `add_subject`, and in one of the query above."""
_AFTER_WRAPPED = SUBJECT_BYTES + WRAPPED_BYTES
_SETTLE = """
UPDATE subjects SET settled = 1
WHERE id > coalesce((SELECT id FROM subjects WHERE settled = 1 ORDER BY id DESC LIMIT 1), 0)
"""


class Fresh:
    """The fresh subjects of one database, for the connection that writes.

    What is at hand of each is bytes, subject, wrapped key and the master key's name in one. Were they tuples, the
    collector would walk them all, for 10 ms in which nobody is answered.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[bytes, bytes] = {}
        self._last = 0
        self._newest = 0
        self._erasures = -1
        self._settle_at = SETTLED_AT

    def note(self, erasures: int, newest: int) -> None:
        """As of a transaction that began: the ledger's count of erasures, and the id of the newest subject.

        Where the count went on, keys were destroyed."""
        if erasures != self._erasures:
            self.forget()
            self._erasures = erasures
        self._newest = newest

    def find(self, tokens: Sequence[bytes]) -> dict[bytes, Wrapped]:
        """Those among the tokens that are fresh. Within a transaction that holds the lock."""
        if self._last < self._newest:
            self._follow()
        return {token: _wrapped(self._known[token]) for token in tokens if token in self._known}

    def _follow(self) -> None:
        """Take in what others added."""
        rows = self._db.execute(_NEWEST, (self._last,)).fetchall()
        self.add([row for row in rows if row[_TOKEN] is not None], self._newest)

    def forget(self) -> None:
        """Know nothing: what was thought to be there may not be."""
        self._known.clear()
        self._last = 0

    def add(self, rows: Sequence[tuple[Any, ...]], last: int) -> None:
        """Take in rows of `add_subject` that are committed; `last` is the id of the last."""
        for row in rows:
            self._known[row[_TOKEN]] = row[_SUBJECT] + row[_WRAPPED] + row[_MASTER].encode()
        self._last = max(self._last, last)

    @property
    def due(self) -> bool:
        """Whether there are enough to settle."""
        return len(self._known) >= self._settle_at

    def settle_if_possible(self) -> None:
        """Settle; where that fails now, it is due again later: nothing depends on it."""
        try:
            self.settle()
        except sqlite3.Error:
            self._settle_at += SETTLED_AT // 4
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def settle(self) -> None:
        """Bring all fresh subjects into the index. Outside a transaction. Raises `sqlite3.Error`."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(_SETTLE)
        self._db.execute("COMMIT")
        # What others added meanwhile is settled too, and found in the index.
        self._known.clear()
        self._settle_at = SETTLED_AT


def _wrapped(known: bytes) -> Wrapped:
    subject, wrapped = known[:SUBJECT_BYTES], known[SUBJECT_BYTES:_AFTER_WRAPPED]
    return Wrapped(subject, known[_AFTER_WRAPPED:].decode(), wrapped)
