"""What a ledger lacks that was restored from a backup: everything that was acknowledged since.

Erasures come back from their journal. Objections do not: people who were told that they would not be called again may
be called, and nothing here can know it. So a restored ledger is marked, and no call is made on it, until the objections
were fetched from those who hold them too, or an officer answers for their absence (P6).
"""

from datetime import UTC, datetime

import sqlalchemy as sa

from callgate.core.events import DataClass, Event, Json, Kind
from callgate.stores.errors import LedgerRefused, Unready, Why
from callgate.stores.ledger.backend import Change
from callgate.stores.ledger.journal import Erased, Journal
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import ledger as ledger_table
from callgate.stores.schema import sessions, subjects, tokens

WAY_OUT = "enter the objections since its backup, then `callgate ledger accept-gap --by WHO --because …`"
STEP = 500
"""How many subjects are looked for at a time."""


async def mark(ledger: Ledger, at: datetime) -> None:
    """Note that the ledger was restored, so that nothing is decided on it. Raises `LedgerUnavailable`.

    Sessions and API tokens end: of those in the backup some were taken back since.
    """
    sql = ledger.backend.sql
    changes: list[Change] = [(sql.set_gap, [(at.astimezone(UTC).isoformat(timespec="seconds"),)])]
    changes += [sql.change(sa.delete(table)) for table in (sessions, tokens)]
    await ledger.amend(Amendment(changes, Event(Kind.RESTORED, at)))


async def accept(ledger: Ledger, at: datetime, by: str, because: str) -> None:
    """Answer for what may be missing; calls are made again. Raises `LedgerRefused` where nothing is."""
    since = await _since(ledger)
    if since is None:
        raise LedgerRefused("the ledger was not restored, or its gap was accepted already; there is nothing to accept")
    said: dict[str, Json] = {"by": by, "because": because, "restored": since}
    await ledger.amend(Amendment([(ledger.backend.sql.set_gap, [(None,)])], Event(Kind.GAP_ACCEPTED, at, payload=said)))


async def unready(ledger: Ledger) -> tuple[Unready, ...]:
    """Why the ledger may not be decided on, where nobody answered for its gap yet. Raises `LedgerUnavailable`."""
    since = await _since(ledger)
    if since is None:
        return ()
    return (Unready(Why.RESTORED, f"the ledger was restored at {since} and may lack objections", WAY_OUT),)


async def _since(ledger: Ledger) -> str | None:
    found: str | None = (await ledger.rows(sa.select(ledger_table.c.gap)))[0].gap
    return found


async def erase_again(ledger: Ledger, journal: Journal, at: datetime) -> int:
    """Destroy the keys that the journal says were destroyed and that the ledger has again; how many there were.

    Can be broken off and begun again at any time. Raises `LedgerUnavailable`, and what reading the journal raises.
    """
    destroyed = 0
    for erased in journal.read():
        for begin in range(0, len(erased.subjects), STEP):
            destroyed += await _erase_again(ledger, erased, erased.subjects[begin : begin + STEP], at)
    if destroyed:
        await ledger.forget(thorough=True)
    return destroyed


async def _erase_again(ledger: Ledger, erased: Erased, some: tuple[bytes, ...], at: datetime) -> int:
    query = sa.select(subjects.c.subject).where(subjects.c.subject.in_(some), subjects.c.wrapped.is_not(None))
    again = [row.subject for row in await ledger.rows(query)]
    if not again:
        return 0
    said: dict[str, Json] = {
        "classes": [of.value for of in DataClass if of in erased.classes],
        "subjects": [subject.hex() for subject in again],
        "by": erased.by,
        "first": erased.at,
    }
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    changes = [(ledger.backend.sql.destroy_subject, [(when, subject) for subject in again])]
    await ledger.amend(Amendment(changes, Event(Kind.ERASURE, at, None, None, erased.controller or None, said)))
    return len(again)
