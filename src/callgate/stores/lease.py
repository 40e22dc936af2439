"""Who tells a partner at the moment, where several processes share a ledger.

A process *takes* a partner for a minute, again and again while it is at work, and *leaves* it afterwards. One that dies
leaves it by that. It is taken under the writer's name, which is one process's own: started again, it need not wait.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from callgate.stores.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import partners

TAKEN_FOR = timedelta(minutes=1)
"""The clocks of the processes must agree better than that."""


class Lease:
    """Takes and leaves for this ledger's writer. Every method raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock
        text, named = ledger.backend.sql.text, sa.bindparam
        columns = ("name", "mark", "tries", "holder", "held")
        new = text(sa.insert(partners).inline().values({name: named(name) for name in columns}))
        free = "partners.holder IS NULL OR partners.holder = excluded.holder OR partners.held <= " + text(named("now"))
        # One statement under the ledger's lock: of two that ask at once, one has it.
        self._take = (
            f"{new} ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held = excluded.held WHERE {free}"
        )
        mine = partners.c.name == named("which"), partners.c.holder == named("whose")
        self._leave = text(sa.update(partners).values(holder=sa.null(), held=sa.null()).where(*mine))

    async def take(self, partner: str) -> bool:
        """Be the one process that tells this partner, for `TAKEN_FOR` from now; False where another one is."""
        now, me = self._clock(), self._ledger.writer
        await self._change(self._take, (partner, 0, 0, me, _text(now + TAKEN_FOR), _text(now)))
        rows = await self._ledger.rows(sa.select(partners.c.holder).where(partners.c.name == partner))
        return bool(rows) and rows[0].holder == me

    async def leave(self, partner: str) -> None:
        """Let others tell this partner."""
        await self._change(self._leave, (partner, self._ledger.writer))

    async def _change(self, statement: str, values: tuple[object, ...]) -> None:
        await self._ledger.amend(Amendment([(statement, [values])], None, keys=False))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
