"""One server or many: what differs between a Redis and a Redis Cluster, and nothing else.

A command with a key goes the same way to both, by `Client`. What is about servers and not about keys (their
configuration, all keys that there are, whether a replica has what was written), or is sent in bulk, asks here which
servers there are.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import MovedError, RedisClusterException, RedisError
from redis.exceptions import TimeoutError as TooLate

Client: TypeAlias = Redis | RedisCluster
Node: TypeAlias = Redis | ClusterNode

FAILURES = (RedisError, RedisClusterException)
"""What redis-py raises of its own. A Cluster of which no server can be reached is no RedisError."""


async def primaries(client: Client) -> list[Node]:
    """Every server that keys are written to. Raises what redis-py raises."""
    if isinstance(client, Redis):
        return [client]
    await client.initialize()
    return [*client.get_primaries()]


async def home(client: Client, key: str | bytes) -> Node:
    """The server that the key is written to. Raises what redis-py raises."""
    if isinstance(client, Redis):
        return client
    await client.initialize()
    return client.nodes_manager.get_node_from_slot(client.keyslot(key))


async def ask(client: Client, node: Node, *words: str | int) -> Any:
    """One command to this very server. Raises what redis-py raises."""
    async with _mapped(client):
        return await node.execute_command(*words)


@contextmanager
def untimed(connection: AbstractConnection) -> Iterator[None]:
    """Without redis-py's limit for each read, and for each write, which is a task of its own: the caller keeps time."""
    limit, connection.socket_timeout = connection.socket_timeout, None
    try:
        yield
    finally:
        connection.socket_timeout = limit


@asynccontextmanager
async def connection_to(client: Client, node: Node) -> AsyncIterator[AbstractConnection]:
    """A connection of one's own to the node. Raises what redis-py raises.

    It is broken off when the block ends with an error, since replies that are still to come would be taken for those of
    the next to use it.
    """
    async with _mapped(client), _taken(node) as connection:
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            yield connection
        except BaseException:
            await connection.disconnect(nowait=True)
            raise


@asynccontextmanager
async def _mapped(client: Client) -> AsyncIterator[None]:
    """Read the map of a Cluster anew where it led to a server that is gone, so that the next try goes elsewhere.

    redis-py does so for the commands that it sends by their keys, and not for those that we send to a server.
    """
    try:
        yield
    except (ConnectionLost, TooLate, TimeoutError, MovedError):
        if isinstance(client, RedisCluster):
            with suppress(*FAILURES, OSError):
                await client.nodes_manager.initialize()
        raise


@asynccontextmanager
async def _taken(node: Node) -> AsyncIterator[AbstractConnection]:
    if isinstance(node, Redis):
        pooled = await node.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            yield pooled
        finally:
            await node.connection_pool.release(pooled)
    else:
        own = node.acquire_connection()
        try:
            yield own
        finally:
            node.release(own)
