"""A machine's dry runs are in the ledger by how many, a person's one by one; and nobody's go unentered."""

import asyncio

import pytest

from callgate.core.access import Role
from callgate.core.events import Event, Kind
from callgate.stores.errors import LedgerUnavailable
from tests.web.world import ANNA, World

pytestmark = pytest.mark.server

CALL = {"number": ANNA, "campaign": "spring", "centre": "brussels"}


async def check(world: World, token: str, campaign: str = "spring") -> int:
    return (await world.ask("POST", "/api/v1/check", token, json=CALL | {"campaign": campaign})).status


async def entered(world: World) -> list[Event]:
    """What the ledger was told of checks."""
    acts = [entry.event for entry in await world.ledger.read(kinds=[Kind.ACT])]
    return [act for act in acts if act.payload["act"] == "call-checked"]


async def test_a_machine_s_first_check_is_entered_at_once_and_those_of_its_minute_together(world: World) -> None:
    crm = await world.user("crm", Role.MACHINE)
    for _ in range(20):
        assert await check(world, crm) == 200
    [first] = await entered(world)
    assert (first.payload["times"], first.payload["people"], first.number) == (1, {"acme": 1}, None)
    await world.services.counted.flush()
    assert len(await entered(world)) == 1
    world.later(minutes=1)
    await world.services.counted.flush()
    assert [act.payload["times"] for act in await entered(world)] == [1, 19]
    await world.services.counted.flush()
    assert len(await entered(world)) == 2


async def test_what_was_counted_is_in_the_next_entry_or_in_that_of_the_end(world: World) -> None:
    crm = await world.user("crm", Role.MACHINE)
    for _ in range(3):
        await check(world, crm)
    world.later(seconds=61)
    for _ in range(2):
        await check(world, crm)
    await world.services.counted.flush(everything=True)
    assert [act.payload["times"] for act in await entered(world)] == [1, 3, 1]


async def test_machines_and_companies_are_counted_apart(world: World) -> None:
    crm, erp = await world.user("crm", Role.MACHINE), await world.user("erp", Role.MACHINE)
    await asyncio.gather(*(check(world, token, campaign) for token in (crm, erp) for campaign in ("spring", "autumn")))
    told = sorted((str(act.payload["by"]), act.controller) for act in await entered(world))
    assert told == [("crm", "acme"), ("crm", "futura"), ("erp", "acme"), ("erp", "futura")]


async def test_many_checks_at_once_are_one_entry(world: World) -> None:
    crm = await world.user("crm", Role.MACHINE)
    await asyncio.gather(*(check(world, crm) for _ in range(20)))
    await world.services.counted.flush(everything=True)
    assert sum(int(str(act.payload["times"])) for act in await entered(world)) == 20
    assert len(await entered(world)) == 2


async def test_a_person_s_check_is_entered_each_time_under_the_person_s_key(world: World) -> None:
    sam = await world.user("sam", Role.SUPERVISOR)
    assert [await check(world, sam) for _ in range(2)] == [200, 200]
    assert [(act.number, act.controller) for act in await entered(world)] == [(ANNA, "acme")] * 2


async def test_without_a_ledger_a_machine_s_check_is_not_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = await world.user("crm", Role.MACHINE)
    await check(world, crm)
    await check(world, crm)
    world.later(minutes=1)

    async def away(_: object) -> None:
        raise LedgerUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "append", away)
        assert await check(world, crm) == 503
        with pytest.raises(LedgerUnavailable):
            await world.services.counted.flush()
    await world.services.counted.flush()
    assert [act.payload["times"] for act in await entered(world)] == [1, 1]
