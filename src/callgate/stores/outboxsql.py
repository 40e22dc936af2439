"""The statements of the outbox, in the dialect of the ledger's database, with values by position."""

from typing import Any

import sqlalchemy as sa

from callgate.stores.ledger.backend import Backend
from callgate.stores.schema import deliveries, partners


class Statements:
    """The statements, with their values in the order in which they are named."""

    def __init__(self, backend: Backend) -> None:
        text = backend.sql.text
        of, named = deliveries.c, sa.bindparam

        def into(table: sa.Table, *names: str) -> str:
            return text(sa.insert(table).inline().values({name: named(name) for name in names}))

        def change(**values: Any) -> str:
            return text(sa.update(deliveries).values(**values).where(of.id == named("which")))

        zero: sa.ColumnElement[int] = sa.literal_column("0")
        self.put = (
            into(deliveries, *(column.name for column in of if column.name != "place")) + " ON CONFLICT DO NOTHING"
        )
        self.end = text(sa.delete(deliveries).where(of.id == named("which")))
        self.die = change(dead=named("since"), why=named("cause"))
        self.postpone = change(due=named("then"), tries=of.tries + sa.literal_column("1"), why=named("cause"))
        self.revive = change(queued=named("now"), due=named("then"), tries=zero, dead=sa.null())
        known = " ON CONFLICT (name) DO UPDATE SET "
        self.set_mark = into(partners, "name", "mark", "tries") + f"{known}mark = excluded.mark"
        self.set_seen = into(partners, "name", "mark", "tries", "seen") + f"{known}seen = excluded.seen"
        self.set_day = into(partners, "name", "mark", "tries", "anchored") + f"{known}anchored = excluded.anchored"
        self.set_pause = into(partners, "name", "mark", "tries", "due", "why") + (
            f"{known}tries = excluded.tries, due = excluded.due, why = excluded.why"
        )
