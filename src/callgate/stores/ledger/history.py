"""What the ledger holds of the last day or so, for those who show it: found by time, and counted by the database.

Times of events are not indexed. Their seqs grow with them, but for what was entered late, so that a moment is found by
halving; and what is read is everything from there on.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from callgate.core.events import Kind
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.schema import Entry, events

ROWS_AT_A_TIME = 50_000
SLACK = timedelta(minutes=5)
"""By how much one writer's clock, or a commit that waited, may be behind another's."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Verdicts of one minute (aware) that are alike."""

    minute: datetime
    controller: str
    centre: str
    campaign: str
    reason: str
    verdicts: int


async def seq_before(ledger: Ledger, moment: datetime) -> int:
    """A seq after which everything since that moment comes; 0 where that is all. Raises `LedgerUnavailable`."""
    wanted = _written(moment - SLACK)
    low, high = 0, await ledger.last_seq()
    while low < high:
        middle = (low + high) // 2
        query = sa.select(events.c.seq, events.c.at).where(events.c.seq > middle).order_by(events.c.seq).limit(1)
        found = await ledger.rows(query)
        if found and found[0].at < wanted:
            low = int(found[0].seq)
        else:
            high = middle
    return low


async def counted(ledger: Ledger, since: datetime, upto: int) -> AsyncIterator[Counted]:
    """The verdicts since a moment, up to the event `upto`. Raises `LedgerUnavailable`."""
    after = await seq_before(ledger, since)
    minute = sa.func.substr(events.c.at, 1, 16)
    said = [ledger.backend.said(key) for key in ("centre", "campaign", "reason")]
    while after < upto:
        end = min(after + ROWS_AT_A_TIME, upto)
        within = events.c.seq > after, events.c.seq <= end, events.c.at >= _written(since)
        query = (
            sa.select(minute, events.c.controller, *said, sa.func.count())
            .where(*within, events.c.kind == Kind.VERDICT)
            .group_by(minute, events.c.controller, *said)
        )
        for row in await ledger.rows(query):
            at, *texts, verdicts = tuple(row)
            controller, centre, campaign, reason = (text or "" for text in texts)
            minute_began = datetime.fromisoformat(at).replace(tzinfo=UTC)
            yield Counted(minute_began, controller, centre, campaign, reason, verdicts)
        after = end


async def latest_blocks(ledger: Ledger, most: int, since: datetime, upto: int) -> list[Entry]:
    """The latest blocked calls, in their order. Raises `LedgerUnavailable`."""
    after = await seq_before(ledger, since)
    blocked = ledger.backend.said("outcome") == "block"
    query = (
        sa.select(events.c.seq)
        .where(events.c.seq > after, events.c.seq <= upto, events.c.kind == Kind.VERDICT, blocked)
        .order_by(events.c.seq.desc())
        .limit(most)
    )
    seqs = [int(row.seq) for row in await ledger.rows(query)]
    return await ledger.named(seqs)


async def entries_since(ledger: Ledger, kinds: list[Kind], moment: datetime, upto: int) -> AsyncIterator[Entry]:
    """The entries of these kinds since a moment, in their order. Raises `LedgerUnavailable`."""
    after = await seq_before(ledger, moment)
    while batch := await ledger.read(kinds=kinds, after_seq=after):
        for entry in batch:
            if entry.seq > upto:
                return
            yield entry
        after = batch[-1].seq


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
