"""The stream of what happens now."""

import asyncio
import json

import pytest
from aiohttp import ClientResponse

from callgate.core.access import Role
from callgate.core.events import Kind
from tests.stores.conftest import NOW
from tests.web.world import World

pytestmark = pytest.mark.server


@pytest.fixture
async def token(world: World) -> str:
    return await world.user("boss", Role.SUPERVISOR)


async def frame(stream: ClientResponse) -> dict[str, str]:
    """The next server-sent event."""
    async with asyncio.timeout(5):
        raw = await stream.content.readuntil(b"\n\n")
    return dict(line.split(": ", 1) for line in raw.decode().strip().splitlines())


async def numbers(stream: ClientResponse, count: int) -> list[object]:
    return [json.loads((await frame(stream))["data"])["n"] for _ in range(count)]


async def test_an_event_has_its_number_its_kind_and_its_facts(world: World, token: str) -> None:
    world.live.tell("block", number="+33 ••• 34", reason="objection")
    async with await world.ask("GET", "/api/v1/events?after=0", token) as stream:
        assert stream.content_type == "text/event-stream"
        told = await frame(stream)
    assert (told["id"], told["event"]) == ("1", "block")
    assert json.loads(told["data"]) == {
        "at": NOW.isoformat(), "what": "block", "number": "+33 ••• 34", "reason": "objection",
    }  # fmt: skip


async def test_events_come_in_order_those_before_and_those_to_come(world: World, token: str) -> None:
    for n in range(1, 4):
        world.live.tell("call", n=n)
    async with await world.ask("GET", "/api/v1/events?after=0", token) as stream:
        assert await numbers(stream, 3) == [1, 2, 3]
        world.live.tell("call", n=4)
        world.live.tell("call", n=5)
        assert await numbers(stream, 2) == [4, 5]


@pytest.mark.parametrize(("last", "first"), [("0", 1), ("2", 3), ("99", 1)])
async def test_a_watcher_who_comes_back_gets_what_it_missed(world: World, token: str, last: str, first: int) -> None:
    """99 is a number from before a restart: the numbers began anew."""
    for n in range(1, 5):
        world.live.tell("call", n=n)
    async with await world.ask("GET", "/api/v1/events", token, Last_Event_ID=last) as stream:
        assert await numbers(stream, 5 - first) == list(range(first, 5))


async def test_a_line_feed_in_a_fact_begins_no_event_of_its_own(world: World, token: str) -> None:
    world.live.tell("call", agent="x\n\nevent: block\ndata: {}")
    world.live.tell("call", n=2)
    async with await world.ask("GET", "/api/v1/events?after=0", token) as stream:
        assert json.loads((await frame(stream))["data"])["agent"] == "x\n\nevent: block\ndata: {}"
        assert (await frame(stream))["id"] == "2"


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 16, "٣"])
async def test_what_is_no_event_number_is_refused(world: World, token: str, last: str) -> None:
    assert (await world.ask("GET", f"/api/v1/events?after={last}", token)).status == 422
    if last.isascii():
        assert (await world.ask("GET", "/api/v1/events", token, Last_Event_ID=last)).status == 422


async def test_only_the_latest_are_kept(world: World) -> None:
    for n in range(1, 31):
        world.live.tell("call", n=n)
    assert [happening.facts["n"] for happening in world.live.after(0)] == list(range(21, 31))


async def test_who_follows_is_in_the_ledger_before_the_first_event(world: World, token: str) -> None:
    async with await world.ask("GET", "/api/v1/events", token):
        acts = [entry.event.payload for entry in await world.ledger.read(kinds=[Kind.ACT])]
    assert any(
        (act["act"], act["by"], act["shows"]) == ("events-followed", "boss", True) for act in acts if "shows" in act
    )
