"""Commands that a call waits for, and their answers: one round trip to one server.

For each command redis-py takes several times as long as Redis does, most of it for what nobody needs here: packing word
by word, callbacks for answers, measurements, and a limit of time for each write and read, that of a write as a task of
its own. So what goes out is put together by hiredis, what comes back is taken as it is, and the limit is one for all.
The connection, its pool and the second chance of a command whose connection broke are redis-py's.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from callgate.stores.cache.nodes import untimed

Words = Sequence[bytes | str | int]
"""A command and its arguments."""


async def exchange(redis: Redis, *commands: Words, within: float | None) -> list[Any]:
    """Send the commands at once; what each was answered, undecoded.

    `within` is in seconds; None where the caller keeps time. Raises TimeoutError, and what redis-py raises: of several
    errors the first.
    """
    # The stub of hiredis takes tuples of one word only.
    packed = b"".join([pack_command(tuple(words)) for words in commands])  # type: ignore[arg-type]
    async with asyncio.timeout(within):
        return await _exchange(redis, packed, len(commands))


async def _exchange(redis: Redis, packed: bytes, count: int) -> list[Any]:
    pool = redis.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        with untimed(connection):
            answers: list[Any] = await connection.retry.call_with_retry(
                lambda: _once(connection, packed, count), lambda _: connection.disconnect()
            )
        return answers
    finally:
        await pool.release(connection)


async def _once(connection: AbstractConnection, packed: bytes, count: int) -> list[Any]:
    await connection.send_packed_command(packed)
    answers: list[Any] = []
    refused: ResponseError | None = None
    for _ in range(count):
        try:
            answers.append(await connection.read_response())
        except ResponseError as error:
            # The answers that follow are read all the same: the connection's next user must not take them for theirs.
            refused = refused or error
    if refused is not None:
        raise refused
    return answers
