"""What people on the line said by another way than their telephone: the API, a page, the command line, a partner.

It is asked for with the calls that are under way, and found in the ledger, so that it does not matter which process, or
which callgate, took it. Objections have marks in one order (docs/decisions/0003): those past a mark are looked at once.
Withdrawals are few, and are looked for by call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from callgate.boundary import Said
from callgate.core.events import Event, Kind
from callgate.core.gate import Scope
from callgate.stores.ledger import Ledger
from callgate.stores.schema import events, open_calls


@dataclass(frozen=True, slots=True)
class Line:
    """Who is on the line of a call, and for whom they are called. `campaign` is empty where it is known no more."""

    number: str
    controller: str
    campaign: str

    def spoken_for(self, event: Event) -> bool:
        """Whether an objection speaks against this call."""
        if event.number != self.number:
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

    None: since the oldest call under way began. Raises `LedgerUnavailable`.
    """
    if after is None:
        after = await _mark_at_first(ledger)
    if not lines:
        return max(after, await ledger.mark()), ()
    said = [Said(call, Kind.WITHDRAWAL) for call in await _withdrawn(ledger, lines)]
    async for batch in ledger.suppressions(after):
        for entry in batch:
            if entry.event.kind is Kind.OBJECTION:
                said += [_objection(call, entry.event) for call, line in lines.items() if line.spoken_for(entry.event)]
        after += len(batch)
    return after, said


def _objection(call: str, event: Event) -> Said:
    whole = event.payload.get("scope") != Scope.CAMPAIGN
    return Said(call, Kind.OBJECTION, in_the_call=event.call == call, whole=whole)


async def _withdrawn(ledger: Ledger, lines: Mapping[str, Line]) -> list[str]:
    found = sa.select(events.c.call).where(events.c.call.in_(list(lines)), events.c.kind == Kind.WITHDRAWAL.value)
    return [str(row.call) for row in await ledger.rows(found)]


async def _mark_at_first(ledger: Ledger) -> int:
    """The mark as of which the oldest call under way was allowed; the newest where there is none."""
    first = sa.select(sa.func.min(events.c.seq)).where(events.c.call.in_(sa.select(open_calls.c.call)))
    (row,) = await ledger.rows(first)
    if row[0] is None:
        return await ledger.mark()
    before = sa.select(sa.func.max(events.c.mark)).where(events.c.mark.is_not(None), events.c.seq < row[0])
    (row,) = await ledger.rows(before)
    return row[0] or 0
