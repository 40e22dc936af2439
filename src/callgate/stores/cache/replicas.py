"""Whether a replica has what was written, so that it outlives the server that took it.

Nothing rests on this. A replica that is promoted without an objection is behind the ledger's mark, and no call is
allowed on it before it caught up. But an objection that was replicated needs no catching up.

WAIT speaks of the last write of its own connection, so something is written there first: what was written before, over
any connection, reached the server earlier, and replicas take all in one order.

https://redis.io/docs/latest/commands/wait/
"""

from callgate.stores.cache.nodes import Client, connection_to, home

WAIT_MS = 100
"""Half of what the caller of an objection waits for Redis."""


async def reached_a_replica(redis: Client, witness: str) -> bool:
    """Whether what was written to the server of the key `witness` reached a replica; True where it has none.

    `witness` is a key that is written for this alone. Raises what redis-py raises.
    """
    async with connection_to(redis, await home(redis, witness)) as connection:
        await connection.send_command("INFO", "replication")
        if b"connected_slaves:0" in await connection.read_response():
            return True
        await connection.send_command("SET", witness, "1")
        await connection.read_response()
        await connection.send_command("WAIT", 1, WAIT_MS)
        return int(await connection.read_response()) > 0
