"""Many small commands to Redis over one connection, without redis-py's cost for each of their words.

redis-py encodes every argument by itself, which for the members of a list takes longer than Redis does. So the
commands come here as the bytes that go to Redis (RESP 2), and are sent a batch at a time, a few batches ahead of
their replies: Redis is never idle, and little is on the way. Redis takes 16 KiB from a connection before it turns to
the next, so that calls that ask meanwhile wait for a few hundred members at most.

https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

BATCH_BYTES, BATCH_COMMANDS = 1 << 15, 64
"""Between two batches whatever else this process does has its turn."""
AHEAD = 16
"""Batches that may be on the way at once."""


def words(*values: bytes) -> bytes:
    """Arguments of a command, as Redis reads them."""
    return b"".join(b"$%d\r\n%b\r\n" % (len(value), value) for value in values)


async def send(redis: Redis, commands: Iterable[tuple[bytes, int]]) -> int:
    """Send whole commands, each with the integer that it should be answered with; how much of their sum was answered.

    A higher answer than was expected does not make up for a lower one. Raises what redis-py raises.
    """
    connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    answered = 0
    under_way: deque[list[int]] = deque()
    try:
        for batch, expected in _batches(commands):
            await connection.send_packed_command(batch)
            under_way.append(expected)
            if len(under_way) > AHEAD:
                answered += await _read(connection, under_way.popleft())
        for expected in under_way:
            answered += await _read(connection, expected)
    except BaseException:
        # Replies that are still to come would be taken for those of the next to use the connection.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await redis.connection_pool.release(connection)
    return answered


async def _read(connection: AbstractConnection, expected: list[int]) -> int:
    # Neither sending nor reading need ever wait, and a loop that does not wait lets nobody else in.
    await asyncio.sleep(0)
    return sum([min(await connection.read_response(), due) for due in expected])


def _batches(commands: Iterable[tuple[bytes, int]]) -> Iterator[tuple[list[bytes], list[int]]]:
    batch: list[bytes] = []
    expected: list[int] = []
    size = 0
    for command, due in commands:
        batch.append(command)
        expected.append(due)
        size += len(command)
        if size >= BATCH_BYTES or len(batch) >= BATCH_COMMANDS:
            yield batch, expected
            batch, expected, size = [], [], 0
    if batch:
        yield batch, expected
