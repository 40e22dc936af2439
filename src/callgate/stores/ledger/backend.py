"""What the ledger asks of a database, and the statements of its writing.

A transaction is two questions: `begin` locks the ledger and says where everything stands, `commit` writes. What lies
between is computed by us. Where the database is another machine, each of the two is one round trip.

The statements are written once, for SQLAlchemy, and compiled once for each database: they go to the driver itself,
since executing them through SQLAlchemy takes longer than the database does.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import sqlalchemy as sa

from callgate.core.chain import Record
from callgate.stores.schema import checkpoints, deliveries, events, ledger, open_calls, request_events, subjects

BATCHES = (32, 8, 1)
"""How many rows one execution takes: few texts for the driver to keep, and few executions."""

Values = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Batched:
    """A statement that takes any number of rows, as so many times its part `each`.

    The driver lets go of the interpreter for each execution and has to win it back from the event loop afterwards, so
    one for each row would take many times as long as the database does.
    """

    head: str
    each: str
    tail: str = ""
    copy: str = ""
    """The same as PostgreSQL's COPY, where it is a plain INSERT."""

    def of(self, rows: int) -> str:
        """Its text for so many rows."""
        return f"{self.head}{', '.join([self.each] * rows)}{self.tail}"


Change = tuple[str | Batched, Values]
"""A statement, and the values of each of its executions or rows."""


