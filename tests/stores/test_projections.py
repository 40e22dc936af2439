"""Projections say what the events say, and no more: thrown away and rebuilt, they are what they were."""

import random

import pytest
import sqlalchemy as sa

from callgate.core.events import Event, Kind
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.projections import rebuild
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import Entry, open_calls, request_events
from tests.stores.conftest import ANNA, NOW, verdict


@pytest.fixture
def ledger(either: Ledger) -> Ledger:
    return either


async def projected(ledger: Ledger) -> set[str]:
    return {row.call for row in await ledger.rows(sa.select(open_calls.c.call))}


def break_it(url: str) -> None:
    """What the table says is made wrong in both directions."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as direct:
        direct.exec_driver_sql("DELETE FROM open_calls")
        direct.exec_driver_sql("INSERT INTO open_calls VALUES ('never was')")
    engine.dispose()


async def test_open_calls_are_rebuilt_to_what_they_were_whatever_happened(ledger: Ledger, url: str) -> None:
    chance = random.Random(7)
    for _ in range(60):
        calls = [f"c{chance.randrange(40)}" for _ in range(5)]
        await ledger.append([happened(chance.choice(OUTCOMES), call) for call in calls])
    before = await projected(ledger)
    assert 5 < len(before) < 35
    break_it(url)
    assert await rebuild(ledger) == len(before)
    assert await projected(ledger) == before
    assert (await ledger.audit()).problems == ()


OUTCOMES = ("allow", "block", "closed", "dialled")


def happened(what: str, call: str) -> Event:
    return verdict(call, what) if what in ("allow", "block") else Event(Kind(what), NOW, call)


async def told(ledger: Ledger, request: str | None = None, batch: int = 1000) -> list[Entry]:
    return [entry async for some in ledger.requests(request, batch=batch) for entry in some]


async def test_what_tells_of_requests_is_rebuilt_to_what_it_was(ledger: Ledger) -> None:
    opened = [Event(Kind.REQUEST_OPENED, NOW, None, ANNA, "futura", {"request": f"r{n}"}) for n in range(3)]
    await ledger.append(
        [*opened, Event(Kind.REQUEST_CLOSED, NOW, None, ANNA, "futura", {"request": "r1"}), verdict("a")]
    )
    before = await told(ledger), await told(ledger, "r1")
    assert await told(ledger, batch=1) == before[0]
    assert [entry.event.kind for entry in before[1]] == [Kind.REQUEST_OPENED, Kind.REQUEST_CLOSED]
    assert len(before[0]) == 4
    await ledger.amend(Amendment([(ledger.backend.sql.whole(sa.delete(request_events)), [()])], None))
    assert await told(ledger) == []
    await rebuild(ledger)
    assert (await told(ledger), await told(ledger, "r1")) == before


async def test_an_event_of_a_request_that_names_none_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="of which is not said"):
        await ledger.append([Event(Kind.REQUEST_CLOSED, NOW, None, ANNA, "futura")])


async def test_a_call_that_goes_on_after_a_rebuild_is_closed_as_any_other(ledger: Ledger, url: str) -> None:
    await ledger.append([verdict("a"), verdict("b")])
    break_it(url)
    assert await rebuild(ledger) == 2
    await ledger.append([Event(Kind.CLOSED, NOW, "a"), verdict("c")])
    assert await projected(ledger) == {"b", "c"}
