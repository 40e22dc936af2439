"""The one round trip of a lookup, and why its answers are of one moment although several commands ask for them.

The chunks of lists may lie anywhere in a Redis Cluster, so no script may read them together with what lies under the
tag `{gate}`. They are asked for by commands of their own, *before* the script that reads the directory. A load comes
into force once, whole; it is swept only after another took its place; it never comes back. So where the script still
finds in force the load whose chunk was asked for, that load was in force, and whole, when its chunk was read. Where
the directory has changed, the answers mean nothing, and whoever asked looks once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from callgate.stores.scripts import LOOK_UP

_LOOK_UP_SHA = sha1(LOOK_UP.encode(), usedforsecurity=False).hexdigest()
"""By which Redis knows the script."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What Redis said: of each chunk whether the member is in it and how many are, of each token whether it is held.

    The rest is as `LOOK_UP` gives it; whoever asked reads it.
    """

    chunks: Sequence[tuple[bool, int]]
    epoch: bytes | None
    directory: Mapping[bytes, bytes]
    mark: int | None
    tokens: Sequence[bool]
    consents: Sequence[bytes | None]
    contacts: Sequence[bytes | None]
    calls: Sequence[bytes]
    busy: bytes | None
    reserved: bool


async def look_up(
    redis: Redis, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> Answers:
    """Ask for a member in each of the chunks, and run the script `LOOK_UP` with the keys `gate` and these arguments."""
    try:
        answers = await _ask(redis, chunks, gate, args)
    except NoScriptError:
        # Redis is new, or its scripts were flushed.
        await redis.script_load(LOOK_UP)
        answers = await _ask(redis, chunks, gate, args)
    epoch, flat, mark, held, consents, contacts, calls, busy, reserved = answers[-1]
    return Answers(
        chunks=[(bool(member), count) for member, count in zip(answers[:-1:2], answers[1:-1:2], strict=True)],
        epoch=epoch,
        directory=dict(zip(flat[::2], flat[1::2], strict=True)),
        mark=None if mark is None else int(mark),
        tokens=[bool(token) for token in held],
        consents=consents,
        contacts=contacts,
        calls=calls,
        busy=busy,
        reserved=bool(reserved),
    )


async def _ask(
    redis: Redis, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> list[Any]:
    async with redis.pipeline(transaction=False) as pipe:
        for key, member in chunks:
            pipe.sismember(key, str(member))
            pipe.scard(key)
        pipe.evalsha(_LOOK_UP_SHA, len(gate), *gate, *map(str, args))
        return await pipe.execute()
