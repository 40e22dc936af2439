"""What is asked of a long ledger while somebody waits is answered by an index, in each kind of database."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import sqlalchemy as sa

from callgate.core.events import REQUESTS, Event, Kind
from callgate.office.meanwhile import WITHDRAWN_AND_MARK
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.finding import by_token
from callgate.stores.ledger.questions import Question, select
from callgate.stores.ledger.rows import READING
from callgate.stores.schema import events, of_kinds, subjects
from tests.stores.conftest import NOW

WHOLE = re.compile(r"SCAN events\b(?! USING)|Seq Scan on events")

MANY = 2_000
"""Calls: enough for PostgreSQL to find a scan dearer than an index."""

Asked = Callable[[Ledger], sa.Select[Any] | sa.CompoundSelect[Any]]


def asking(**question: Any) -> Asked:
    return lambda ledger: select(Question(**question), ledger.backend, ledger.ring)


async def fill(ledger: Ledger) -> None:
    """Many calls with a person each, and a few of what is rare."""
    for first in range(0, MANY, 200):
        calls = [f"{n:016x}" for n in range(first, first + 200)]
        people = [f"+3319900{n:04}" for n in range(first, first + 200)]
        await ledger.append(
            [
                Event(kind, NOW, call, number, "acme", {"outcome": "block"})
                for call, number in zip(calls, people, strict=True)
                for kind in (Kind.VERDICT, Kind.CLOSED)
            ]
            + [Event(Kind.ALARM, NOW), Event(Kind.RECORDING_SEALED, NOW, calls[0], people[0], "acme")]
        )


async def plan(ledger: Ledger, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> str:
    """How the database goes about it, in its own words."""
    url = ledger.backend.reads.url
    compiled = query.compile(dialect=ledger.backend.reads.dialect, compile_kwargs={"render_postcompile": True})
    if url.get_backend_name() == "sqlite":
        values = [compiled.params[name] for name in getattr(compiled, "positiontup", None) or ()]
        with closing(sqlite3.connect(str(url.database))) as direct:
            return "\n".join(row[3] for row in direct.execute(f"EXPLAIN QUERY PLAN {compiled}", values))
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as session:
        session.execute("ANALYZE")
        return "\n".join(row[0] for row in session.execute(f"EXPLAIN {compiled}".encode(), compiled.params))


QUESTIONS: dict[str, tuple[Asked, str]] = {
    "the alarms": (asking(kinds=[Kind.ALARM], limit=100), "events_of_kind"),
    "the recordings": (asking(kinds=[Kind.RECORDING_SEALED], after_seq=50, limit=100), "events_of_kind"),
    "the latest alarms": (
        lambda _: sa.select(events.c.seq).where(of_kinds([Kind.ALARM])).order_by(events.c.seq.desc()).limit(20),
        "events_of_kind",
    ),
    "all requests": (lambda _: READING.where(of_kinds(list(REQUESTS))).order_by(events.c.seq), "events_of_kind"),
    "who withdrew of late": (lambda _: WITHDRAWN_AND_MARK, "events_of_kind"),
    "a call": (asking(call=f"{7:016x}"), "events_of_call"),
    "a call's verdict": (asking(call=f"{7:016x}", kinds=[Kind.VERDICT]), "events_of_call"),
    "a call's recording": (asking(call=f"{7:016x}", kinds=[Kind.RECORDING_SEALED]), "events_of_call"),
    "a person's calls": (asking(number="+33199000042", controllers=("acme",)), "events_of_subject"),
    "a person's key": (
        lambda ledger: by_token(sa.select(subjects.c.wrapped), [bytes(32)]),
        "subjects_by_token",
    ),
}


async def test_each_question_is_answered_by_its_index(either: Ledger) -> None:
    await fill(either)
    plans = {what: (index, await plan(either, asked(either))) for what, (asked, index) in QUESTIONS.items()}
    assert {what: found for what, (index, found) in plans.items() if index not in found or WHOLE.search(found)} == {}
