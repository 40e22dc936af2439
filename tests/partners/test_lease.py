"""Of several processes that share a ledger, one at a time tells a partner; one that dies is followed by another."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence

import pytest

from callgate.core.events import Kind
from callgate.core.partners import Item, Reply
from callgate.partners.courier import Courier, Deliver
from callgate.stores.lease import TAKEN_FOR
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from lab.postgres import PostgresServer
from tests.partners.partner import CRM, Moved
from tests.stores.conftest import ANNA, BRAM, objection, open_at

pytestmark = pytest.mark.server


class Receiver:
    """A partner that does not answer until it is let; what it was told, and by how many at a time at most."""

    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.now = self.most = 0

    async def deliver(self, items: Sequence[Item]) -> Reply:
        self.told += [item.number for item in items]
        self.now += 1
        self.most = max(self.most, self.now)
        self.asked.set()
        try:
            await self.answer.wait()
        finally:
            self.now -= 1
        return Reply(frozenset(item.id for item in items), {})


class Pace:
    """The courier's pauses: each ends when a test lets it."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.set()
        await self.go.wait()
        self.go.clear()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
async def ledgers(database: str) -> AsyncIterator[tuple[Ledger, Ledger]]:
    north, south = await open_at(database, "north"), await open_at(database, "south")
    yield north, south
    await north.close()
    await south.close()


def courier(ledger: Ledger, clock: Moved, deliver: Deliver, pace: Pace | None = None) -> Courier:
    outbox = Outbox(ledger, [CRM], clock)
    return Courier(outbox, {"crm": deliver}, clock=clock, alarm=lambda *_: None, sleep=pace or Pace())


async def told_by(ledger: Ledger, clock: Moved) -> list[str | None]:
    """What a step of this process tells a partner who answers at once."""
    partner = Receiver()
    partner.answer.set()
    await courier(ledger, clock, partner.deliver).step(CRM)
    return partner.told


async def done(ledger: Ledger) -> int:
    return len(await ledger.read(kinds=[Kind.DELIVERY_DONE]))


async def test_what_one_process_tells_no_other_tells_meanwhile(ledgers: tuple[Ledger, Ledger]) -> None:
    north, south = ledgers
    clock, partner = Moved(), Receiver()
    await north.append([objection(), objection(BRAM)])
    telling = asyncio.create_task(courier(north, clock, partner.deliver).step(CRM))
    await partner.asked.wait()
    assert await told_by(south, clock) == []
    partner.answer.set()
    await telling
    assert (partner.told, await done(north)) == ([ANNA, BRAM], 1)
    assert await told_by(south, clock) == [], "nothing was left to tell"


async def test_many_steps_of_two_processes_at_once_tell_everything_once(ledgers: tuple[Ledger, Ledger]) -> None:
    north, south = ledgers
    clock, partner = Moved(), Receiver()
    partner.answer.set()
    both = [courier(ledger, clock, partner.deliver) for ledger in ledgers]
    numbers = [f"+331990{n:05}" for n in range(40)]
    for at, number in enumerate(numbers):
        await (north if at % 2 else south).append([objection(number)])
        await asyncio.gather(*(one.step(CRM) for one in both))
    await both[0].step(CRM)
    assert (sorted(filter(None, partner.told)), partner.most) == (numbers, 1)


async def test_after_a_process_that_is_killed_while_it_tells_another_tells_it_again(database: str) -> None:
    south, clock = await open_at(database, "south"), Moved()
    await south.append([objection()])
    words = sys.executable, "-m", "tests.partners.hanging", database
    north = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert north.stdout is not None
    assert await north.stdout.readline() == b"asked\n"
    north.kill()
    await north.wait()
    clock.now += TAKEN_FOR / 2
    assert await told_by(south, clock) == []
    clock.now += TAKEN_FOR / 2
    assert await told_by(south, clock) == [ANNA]
    assert await done(south) == 1
    await south.close()


async def test_a_partner_that_takes_long_stays_with_who_tells_it(ledgers: tuple[Ledger, Ledger]) -> None:
    north, south = ledgers
    clock, partner, pace = Moved(), Receiver(), Pace()
    await north.append([objection()])
    telling = asyncio.create_task(courier(north, clock, partner.deliver, pace).step(CRM))
    await partner.asked.wait()
    for _ in range(6):
        await pace.asked.wait()
        pace.asked.clear()
        clock.now += TAKEN_FOR / 2
        pace.go.set()
        await pace.asked.wait()
        assert await told_by(south, clock) == []
    partner.answer.set()
    await telling
    assert (partner.told, await done(north)) == ([ANNA], 1)


async def test_who_was_away_so_long_that_another_took_over_tells_no_more(ledgers: tuple[Ledger, Ledger]) -> None:
    north, south = ledgers
    clock, hung, partner, pace = Moved(), Receiver(), Receiver(), Pace()
    await north.append([objection()])
    telling = asyncio.create_task(courier(north, clock, hung.deliver, pace).step(CRM))
    await hung.asked.wait()
    clock.now += TAKEN_FOR
    other = asyncio.create_task(courier(south, clock, partner.deliver).step(CRM))
    await partner.asked.wait()
    pace.go.set()
    await telling
    assert hung.now == 0, "what it was telling was broken off"
    partner.answer.set()
    await other
    assert await done(south) == 1
