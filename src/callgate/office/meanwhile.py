"""What people on the line said by another way than their telephone: the API, a page, the command line, a partner.

It is asked for with the calls that are under way, and found in the ledger, so that it does not matter which process, or
which callgate, took it. Objections have marks in one order (docs/decisions/0003): those past a mark are looked at once.
Withdrawals are few: all since the oldest of the calls are looked through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from callgate.boundary import Said
from callgate.core.events import Event, Kind
from callgate.core.gate import Scope
from callgate.stores.ledger import Ledger
from callgate.stores.schema import Entry, events, of_kinds
from callgate.stores.schema import ledger as ledger_table


@dataclass(frozen=True, slots=True)
class Line:
    """Who is on the line of a call, and for whom they are called. `campaign` is empty where it is known no more.

    `seq` is that of the call's verdict, which knew what was said before.
    """

    number: str
    controller: str
    campaign: str
    seq: int

    def spoken_for(self, entry: Entry) -> bool:
        """Whether an objection speaks against this call."""
        event = entry.event
        if event.number != self.number or entry.seq <= self.seq:
            return False
        match event.payload.get("scope"):
            case Scope.ALL:
                return True
            case Scope.CAMPAIGN:
                return event.controller == self.controller and event.payload.get("campaign") == self.campaign
            case _:
                return event.controller == self.controller


async def said_meanwhile(ledger: Ledger, lines: Mapping[str, Line], after: int | None) -> tuple[int, Sequence[Said]]:
    """What was said of these calls, objections past the mark `after`, and the mark up to which that is.

    None: since the oldest of them began. Raises `LedgerUnavailable`.
    """
    if not lines:
        return await ledger.mark(), ()
    oldest = min(line.seq for line in lines.values())
    if after is None:
        after = await _mark_at(ledger, oldest)
    withdrawn, mark = await _withdrawn_and_mark(ledger, oldest)
    said = [Said(call, Kind.WITHDRAWAL) for call in withdrawn if call in lines]
    if mark <= after:
        return after, said
    async for batch in ledger.suppressions(after):
        for entry in batch:
            if entry.event.kind is Kind.OBJECTION:
                said += [_objection(call, entry.event) for call, line in lines.items() if line.spoken_for(entry)]
        after += len(batch)
    return after, said


def _objection(call: str, event: Event) -> Said:
    whole = event.payload.get("scope") != Scope.CAMPAIGN
    return Said(call, Kind.OBJECTION, in_the_call=event.call == call, whole=whole)


WITHDRAWN_AND_MARK = (
    sa.select(events.c.call, sa.literal_column("0").label("mark"))
    .where(of_kinds([Kind.WITHDRAWAL]), events.c.seq > sa.bindparam("oldest", 0))
    .union_all(sa.select(sa.null(), ledger_table.c.mark))
)
"""One question, and the same for any calls: it is asked four times a second."""


async def _withdrawn_and_mark(ledger: Ledger, oldest: int) -> tuple[list[str], int]:
    """The calls for which a withdrawal was entered after the event `oldest`, and the ledger's mark."""
    rows = await ledger.rows(WITHDRAWN_AND_MARK.params(oldest=oldest))
    return [row.call for row in rows if row.call is not None], max(row.mark for row in rows)


async def _mark_at(ledger: Ledger, seq: int) -> int:
    """The ledger's mark as of an event."""
    before = sa.select(sa.func.max(events.c.mark)).where(events.c.mark.is_not(None), events.c.seq <= seq)
    (row,) = await ledger.rows(before)
    return row[0] or 0
