"""Many small commands to Redis over one connection, without redis-py's cost for each of their words.

redis-py encodes every argument by itself, which for the members of a list takes longer than Redis does. So the
commands come here as the bytes that go to Redis (RESP 2), and are sent a batch at a time, a few batches ahead of
their replies: Redis is never idle, and little is on the way. Redis takes 16 KiB from a connection before it turns to
the next, so that calls that ask meanwhile wait for a few hundred members at most.

On a Cluster a window of commands is dealt out to the servers that their keys belong to, and goes to all of them at
once.

https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeAlias

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from callgate.stores.cache.nodes import Client, Node, connection_to, home, untimed

BATCH_BYTES, BATCH_COMMANDS = 1 << 15, 64
"""Between two batches whatever else this process does has its turn."""
AHEAD = 16
"""Batches that may be on the way at once."""
WINDOW = 2000
"""Commands that are dealt out at once: of the fullest chunks, some 14 MB."""

Command: TypeAlias = tuple[bytes, int]
"""A whole command, whose first word after its name is its key, and the integer that it should be answered with."""


def words(*values: bytes) -> bytes:
    """Arguments of a command, as Redis reads them."""
    return b"".join(b"$%d\r\n%b\r\n" % (len(value), value) for value in values)


async def send(redis: Client, commands: Iterable[Command]) -> int:
    """Send whole commands; how much of the sum of their answers was answered.

    A higher answer than was expected does not make up for a lower one. Raises what redis-py raises.
    """
    if isinstance(redis, Redis):
        return await _send(redis, redis, commands)
    answered, rest = 0, iter(commands)
    while window := [*islice(rest, WINDOW)]:
        dealt: defaultdict[Node, list[Command]] = defaultdict(list)
        for command in window:
            dealt[await home(redis, _key(command))].append(command)
        sending = (_send(redis, node, part) for node, part in dealt.items())
        # All are waited for, so that nothing is still being written when the caller gives up.
        for said in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(said, BaseException):
                raise said
            answered += said
    return answered


async def _send(redis: Client, node: Node, commands: Iterable[Command]) -> int:
    answered = 0
    under_way: deque[list[int]] = deque()
    async with connection_to(redis, node) as connection:
        for batch, expected in _batches(commands):
            async with _in_time(connection):
                await connection.send_packed_command(batch)
            under_way.append(expected)
            if len(under_way) > AHEAD:
                answered += await _read(connection, under_way.popleft())
        for expected in under_way:
            answered += await _read(connection, expected)
    return answered


async def _read(connection: AbstractConnection, expected: list[int]) -> int:
    # Neither sending nor reading need ever wait, and a loop that does not wait lets nobody else in.
    await asyncio.sleep(0)
    async with _in_time(connection):
        return sum([min(await connection.read_response(), due) for due in expected])


@asynccontextmanager
async def _in_time(connection: AbstractConnection) -> AsyncIterator[None]:
    """The limit that one command has is that of a batch, of which hundreds pass in a second."""
    async with asyncio.timeout(connection.socket_timeout):
        with untimed(connection):
            yield


def _key(command: Command) -> bytes:
    """The key: the words of a command stand on every other line, after their lengths."""
    return command[0].split(b"\r\n", 5)[4]


def _batches(commands: Iterable[Command]) -> Iterator[tuple[list[bytes], list[int]]]:
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