def searches(find: Batched, tokens: Sequence[bytes]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """The executions that a search comes to, filled up with tokens that nobody has."""
    for at in range(0, len(tokens), BATCHES[0]):
        some = tokens[at : at + BATCHES[0]]
        rows = min(size for size in BATCHES if size >= len(some))
        yield find.of(rows), (*some, *[b""] * (rows - len(some)))


def executions(change: Change) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The executions that a change comes to: a text each, and its values."""
    statement, values = change
    if isinstance(statement, str):
        yield from ((statement, each) for each in values)
        return
    at = 0
    for rows in BATCHES:
        while len(values) - at >= rows:
            yield statement.of(rows), tuple(chain.from_iterable(values[at : at + rows]))
            at += rows


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands: the last `seq` and `mark`, and how many erasures there were."""

    mark: int
    erasures: int
    seq: int


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A subject's wrapped key."""

    subject: bytes
    master: str
    wrapped: bytes


class Backend(Protocol):
    """A database that one writer has open. All but `abort` belong to the writing thread.

    What goes wrong is raised as `LedgerUnavailable`, never with a value in it.
    """

    reads: sa.Engine
    sql: "Statements"

    def setup(self) -> AbstractContextManager[sa.Connection]:
        """A transaction in which nobody else sets up, before the first `begin`."""

    def where(self, connection: sa.Connection) -> str | None:
        """Which database this is, so that one restored elsewhere shows; None where that cannot be told."""

    def begin(self, tokens: Sequence[bytes]) -> tuple[Places, dict[bytes, Wrapped]]:
        """Begin a transaction that holds the ledger's lock; also `find` these tokens."""

    def find(self, tokens: Sequence[bytes]) -> dict[bytes, Wrapped]:
        """The keys of the subjects with these tokens, as far as there are any."""

    def head(self, writer: str) -> tuple[int, bytes] | None:
        """The last n and hash of a writer."""

    def last_checkpoint(self) -> int:
        """The number of the last checkpoint; 0 where there is none."""

    def commit(self, changes: Iterable[Change]) -> None:
        """Make the changes, and commit."""

    def rollback(self) -> None:
        """End a transaction that was begun and not committed. Never raises."""

    @property
    def untidy(self) -> bool:
        """Whether there is something to `tidy`."""

    def tidy(self) -> None:
        """Do what commits were spared. Nobody can write for as long as it takes. Never raises."""

    def abort(self) -> None:
        """Let whatever the writing thread waits for fail soon. Called from another thread."""

    def interrupt(self, reading: Any) -> None:
        """Let what one of the driver's connections reads fail soon. Called from another thread than the reader's."""

    def forget(self, *, thorough: bool) -> bool:
        """Overwrite what was destroyed as far as that can be done; False where a reader stood in the way.

        `thorough` makes the index of tokens anew, which takes a second for a million people: pages of it that were
        split may hold a token still.
        """

    def said(self, key: str) -> sa.ColumnElement[str]:
        """The text under this key of what an event says."""

    def records(self, after_seq: int) -> Iterator[list[Record]]:
        """All events after `after_seq` in order, as they are stored. On a thread of the caller's."""

    def close(self) -> None:
        """Let go of the database and of the writer's name."""


class Statements:
    """The statements of writing, for one database's dialect, with values by position in the order of the columns."""

    def __init__(self, dialect: sa.Dialect, *, settles: bool = False) -> None:
        """`settles`: new subjects are not settled yet, and the backend settles them later."""
        self._dialect = dialect

        text = self.text

        def rows(statement: sa.ClauseElement, tail: str = "") -> Batched:
            head, each = text(statement).split("VALUES ")
            copy = "" if tail else f"{head.replace('INSERT INTO', 'COPY')}FROM STDIN"
            return Batched(f"{head}VALUES ", each, tail, copy)

        wrapped = sa.select(subjects.c.token, subjects.c.subject, subjects.c.master, subjects.c.wrapped)
        token: sa.BindParameter[bytes] = sa.bindparam("token")
        heads = sa.select(events.c.n, events.c.hash).where(events.c.writer == sa.bindparam("writer"))
        named = [column.name for column in subjects.c if column.name not in ("id", "destroyed", "settled")]
        fresh: dict[str, Any] = {"settled": sa.literal_column("0")} if settles else {}
        self.lock = text(sa.select(ledger.c.mark, ledger.c.erasures).with_for_update())
        self.last_seq = text(sa.select(sa.func.coalesce(sa.func.max(events.c.seq), sa.literal_column("0"))))
        self.head = text(heads.order_by(events.c.n.desc())) + " LIMIT 1"
        self.find = Batched(f"{text(wrapped)} WHERE subjects.settled = 1 AND subjects.token IN (", text(token), ")")
        self.add_event = rows(sa.insert(events))
        self.add_subject = rows(
            sa.insert(subjects).inline().values({name: sa.bindparam(name) for name in named} | fresh)
        )
        self.set_mark = text(sa.update(ledger).values(mark=sa.bindparam("mark")))
        self.open_call = rows(sa.insert(open_calls), " ON CONFLICT DO NOTHING")
        self.note_request = rows(sa.insert(request_events))
        self.close_call = text(sa.delete(open_calls).where(open_calls.c.call == sa.bindparam("call")))
        last = sa.func.coalesce(sa.func.max(checkpoints.c.number), sa.literal_column("0"))
        self.last_checkpoint = text(sa.select(last))
        self.add_checkpoint = text(sa.insert(checkpoints))
        self.destroy_subject = text(
            sa.update(subjects)
            .values(token=sa.null(), master=sa.null(), wrapped=sa.null(), destroyed=sa.bindparam("destroyed"))
            .where(subjects.c.subject == sa.bindparam("id"))
        )
        self.rewrap, self.rewrap_delivery = (
            text(
                sa.update(table)
                .values(master=sa.bindparam("to"), wrapped=sa.bindparam("anew"))
                .where(table.c.subject == sa.bindparam("whose"), table.c.wrapped == sa.bindparam("old"))
            )
            for table in (subjects, deliveries)
        )
        emptied = sa.update(events).values(salt=sa.null(), body=sa.null(), sealed=sa.null())
        self.remove_content = Batched(f"{text(emptied)} WHERE seq IN (", text(token), ")")
        touched = sa.select(events.c.subject).where(
            events.c.seq >= sa.bindparam("first"), events.c.seq <= sa.bindparam("last")
        )
        still = sa.exists().where(events.c.subject == subjects.c.subject, events.c.sealed.is_not(None))
        self.destroy_orphans = text(
            sa.update(subjects)
            .values(token=sa.null(), master=sa.null(), wrapped=sa.null(), destroyed=sa.bindparam("destroyed"))
            .where(subjects.c.subject.in_(touched), subjects.c.wrapped.is_not(None), ~still)
        )
        self.set_gap = text(sa.update(ledger).values(gap=sa.bindparam("gap")))
        self.count_erasure = text(sa.update(ledger).values(erasures=ledger.c.erasures + sa.literal_column("1")))

    def text(self, statement: sa.ClauseElement) -> str:
        """The text of a statement, with its values by position."""
        return str(statement.compile(dialect=self._dialect))

    def change(self, statement: sa.ClauseElement) -> Change:
        """A statement that has its values, as a change."""
        compiled = statement.compile(dialect=self._dialect)
        order = getattr(compiled, "positiontup", None) or ()
        return str(compiled), [tuple(compiled.params[name] for name in order)]

    def whole(self, statement: sa.ClauseElement) -> str:
        """The text of a statement with its values in it, which are none of a person's."""
        return str(statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True}))
