"""The way to Redis: short waits, one second chance, and one kind of error.

redis-py retries a failed command ten times with growing pauses by default; an agent would hear silence for that long.
Here a command gets one immediate second chance, and only when its connection broke: after a restart of Redis that is
all that healing takes. So every command that callgate sends may be sent twice, and must mean the same then.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError

from callgate.stores.errors import StoreUnavailable

CONNECT_WITHIN = 0.2
BULK_WITHIN = 5.0
"""Seconds for one command of an import or a rebuild; what a call waits for has its own, shorter limit."""
CONNECTIONS = 32


def connect(url: str, connect_within: float = CONNECT_WITHIN) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://`. It connects when it is first used; end it with `aclose`."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=BULK_WITHIN,
        protocol=2,
        socket_connect_timeout=connect_within,
        socket_timeout=BULK_WITHIN,
        retry=Retry(NoBackoff(), retries=1, supported_errors=(ConnectionLost,)),
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def store(doing: str) -> AsyncIterator[None]:
    """Turn whatever Redis or the way to it raises into `StoreUnavailable`.

    Only the kind of the error is kept, and no cause: redis-py quotes the command in its messages, and a command holds a
    person's number.
    """
    try:
        yield
    except TimeoutError:
        raise StoreUnavailable(f"Redis did not answer in time while {doing}") from None
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis failed while {doing}: {type(error).__name__}") from None


def text(value: bytes | str) -> str:
    """What Redis answered, as text. redis-py's types leave open whether it decodes; we never ask it to."""
    return value if isinstance(value, str) else value.decode()
