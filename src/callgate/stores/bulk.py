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

BATCH_BYTES = 1 << 16
AHEAD = 8
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
            # Neither sending nor reading need ever wait; what else this process does must have its turn.
            await asyncio.sleep(0)
            while len(under_way) > AHEAD:
                answered += sum([min(await connection.read_response(), due) for due in under_way.popleft()])
        for expected in under_way:
            answered += sum([min(await connection.read_response(), due) for due in expected])
    except BaseException:
        # Replies that are still to come would be taken for those of the next to use the connection.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await redis.connection_pool.release(connection)
    return answered


def _batches(commands: Iterable[tuple[bytes, int]]) -> Iterator[tuple[list[bytes], list[int]]]:
    batch: list[bytes] = []
    expected: list[int] = []
    size = 0
    for command, due in commands:
        batch.append(command)
        expected.append(due)
        size += len(command)
        if size >= BATCH_BYTES:
            yield batch, expected
            batch, expected, size = [], [], 0
    if batch:
        yield batch, expected
