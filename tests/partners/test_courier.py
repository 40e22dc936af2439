"""A partner is told until it did it, whatever partners do over real HTTP; nobody waits for anybody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import aiohttp
import pytest
from structlog.testing import capture_logs

from callgate.core.events import Kind
from callgate.core.partners import GIVE_UP, LONGEST_PAUSE, Item, Partner, Reply, Way, What
from callgate.partners.courier import Courier
from callgate.partners.http import Line, http_session
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from tests.partners.partner import CRM, SECRET, Mood, Moved, RemotePartner, remote_partner
from tests.stores.conftest import ANNA, BRAM, objection, removal

OTHER = Partner("other", frozenset({"futura"}), frozenset(What), Way.WEBHOOK)

UNBELIEVED = {
    Mood.SILENT: "has not the webhook-id",
    Mood.UNSIGNED: "has not the webhook-id",
    Mood.REPLAYED: "has not the webhook-id",
    Mood.FORGED: "not signed with the partner's secret",
    Mood.LATE: "another time",
    Mood.LIAR: "not asked about",
    Mood.TWICE: "twice",
    Mood.ENDLESS: "more than 65536 bytes",
}
UNREACHED = {Mood.BROKEN: "answered 500", Mood.SLOW: "did not answer in time", Mood.MOVED: "names another address"}


class World:
    """An outbox, a courier, and a partner at the other end."""

    def __init__(self, ledger: Ledger, remote: RemotePartner, session: aiohttp.ClientSession, clock: Moved) -> None:
        self.ledger, self.remote, self.clock = ledger, remote, clock
        self.outbox = Outbox(ledger, [CRM, OTHER], clock)
        self.line = Line(session, f"{remote.url}/hook", remote.signer, clock)
        nobody = Line(session, "http://127.0.0.1:9/hook", remote.signer, clock)
        self.alarms: list[tuple[str, str]] = []
        ways = {"crm": self.line.deliver, "other": nobody.deliver}
        self.courier = Courier(self.outbox, ways, clock=clock, alarm=lambda *told: self.alarms.append(told))

    async def deliver(self) -> bool:
        """One step of the courier's for the partner."""
        return await self.courier.step(CRM)

    async def acknowledged(self) -> int:
        entries = await self.ledger.read(kinds=[Kind.DELIVERY_DONE])
        told = [entry.event.payload["items"] for entry in entries]
        return sum(len(items) for items in told if isinstance(items, list))


@pytest.fixture
async def world(ledger: Ledger) -> AsyncIterator[World]:
    clock = Moved()
    async with remote_partner(clock) as remote, http_session(within=1) as session:
        yield World(ledger, remote, session, clock)


async def test_a_partner_is_told_in_order_and_what_it_did_is_in_the_ledger(world: World) -> None:
    await world.ledger.append([objection(), removal(), objection(BRAM)])
    await world.deliver()
    assert [(item["what"], item["number"]) for item in world.remote.told] == [
        ("objection", ANNA), ("objection-removed", ANNA), ("objection", BRAM),
    ]  # fmt: skip
    assert await world.acknowledged() == 3
    assert (await world.outbox.stand("crm")).waiting == 0
    await world.deliver()
    assert len(world.remote.messages) == 1


async def test_more_than_one_message_holds_is_told_in_several_at_once(world: World) -> None:
    await world.ledger.append([objection(f"+331990{n:05}") for n in range(250)])
    assert [await world.deliver() for _ in range(3)] == [True, True, False]
    assert len({item["id"] for item in world.remote.told}) == 250
    assert len(world.remote.messages) == 3


@pytest.mark.parametrize(("mood", "why"), [*UNBELIEVED.items(), *UNREACHED.items()])
async def test_what_a_partner_does_not_own_up_to_is_not_acknowledged_and_told_again(
    world: World, mood: Mood, why: str
) -> None:
    await world.ledger.append([objection(), objection(BRAM)])
    world.remote.mood = mood
    await world.deliver()
    assert await world.acknowledged() == 0
    [(alarm, said)] = world.alarms
    assert alarm == ("partner-not-believed" if mood in UNBELIEVED else "partner-unreachable")
    assert why in said
    stand = await world.outbox.stand("crm")
    assert (stand.tries, stand.waiting, why in stand.why) == (1, 2, True)
    asked = len(world.remote.messages)
    await world.deliver()
    assert len(world.remote.messages) == asked, "it is left alone for its pause"
    world.remote.mood = Mood.HONEST
    world.clock.now += timedelta(minutes=1)
    await world.deliver()
    assert await world.acknowledged() == 2
    assert len(set(world.remote.messages)) == 1, "the same message again"
    assert (await world.outbox.stand("crm")).tries == 0


