"""What the ledger holds of the last day or so, for those who show it: found by time, and counted by the database.

Times of events are not indexed. Their seqs grow with them, but for what was entered late, so that a moment is found by
halving; and what is read is everything from there on.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from callgate.core.events import Kind
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.schema import Entry, events, of_kinds

ROWS_AT_A_TIME = 50_000
LOOKS_MOST = 20
"""Parts of that many events that are looked at for one page."""
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which verdicts are looked for. None of a part is any; of a tuple, those in it and no other."""

    controllers: tuple[str, ...] | None = None
    centres: tuple[str, ...] | None = None
    outcome: str | None = None
    reason: str | None = None
    centre: str | None = None
    campaign: str | None = None
    agent: str | None = None


async def verdicts(ledger: Ledger, wanted: Wanted, before: int, most: int) -> tuple[list[Entry], int]:
    """Up to `most` verdicts before the event `before`, the newest first, and before which event to go on; 0 at the end.

    Looks at a bounded part of the ledger, so that less may be found though there is more. Raises `LedgerUnavailable`.
    """
    narrowing = [events.c.kind == Kind.VERDICT, *_narrowing(ledger, wanted)]
    seqs: list[int] = []
    for _ in range(LOOKS_MOST):
        after = max(0, before - ROWS_AT_A_TIME)
        within = events.c.seq > after, events.c.seq < before
        query = sa.select(events.c.seq).where(*within, *narrowing).order_by(events.c.seq.desc()).limit(most - len(seqs))
        seqs += [int(row.seq) for row in await ledger.rows(query)]
        before = seqs[-1] if len(seqs) == most else after + 1
        if len(seqs) == most or after == 0:
            break
    return list(reversed(await ledger.named(seqs))), before if before > 1 else 0


def _narrowing(ledger: Ledger, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.controllers is not None:
        found.append(events.c.controller.in_(wanted.controllers))
    if wanted.centres is not None:
        found.append(ledger.backend.said("centre").in_(wanted.centres))
    said = {key: getattr(wanted, key) for key in ("outcome", "reason", "centre", "campaign", "agent")}
    return [*found, *(ledger.backend.said(key) == value for key, value in said.items() if value is not None)]


async def latest(ledger: Ledger, kind: Kind, most: int) -> list[Entry]:
    """The latest entries of a kind, the newest first, of a bounded part of the ledger. Raises `LedgerUnavailable`."""
    back = await ledger.last_seq() - LOOKS_MOST * ROWS_AT_A_TIME
    query = sa.select(events.c.seq).where(events.c.seq > back, of_kinds([kind]))
    rows = await ledger.rows(query.order_by(events.c.seq.desc()).limit(most))
    return list(reversed(await ledger.named([int(row.seq) for row in rows])))


async def entries_since(ledger: Ledger, kinds: Sequence[Kind], moment: datetime, upto: int) -> AsyncIterator[Entry]:
    """The entries of these kinds, which are rare, since a moment, in their order. Raises `LedgerUnavailable`."""
    after = await seq_before(ledger, moment)
    while after < upto:
        end = min(after + ROWS_AT_A_TIME, upto)
        within = events.c.seq > after, events.c.seq <= end
        rows = await ledger.rows(sa.select(events.c.seq).where(*within, of_kinds(kinds)))
        for entry in await ledger.named([int(row.seq) for row in rows]):
            yield entry
        after = end


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
