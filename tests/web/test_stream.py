"""The stream of happenings: in order, each once, to those whom it concerns."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from callgate.core.access import Principal, Role
from callgate.core.events import Kind
from tests.stores.conftest import NOW
from tests.web.world import World, a_world

pytestmark = pytest.mark.server

BOSS = Principal("boss", Role.SUPERVISOR)
ACMES = Principal("sam", Role.SUPERVISOR, frozenset({"acme"}))
BRUSSELS = Principal("berta", Role.SUPERVISOR, None, frozenset({"brussels"}))
HERE = {"controller": "acme", "centre": "brussels"}
THERE = {"controller": "futura", "centre": "lille"}


async def frame(stream: ClientResponse) -> dict[str, str]:
    """The next server-sent event that says something."""
    async with asyncio.timeout(5):
        while True:
            raw = await stream.content.readuntil(b"\n\n")
            said = dict(line.split(": ", 1) for line in raw.decode().strip().splitlines())
            if said["event"] != "beat":
                return said


async def numbers(stream: ClientResponse, count: int) -> list[object]:
    return [json.loads((await frame(stream))["data"])["n"] for _ in range(count)]


Follow = Callable[..., Awaitable[ClientResponse]]


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    """Opens streams, and closes them before the server is."""
    async with AsyncExitStack() as stack:

        async def opened(world: World, after: str = "0", *, by: Principal = BOSS) -> ClientResponse:
            token = await world.user(by.name, by.role, by.controllers, by.centres)
            return await stack.enter_async_context(await world.ask("GET", f"/api/v1/events?after={after}", token))

        yield opened


async def test_an_event_has_its_place_its_kind_and_its_facts(world: World, follow: Follow) -> None:
    world.live.tell("block", number="+33 ••• 34", reason="objection")
    stream = await follow(world)
    assert stream.content_type == "text/event-stream"
    told = await frame(stream)
    assert (told["id"], told["event"]) == (f"{world.live.epoch}-1", "block")
    assert json.loads(told["data"]) == {
        "at": NOW.isoformat(), "what": "block", "number": "+33 ••• 34", "reason": "objection",
    }  # fmt: skip


async def test_events_come_in_order_those_before_and_those_to_come(world: World, follow: Follow) -> None:
    for n in range(1, 4):
        world.live.tell("call", n=n)
    stream = await follow(world)
    assert await numbers(stream, 3) == [1, 2, 3]
    world.live.tell("call", n=4)
    world.live.tell("call", n=5)
    assert await numbers(stream, 2) == [4, 5]


async def test_a_watcher_who_comes_back_gets_what_it_missed_and_nothing_twice(world: World, follow: Follow) -> None:
    for n in range(1, 5):
        world.live.tell("call", n=n)
    assert await numbers(await follow(world, world.live.place(2)), 2) == [3, 4]


async def test_a_browser_that_connects_again_names_the_place_in_a_header(world: World) -> None:
    for n in range(1, 5):
        world.live.tell("call", n=n)
    token = await world.user("boss", Role.SUPERVISOR)
    async with await world.ask("GET", "/api/v1/events", token, Last_Event_ID=world.live.place(3)) as stream:
        assert await numbers(stream, 1) == [4]


async def test_one_who_names_a_place_of_another_process_is_told_to_begin_again(world: World, follow: Follow) -> None:
    world.live.tell("call", n=1)
    stream = await follow(world, "0badcafe-1")
    told = await frame(stream)
    assert (told["event"], json.loads(told["data"])) == ("reset", {"what": "reset", "why": "restarted"})
    assert await numbers(stream, 1) == [1]


async def test_one_who_missed_more_than_is_kept_is_told_so(tmp_path: Path, follow: Follow) -> None:
    async with a_world(tmp_path, kept=10) as world:
        for n in range(1, 31):
            world.live.tell("call", n=n)
        stream = await follow(world, world.live.place(5))
        told = await frame(stream)
        assert (told["event"], json.loads(told["data"])) == ("reset", {"what": "reset", "why": "missed"})
        assert await numbers(stream, 10) == list(range(21, 31))
        stream.close()


async def test_a_reader_that_does_not_read_is_not_kept_for(tmp_path: Path) -> None:
    """It goes on with what is kept, and is told that something is missing; nothing was stored for it meanwhile."""
    async with a_world(tmp_path, kept=50) as world:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((world.client.host, world.client.port))
            token = await world.user("boss", Role.SUPERVISOR)
            asked = f"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
            slow.sendall(asked.encode())
            for n in range(600):
                world.live.tell("call", n=n, filler="x" * 30_000)
                await asyncio.sleep(0.001)
            reader, writer = await asyncio.open_connection(sock=slow, limit=1 << 26)
            async with asyncio.timeout(20):
                await reader.readuntil(b"event: reset")
                await reader.readuntil(b'"n": 599')
            writer.transport.abort()


async def test_a_company_is_not_told_of_another_s_calls(world: World, follow: Follow) -> None:
    for n, whose in enumerate([HERE, THERE, HERE, {}]):
        world.live.tell("call", n=n, **whose)
    world.live.tell("health", parts=[], n=9)
    assert await numbers(await follow(world, by=ACMES), 3) == [0, 2, 9]


async def test_a_centre_is_told_of_its_own_calls_only(world: World, follow: Follow) -> None:
    for n, whose in enumerate([THERE, HERE, THERE]):
        world.live.tell("block", n=n, **whose)
    world.live.tell("health", parts=[], n=9)
    assert await numbers(await follow(world, by=BRUSSELS), 2) == [1, 9]


async def test_those_who_see_the_same_are_sent_the_same_bytes(world: World) -> None:
    world.live.tell("call", n=1, **HERE)
    first, second = (world.live.batch(ACMES, 0) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.frames is second.frames


async def test_a_line_feed_in_a_fact_begins_no_event_of_its_own(world: World, follow: Follow) -> None:
    world.live.tell("call", agent="x\n\nevent: block\ndata: {}")
    world.live.tell("call", n=2)
    stream = await follow(world)
    assert json.loads((await frame(stream))["data"])["agent"] == "x\n\nevent: block\ndata: {}"
    assert (await frame(stream))["id"].endswith("-2")


async def test_silence_is_broken_by_a_beat(world: World, follow: Follow) -> None:
    """Whoever hears nothing at all knows that the connection is gone."""
    stream = await follow(world)
    async with asyncio.timeout(5):
        assert b"event: beat" in await stream.content.readuntil(b"\n\n")


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "abc-", "abc-x", "9" * 16, "٣"])
async def test_what_is_no_place_is_refused(world: World, last: str) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    assert (await world.ask("GET", f"/api/v1/events?after={last}", token)).status == 422
    if last.isascii():
        assert (await world.ask("GET", "/api/v1/events", token, Last_Event_ID=last)).status == 422


async def test_who_follows_is_in_the_ledger_before_the_first_event(world: World, follow: Follow) -> None:
    await follow(world)
    acts = [entry.event.payload for entry in await world.ledger.read(kinds=[Kind.ACT])]
    assert ("events-followed", "boss", True) in [(act["act"], act["by"], act.get("shows")) for act in acts]


async def test_only_the_latest_are_kept(tmp_path: Path) -> None:
    async with a_world(tmp_path, kept=10) as world:
        for n in range(1, 31):
            world.live.tell("call", n=n)
        assert [happening.facts["n"] for happening in world.live.after(0)] == list(range(21, 31))
