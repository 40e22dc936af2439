"""The watch over the lists' ages: once each, again when it got worse, and again for another version."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callgate.core.ages import Age, Aged
from callgate.core.policy import ListRule
from callgate.stores.cache.connection import connect
from callgate.stores.cache.filling import filling
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.encoding import TokenKeys
from callgate.stores.lists.file import ListFile
from callgate.stores.lists.inforce import directory, load_list
from callgate.watching.lists import LOOK_EVERY_S, ListWatch, list_states
from tests.stores.conftest import DNCM, NOW, filed
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server

RULES = {"be-dncm": ListRule("be-dncm", "BE", 4)}


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    made = RedisServer()
    await made.start()
    yield made
    await made.end()


@pytest.fixture
async def cache(server: RedisServer) -> AsyncIterator[SuppressionCache]:
    client = connect(server.url, connect_within=5)
    yield SuppressionCache(client, Keys(), TokenKeys(()), "ledger")
    await client.aclose()


class Scene:
    def __init__(self, cache: SuppressionCache) -> None:
        self.now: datetime = NOW
        self.alarms: list[Aged] = []
        self.slept: list[float] = []
        self.went_round = asyncio.Event()
        self.files: list[ListFile] = []
        self.watch = ListWatch(
            cache,
            rules=lambda: RULES,
            clock=lambda: self.now,
            alarm=self.alarms.append,
            files=lambda: self.files,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.went_round.set()
        await asyncio.Event().wait()

    async def told(self, days: float) -> list[Age]:
        self.now = NOW + timedelta(days=days)
        self.alarms.clear()
        await self.watch.look()
        return [alarm.age for alarm in self.alarms]


async def test_each_thing_is_told_once(cache: SuppressionCache, tmp_path: Path) -> None:
    scene = Scene(cache)
    assert await scene.told(0) == [Age.MISSING]
    assert await scene.told(0) == []
    await load_list(cache.redis, cache.keys, filed(tmp_path, [1]))
    assert [await scene.told(days) for days in (0, 1.9, 2.1, 3.9)] == [[], [], [Age.HALF], []]
    assert [await scene.told(days) for days in (4.1, 5)] == [[Age.STALE], []]
    newer = replace(DNCM, version="newer", scrubbed_at=NOW + timedelta(days=5))
    await load_list(cache.redis, cache.keys, filed(tmp_path, [1], newer))
    assert [await scene.told(days) for days in (5, 7.5)] == [[], [Age.HALF]]


async def test_a_version_older_than_its_file_is_replaced_when_two_looks_saw_it(
    cache: SuppressionCache, tmp_path: Path
) -> None:
    scene = Scene(cache)
    newer = replace(DNCM, version="newer", scrubbed_at=NOW + timedelta(hours=1))
    scene.files = [filed(tmp_path, [1, 2], newer)]
    await load_list(cache.redis, cache.keys, filed(tmp_path, [1]))
    in_force = []
    for _ in range(3):
        await scene.watch.look()
        in_force.append((await list_states(cache))["be-dncm"].version)
    assert in_force == [DNCM.version, "newer", "newer"]
    loaded = await directory(cache.redis, cache.keys)
    await scene.watch.look()
    assert await directory(cache.redis, cache.keys) == loaded, "it was loaded once too often"


async def test_an_import_that_is_under_way_is_not_forestalled_nor_a_newer_version_replaced(
    cache: SuppressionCache, tmp_path: Path
) -> None:
    scene = Scene(cache)
    newer = replace(DNCM, version="newer", scrubbed_at=NOW + timedelta(hours=1))
    old, new = filed(tmp_path, [1]), filed(tmp_path, [1, 2], newer)
    await load_list(cache.redis, cache.keys, old)
    scene.files = [new]
    async with filling(cache.redis, cache.keys.loading("be-dncm")):
        for _ in range(3):
            await scene.watch.look()
    assert (await list_states(cache))["be-dncm"].version == DNCM.version
    await load_list(cache.redis, cache.keys, new)
    scene.files = [old]
    for _ in range(3):
        await scene.watch.look()
    assert (await list_states(cache))["be-dncm"].version == "newer"


async def test_a_redis_that_is_away_ends_no_watch(server: RedisServer, cache: SuppressionCache) -> None:
    await server.stop()
    scene = Scene(cache)
    watching = asyncio.create_task(scene.watch.run())
    await scene.went_round.wait()
    assert scene.slept == [LOOK_EVERY_S]
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_directory_that_is_not_ours_holds_no_lists(cache: SuppressionCache) -> None:
    await cache.redis.hset(cache.keys.lists, "be-dncm", "no json")
    assert await list_states(cache) == {}
