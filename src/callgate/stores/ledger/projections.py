"""Projections: tables that are folded from the events as these are written, and can be folded from them anew.

What a projection says is said by the events, which alone are the truth. So one that is in doubt, or whose meaning
changed, is thrown away.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from callgate.core.events import REQUESTS, Kind
from callgate.stores.ledger.backend import Backend, Change
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import events, open_calls, request_events


async def rebuild(ledger: Ledger) -> int:
    """Throw the projections away and fold them anew, in one transaction; how many calls are open.

    Nobody can append meanwhile. Raises `LedgerUnavailable`.
    """
    await ledger.amend(Amendment(_anew(ledger.backend), None))
    return int((await ledger.rows(sa.select(sa.func.count()).select_from(open_calls)))[0][0])


def _anew(backend: Backend) -> Sequence[Change]:
    """As `writing.py` has it: the last verdict on a call says whether it is open, until it is closed.

    A verdict that no longer says what it was is past its term, and no call lasts that long.
    """
    later = events.alias("later")
    deciding = (Kind.VERDICT.value, Kind.CLOSED.value)
    overtaken = sa.exists().where(later.c.call == events.c.call, later.c.kind.in_(deciding), later.c.seq > events.c.seq)
    last = sa.select(events.c.call).where(
        events.c.call.is_not(None), events.c.kind == Kind.VERDICT.value, ~overtaken, backend.said("outcome") == "allow"
    )
    of_requests = sa.select(backend.said("request"), events.c.seq).where(
        events.c.kind.in_([kind.value for kind in REQUESTS]), events.c.body.is_not(None)
    )
    statements = (
        sa.delete(open_calls),
        sa.insert(open_calls).from_select([open_calls.c.call], last),
        sa.delete(request_events),
        sa.insert(request_events).from_select([request_events.c.request, request_events.c.seq], of_requests),
    )
    return [(backend.sql.whole(statement), [()]) for statement in statements]
