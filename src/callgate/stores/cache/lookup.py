"""The one round trip of a lookup, and why its answers may be believed although several commands ask for them.

The chunks of lists may lie anywhere in a Redis Cluster, so no script may read them together with what lies under the
tag `{gate}`. What makes the answers hold nevertheless is what a load is: it comes into force once, whole; it is swept,
a chunk at a time and each whole, only after another took its place; it never comes back under its name.

On one server each chunk is asked for its member, then for how many it has, and last comes the script that reads the
directory. Where that still finds in force the load whose chunk was asked for, the load was in force, and whole, when
its chunk was read.

On a Cluster all is asked at once, so the script may have read the directory before a chunk was read, and the chunk may
have been swept in between. So there a script of its own asks a chunk both questions at one moment. A chunk that has all
its members at that moment was not swept, and what it says of one is true of its load; one that has fewer says nothing,
and whoever asked must not take it for an answer (`SuppressionCache` does not). A replica that was promoted without
having a chunk, or with a part of it, is seen in the same way.

Where the directory has changed, the answers mean nothing, and whoever asked looks once more.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from callgate.stores.cache.exchange import Words, exchange
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.scripts import IN_FORCE, LOOK_INTO, LOOK_UP, name_of

_LOOK_UP_SHA, _LOOK_INTO_SHA = name_of(LOOK_UP), name_of(LOOK_INTO)


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
    patterns: bool


async def look_up(
    redis: Client, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> Answers:
    """Ask for a member in each of the chunks, and run the script `LOOK_UP` with the keys `gate` and these arguments."""
    try:
        of_chunks, of_gate = await _ask(redis, chunks, gate, args)
    except NoScriptError:
        # Redis is new, or its scripts were flushed.
        for script in (LOOK_UP, LOOK_INTO):
            await redis.script_load(script)
        of_chunks, of_gate = await _ask(redis, chunks, gate, args)
    epoch, flat, mark, held, consents, contacts, calls, busy, reserved, patterns = of_gate
    return Answers(
        chunks=[(bool(member), count) for member, count in of_chunks],
        epoch=epoch,
        directory=dict(zip(flat[::2], flat[1::2], strict=True)),
        mark=None if mark is None else int(mark),
        tokens=[bool(token) for token in held],
        consents=consents,
        contacts=contacts,
        calls=calls,
        busy=busy,
        reserved=bool(reserved),
        patterns=bool(patterns),
    )


async def see_in_force(redis: Client, epoch: str, lists: str) -> tuple[bytes | None, dict[bytes, bytes]]:
    """The epoch and the directory of lists under these keys, as of one moment."""
    raw_epoch, flat = await redis.register_script(IN_FORCE)(keys=[epoch, lists])
    return raw_epoch, dict(zip(flat[::2], flat[1::2], strict=True))


_Said = tuple[Sequence[tuple[int, int]], list[Any]]
"""Of each chunk, and of the gate."""


async def _ask(
    redis: Client, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> _Said:
    if isinstance(redis, Redis):
        return await _ask_one_server(redis, chunks, gate, args)
    return await _ask_cluster(redis, chunks, gate, args)


async def _ask_one_server(
    redis: Redis, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> _Said:
    of_chunks: list[Words] = [words for key, member in chunks for words in (("SISMEMBER", key, member), ("SCARD", key))]
    of_gate = "EVALSHA", _LOOK_UP_SHA, len(gate), *gate, *args
    *answers, of_all = await exchange(redis, *of_chunks, of_gate, within=None)
    return [*zip(answers[::2], answers[1::2], strict=True)], of_all


async def _ask_cluster(
    redis: RedisCluster, chunks: Sequence[tuple[str, int]], gate: Sequence[str], args: Sequence[str | int]
) -> _Said:
    of_gate, *of_chunks = await asyncio.gather(
        redis.evalsha(_LOOK_UP_SHA, len(gate), *gate, *map(str, args)),
        *(redis.evalsha(_LOOK_INTO_SHA, 1, key, str(member)) for key, member in chunks),
    )
    return of_chunks, of_gate
