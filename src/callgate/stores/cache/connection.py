"""The way to Redis: short waits, one second chance, and one kind of error.

redis-py retries a failed command ten times with growing pauses by default; an agent would hear silence for that long.
Here a command gets one immediate second chance, and only when its connection broke: after a restart of Redis that is
all that healing takes. So every command that callgate sends may be sent twice, and must mean the same then.

Behind Sentinels a new connection asks them who the primary is; one that stands is trusted until it breaks or refuses a
write. On a Cluster the second chance comes after its map was read anew. Nothing is ever read from a replica.
"""

from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost

from callgate.stores.cache.address import Address, read_address
from callgate.stores.cache.nodes import FAILURES, Client
from callgate.stores.errors import StoreUnavailable

CONNECT_WITHIN = 0.2
BULK_WITHIN = 5.0
"""Seconds for one command of an import or a rebuild; what a call waits for has its own, shorter limit."""
CONNECTIONS = 32
CLUSTER_CONNECTIONS = 256
"""To each node. A Cluster's client refuses where all are in use, instead of waiting for one."""


def connect(url: str, connect_within: float = CONNECT_WITHIN) -> Client:
    """A client for any URL that `address` tells of. It connects when it is first used; end it with `aclose`.

    Raises ValueError for a URL that is none.
    """
    address = read_address(url)
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_connect_timeout": connect_within,
        "socket_timeout": BULK_WITHIN,
        "retry": Retry(NoBackoff(), retries=1, supported_errors=(ConnectionLost,)),
    }
    if address.kind == "server":
        pool = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=BULK_WITHIN, **options)
        return Redis.from_pool(pool)
    if address.kind == "sentinel":
        return _behind_sentinels(address, options | address.options)
    nodes = [ClusterNode(host, port) for host, port in address.hosts]
    return RedisCluster(startup_nodes=nodes, max_connections=CLUSTER_CONNECTIONS, **options, **address.options)


def _behind_sentinels(address: Address, options: dict[str, Any]) -> Redis:
    kept = ("ssl", *(("username", "password") if address.sentinel_auth else ()))
    of_sentinels = {name: value for name, value in address.options.items() if name in kept or name.startswith("ssl_")}
    within = options["socket_connect_timeout"]
    of_sentinels |= {"protocol": 2, "socket_connect_timeout": within, "socket_timeout": within}
    # The next Sentinel is asked at once where one is silent.
    of_sentinels["retry"] = Retry(NoBackoff(), retries=0)
    sentinel = Sentinel(address.hosts, sentinel_kwargs=of_sentinels, **options)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(address.service, connection_pool_class=_SentinelPool)
    return client


class _SentinelPool(SentinelConnectionPool):
    """Ends the connections to the Sentinels together with its own."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def store(doing: str) -> "_Translating":
    """Turn whatever Redis or the way to it raises into `StoreUnavailable`.

    Only the kind of the error is kept, and no cause: redis-py quotes the command in its messages, and a command holds a
    person's number.
    """
    return _Translating(doing)


class _Translating:
    """Every lookup passes it, and an `asynccontextmanager` costs three times as much."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, TimeoutError):
            raise StoreUnavailable(f"Redis did not answer in time while {self._doing}") from None
        if isinstance(error, (*FAILURES, OSError)):
            raise StoreUnavailable(f"Redis failed while {self._doing}: {type(error).__name__}") from None


def text(value: bytes | str) -> str:
    """What Redis answered, as text. redis-py's types leave open whether it decodes; we never ask it to."""
    return value if isinstance(value, str) else value.decode()
