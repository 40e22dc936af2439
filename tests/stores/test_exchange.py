"""Commands and their answers in one round trip."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from callgate.stores.cache.connection import connect
from callgate.stores.cache.exchange import exchange
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server


async def test_each_command_has_its_answer_undecoded(redis: Redis) -> None:
    asked = ("SET", "k", 7), ("INCR", "k"), ("GET", "k"), ("GET", b"nothing"), ("MGET", "k", "nothing")
    assert await exchange(redis, *asked, within=5) == [b"OK", 8, b"8", None, [b"8", None]]


async def test_an_error_leaves_no_answer_behind_for_who_asks_next(redis: Redis) -> None:
    _, connection = await exchange(redis, ("SET", "k", "text"), ("CLIENT", "ID"), within=5)
    with pytest.raises(ResponseError, match="not an integer"):
        await exchange(redis, ("GET", "k"), ("INCR", "k"), ("SADD", "k", 1), ("GET", "k"), within=5)
    assert await exchange(redis, ("STRLEN", "k"), ("CLIENT", "ID"), within=5) == [4, connection]


async def test_a_connection_that_broke_gets_a_second_chance(server: RedisServer) -> None:
    client = connect(server.url, connect_within=5)
    assert isinstance(client, Redis)
    assert await exchange(client, ("PING",), within=5) == [b"PONG"]
    await client.client_kill_filter(skipme=False, _type="normal")
    assert await exchange(client, ("PING",), within=5) == [b"PONG"]
    await client.aclose()


async def test_one_who_gave_up_leaves_no_answer_behind_either(redis: Redis) -> None:
    with pytest.raises(TimeoutError):
        await exchange(redis, ("BLPOP", "nothing", 0), within=0.01)
    assert await exchange(redis, ("PING",), within=5) == [b"PONG"]
