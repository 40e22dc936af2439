"""The stream of happenings: in order, each once, to those whom it concerns."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession

from tests.stores.conftest import NOW
from tests.web.house import ACMES, BRUSSELS, Pages, pages

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


def stream_of(http: ClientSession, house: Pages, after: str) -> "asyncio.Future[ClientResponse]":
    return asyncio.ensure_future(http.get(house.at("/api/v1/events"), params={"after": after}))


async def test_an_event_has_its_place_its_kind_and_its_facts(house: Pages, http: ClientSession) -> None:
    house.live.tell("block", number="+33 ••• 34", reason="objection")
    stream = await stream_of(http, house, "0")
    assert stream.content_type == "text/event-stream"
    told = await frame(stream)
    assert (told["id"], told["event"]) == (f"{house.live.epoch}-1", "block")
    assert json.loads(told["data"]) == {
        "at": NOW.isoformat(), "what": "block", "number": "+33 ••• 34", "reason": "objection",
    }  # fmt: skip


async def test_events_come_in_order_those_before_and_those_to_come(house: Pages, http: ClientSession) -> None:
    for n in range(1, 4):
        house.live.tell("call", n=n)
    stream = await stream_of(http, house, "0")
    assert await numbers(stream, 3) == [1, 2, 3]
    house.live.tell("call", n=4)
    house.live.tell("call", n=5)
    assert await numbers(stream, 2) == [4, 5]


async def test_a_watcher_who_comes_back_gets_what_it_missed_and_nothing_twice(
    house: Pages, http: ClientSession
) -> None:
    for n in range(1, 5):
        house.live.tell("call", n=n)
    async with http.get(
        house.at("/api/v1/events"), headers={"Last-Event-ID": f"{house.live.epoch}-2"}
    ) as stream:  # fmt: skip
        assert await numbers(stream, 2) == [3, 4]


async def test_one_who_names_a_place_of_another_process_is_told_to_begin_again(
    house: Pages, http: ClientSession
) -> None:
    house.live.tell("call", n=1)
    stream = await stream_of(http, house, "0badcafe-1")
    told = await frame(stream)
    assert (told["event"], json.loads(told["data"])) == ("reset", {"why": "restarted"})
    assert await numbers(stream, 1) == [1]


async def test_one_who_missed_more_than_is_kept_is_told_so(tmp_path: Path, http: ClientSession) -> None:
    async with pages(tmp_path, kept=10) as house:
        for n in range(1, 31):
            house.live.tell("call", n=n)
        stream = await stream_of(http, house, house.live.place(5))
        told = await frame(stream)
        assert (told["event"], json.loads(told["data"])) == ("reset", {"why": "missed"})
        assert await numbers(stream, 10) == list(range(21, 31))
        stream.close()


async def test_a_reader_that_does_not_read_is_not_kept_for(tmp_path: Path, http: ClientSession) -> None:
    """It goes on with what is kept, and is told that something is missing; nothing was stored for it meanwhile."""
    async with pages(tmp_path, kept=50) as house:
        stream = await stream_of(http, house, "0")
        for n in range(400):
            house.live.tell("call", n=n, filler="x" * 20_000)
            await asyncio.sleep(0.001)
        kinds = []
        while "reset" not in kinds:
            kinds.append((await frame(stream))["event"])
        last: object = 0
        while last != 399:
            last = (await numbers(stream, 1))[0]
        stream.close()


async def test_a_company_is_not_told_of_another_s_calls(house: Pages, http: ClientSession) -> None:
    house.principal = ACMES
    for n, whose in enumerate([HERE, THERE, HERE, {}]):
        house.live.tell("call", n=n, **whose)
    house.live.tell("health", parts=[], n=9)
    assert await numbers(await stream_of(http, house, "0"), 3) == [0, 2, 9]


async def test_a_centre_is_told_of_its_own_calls_only(house: Pages, http: ClientSession) -> None:
    house.principal = BRUSSELS
    for n, whose in enumerate([THERE, HERE, THERE]):
        house.live.tell("block", n=n, **whose)
    house.live.tell("health", parts=[], n=9)
    assert await numbers(await stream_of(http, house, "0"), 2) == [1, 9]


async def test_those_who_see_the_same_are_sent_the_same_bytes(house: Pages) -> None:
    house.live.tell("call", n=1, **HERE)
    first, second = (house.live.batch(ACMES, 0) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.frames is second.frames


async def test_a_line_feed_in_a_fact_begins_no_event_of_its_own(house: Pages, http: ClientSession) -> None:
    house.live.tell("call", agent="x\n\nevent: block\ndata: {}")
    house.live.tell("call", n=2)
    stream = await stream_of(http, house, "0")
    assert json.loads((await frame(stream))["data"])["agent"] == "x\n\nevent: block\ndata: {}"
    assert (await frame(stream))["id"].endswith("-2")


async def test_silence_is_broken_by_a_beat(house: Pages, http: ClientSession) -> None:
    """Whoever hears nothing at all knows that the connection is gone."""
    stream = await stream_of(http, house, "0")
    async with asyncio.timeout(5):
        assert b"event: beat" in await stream.content.readuntil(b"\n\n")


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "abc-", "abc-x", "9" * 16, "٣"])
async def test_what_is_no_place_is_refused(house: Pages, http: ClientSession, last: str) -> None:
    async with http.get(house.at("/api/v1/events"), params={"after": last}) as answer:
        assert answer.status == 400


async def test_only_the_latest_are_kept(tmp_path: Path) -> None:
    async with pages(tmp_path, kept=10) as house:
        for n in range(1, 31):
            house.live.tell("call", n=n)
        assert [happening.facts["n"] for happening in house.live.after(0)] == list(range(21, 31))