async def test_a_partner_that_is_down_for_a_day_gets_everything_when_it_is_back(world: World) -> None:
    await world.ledger.append([objection()])
    world.remote.mood = Mood.BROKEN
    end, tries = world.clock.now + timedelta(days=1), 0
    while world.clock.now < end:
        await world.deliver()
        tries = (await world.outbox.stand("crm")).tries
        world.clock.now += timedelta(minutes=10)
    assert 8 <= tries <= 20
    assert [alarm for alarm, _ in world.alarms] == ["partner-unreachable"], "said once, not at every try"
    await world.ledger.append([objection(BRAM)])
    world.remote.mood = Mood.HONEST
    world.clock.now += LONGEST_PAUSE
    await world.deliver()
    assert {item["number"] for item in world.remote.told} == {ANNA, BRAM}
    assert await world.acknowledged() == 2


async def test_the_pause_outlives_a_restart(world: World) -> None:
    await world.ledger.append([objection()])
    world.remote.mood = Mood.BROKEN
    await world.deliver()
    again = Courier(
        Outbox(world.ledger, [CRM], world.clock), {"crm": world.line.deliver}, clock=world.clock, alarm=lambda *_: None
    )
    await again.step(CRM)
    assert len(world.remote.messages) == 1


async def test_after_days_in_vain_a_person_is_told_and_what_they_retry_arrives(world: World) -> None:
    await world.ledger.append([objection()])
    world.remote.mood = Mood.BROKEN
    await world.deliver()
    world.clock.now += GIVE_UP
    await world.deliver()
    assert [alarm for alarm, _ in world.alarms] == ["partner-unreachable", "delivery-dead"]
    [dead] = await world.outbox.dead("crm")
    assert dead.why == "the partner answered 500"
    world.remote.mood = Mood.HONEST
    await world.outbox.retry("crm", [dead.item], "officer")
    await world.deliver()
    assert await world.acknowledged() == 1


async def test_what_a_partner_refuses_a_person_sees_with_its_reason_and_without_a_number(world: World) -> None:
    await world.ledger.append([objection()])
    world.remote.mood = Mood.REFUSING
    await world.deliver()
    [dead] = await world.outbox.dead("crm")
    assert dead.why == "no such customer, •••"
    assert world.alarms == [("delivery-dead", "crm: 1 items were refused")]
    await world.deliver()
    assert len(world.remote.messages) == 1


async def test_what_an_answer_leaves_out_waits_by_itself(world: World) -> None:
    await world.ledger.append([objection(), objection(BRAM)])
    world.remote.mood = Mood.FORGETFUL
    await world.deliver()
    assert await world.acknowledged() == 1
    await world.ledger.append([objection("+33199000099")])
    await world.deliver()
    assert await world.acknowledged() == 2, "what came after it was not held up"
    world.clock.now += timedelta(minutes=1)
    await world.deliver()
    assert await world.acknowledged() == 3


async def test_what_waits_for_a_partner_that_is_gone_is_dead_and_a_person_hears_of_it(world: World) -> None:
    await world.ledger.append([objection(), objection(BRAM)])
    await world.outbox.catch_up(CRM)
    alarmed = asyncio.Event()

    def alarm(what: str, why: str) -> None:
        world.alarms.append((what, why))
        alarmed.set()

    outbox = Outbox(world.ledger, [OTHER], world.clock)
    running = asyncio.create_task(Courier(outbox, {}, clock=world.clock, alarm=alarm).run())
    await alarmed.wait()
    assert world.alarms == [("delivery-dead", "crm is not configured any more; 2 items wait for it")]
    assert [dead.item.number for dead in await outbox.dead("crm")] == [ANNA, BRAM]
    running.cancel()


async def test_one_that_does_not_answer_holds_up_no_other(world: World) -> None:
    await world.ledger.append([objection()])
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(items: Sequence[Item]) -> Reply:
        asked.set()
        await never.wait()
        raise AssertionError

    ways = {"crm": world.line.deliver, "other": hang}
    courier = Courier(world.outbox, ways, clock=world.clock, alarm=lambda *_: None)
    running = asyncio.create_task(courier.run())
    await asked.wait()
    await world.remote.did.wait()
    assert [item["number"] for item in world.remote.told] == [ANNA]
    running.cancel()


@pytest.mark.parametrize("mood", Mood)
async def test_no_number_and_no_secret_is_in_a_log_or_an_alarm(world: World, mood: Mood) -> None:
    await world.ledger.append([objection()])
    world.remote.mood = mood
    with capture_logs() as logged:
        await world.deliver()
    said = f"{logged} {world.alarms} {(await world.outbox.stand('crm')).why}"
    assert "19900" not in said
    assert SECRET.hex() not in said
