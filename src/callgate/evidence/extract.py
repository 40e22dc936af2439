"""The extract of a ledger: every event of a span as a hash, and those of the selection with what they are made of.

It streams: a few thousand events at a time, whatever the ledger holds.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from callgate.core.chain import genesis
from callgate.evidence.verifier import BARE, SHOWN, WITHHELD
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.checkpoints import Checkpoint, checkpoint_of
from callgate.stores.ledger.rows import READING, Reader
from callgate.stores.schema import Entry, checkpoints, events

AT_A_TIME = 4_000
CHECKPOINTS_AT_A_TIME = 1_000

_LINKS = (
    *(events.c[name] for name in ("seq", "writer", "n", "mark", "at", "kind", "call", "subject", "controller")),
    *(events.c[name] for name in ("version", "commitment", "hash")),
)


class Span(NamedTuple):
    """The events of a bundle: from one checkpoint to another. `base` is the number of the one before `first`, or 0."""

    first: int
    last: int
    base: int


class Piece(NamedTuple):
    """A stretch of the extract: its records of the roll, its lines of events, and the entries that are shown."""

    seq: int
    roll: bytes
    lines: list[dict[str, object]]
    entries: list[Entry]


async def span_of(ledger: Ledger, during: list[sa.ColumnElement[bool]]) -> Span:
    """The span between checkpoints that holds everything that meets the conditions; the whole ledger for none.

    Everything must be under a checkpoint. Raises `LedgerUnavailable`.
    """
    ends = sa.select(sa.func.min(events.c.seq).label("first"), sa.func.max(events.c.seq).label("last"))
    found = (await ledger.rows(ends.where(*during)))[0]
    first, last = (found.first or 1, found.last or 1) if during else (1, await ledger.last_seq())
    base, begin = 0, 1
    async for one in checkpoints_from(ledger, 1):
        seq = one.stand.seq
        if seq < first:
            base, begin = one.number, seq + 1
        if seq >= last:
            return Span(begin, seq, base)
    raise ValueError("the last events are under no checkpoint")


async def checkpoints_from(ledger: Ledger, number: int) -> AsyncIterator[Checkpoint]:
    """The checkpoints from this number on, in order. Raises `LedgerUnavailable`."""
    query = sa.select(checkpoints).order_by(checkpoints.c.number).limit(CHECKPOINTS_AT_A_TIME)
    while found := await ledger.rows(query.where(checkpoints.c.number >= number)):
        for row in found:
            yield checkpoint_of(row)
        number = found[-1].number + 1


@dataclass(slots=True)
class Extract:
    """One pass over a span. With `links`, events outside the selection are shown too, without what they say."""

    ledger: Ledger
    span: Span
    where: sa.ColumnElement[bool]
    links: bool
    _ends: dict[str, bytes] = field(default_factory=dict)

    async def pieces(self) -> AsyncIterator[Piece]:
        """All events of the span, in order. Raises `LedgerUnavailable`."""
        for first in range(self.span.first, self.span.last + 1, AT_A_TIME):
            here = sa.and_(events.c.seq >= first, events.c.seq < first + AT_A_TIME, events.c.seq <= self.span.last)
            chosen = {row.seq: row for row in await self.ledger.rows(READING.where(here, self.where))}
            rows = await self.ledger.rows(sa.select(*_LINKS).where(here).order_by(events.c.seq))
            reader = Reader(self.ledger.ring)  # it keeps every key that it opened
            roll, lines, shown = bytearray(), [], []
            for row in rows:
                before = await self._before(row)
                full = chosen.get(row.seq)
                roll += bytes([SHOWN if full is not None else BARE if self.links else WITHHELD]) + row.hash
                if full is not None:
                    lines.append(_link(row, before) | _said(full))
                    shown.append(reader.entry(full))
                elif self.links:
                    lines.append(_link(row, before))
            yield Piece(rows[-1].seq if rows else first, bytes(roll), lines, shown)

    async def _before(self, row: sa.Row[Any]) -> bytes:
        """The hash of the writer's event before this one."""
        before = self._ends.get(row.writer)
        if before is None:
            query = sa.select(events.c.hash).where(events.c.writer == row.writer, events.c.n == row.n - 1)
            found = await self.ledger.rows(query)
            before = found[0].hash if found else genesis(self.ledger.identity.encode(), row.writer.encode())
        self._ends[row.writer] = row.hash
        return before


def _link(row: sa.Row[Any], before: bytes) -> dict[str, object]:
    """What the hash of an event is made of, for JSON."""
    said = row._asdict()
    return {name: _hex(value) for name, value in said.items() if name != "hash"} | {"before": before.hex()}


def _said(row: sa.Row[Any]) -> dict[str, object]:
    return {"salt": _hex(row.salt), "body": row.body, "sealed": _hex(row.sealed)}


def _hex(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
