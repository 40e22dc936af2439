"""National lists and objections in Redis, beside a set of strings and a key for each number that hold the same.

Every measurement has a fresh server, and takes the difference of its `used_memory`: sets, their keys, the table of
keys, the index, what a connection needs, all of it. What is loaded beside goes in by `redis-cli --pipe` from a file
in Redis's own protocol that is written before the clock starts, 500 members to a command, which is faster than one to
a command.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import redis.asyncio
from rich.console import Console

from bench.ledger import opened
from bench.registers import REGISTERS, SHAPES, Register
from bench.report import Figure, percentile
from callgate.stores.cache.bulk import send, words
from callgate.stores.cache.connection import connect
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys, bits_for, generation_of
from callgate.stores.lists.cutting import Numbers
from callgate.stores.lists.file import ListFile, ListVersion
from callgate.stores.lists.inforce import load_list
from callgate.stores.lists.writer import write_list
from lab.place import somewhere
from lab.process import LabError
from lab.redis import Redis

SHARE = float(os.environ.get("SHARE", "1"))
"""Of every size: `SHARE=0.1` for a quick look, in which what does not grow with a list weighs ten times as much."""
OBJECTIONS = (1_500_000, 6_000_000)
TOGETHER = 500
"""Members to a command of `redis-cli --pipe`."""
LOOKUPS = 5000
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = TokenKeys((TokenKey("bench", bytes(32)),))

Say = Callable[[str], None]


@dataclass(slots=True)
class Measured:
    """Of one register in one shape: bytes a number, and seconds to load, here and beside."""

    register: Register
    shape: str
    count: int
    bytes: float
    load_s: float
    set_bytes: float
    set_load_s: float
    key_bytes: float | None
    lookup_us: Sequence[float] = field(default_factory=list)
    sismember_us: Sequence[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    """A fresh Redis, a client of it, and what it used when it was empty."""

    client: redis.asyncio.Redis
    address: tuple[str, int]
    empty: int

    async def grown(self) -> int:
        """Bytes that it uses more than when it was empty."""
        return await _used(self.client) - self.empty


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    with console.status("national lists") as status, TemporaryDirectory(prefix="bench-") as folder:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text)

        registers = [register.part(SHARE) for register in REGISTERS]
        measured = [await _register(register, shape, Path(folder), say) for register in registers for shape in SHAPES]
        objections = [await _objections(round(count * SHARE), Path(folder), say) for count in OBJECTIONS]
    return [*_memory(measured), *_tokens(objections), *_speed(measured)]


# Measuring.


async def _register(register: Register, shape: str, folder: Path, say: Say) -> Measured:
    say(f"{register.name}, {register.numbers:,} numbers, {shape}")
    numbers = SHAPES[shape](register)
    count, looks_up = len(numbers), register.name == "uk" and shape == "uniform"
    async with fresh(folder) as server:
        began = perf_counter()
        file = _filed(folder, numbers)
        await load_list(server.client, Keys(), file)
        load_s = perf_counter() - began
        held = await server.grown()
        lookup_us = await _lookups(server, folder, file, numbers) if looks_up else []
    async with fresh(folder) as server:
        set_load_s = await piped(server, folder, set_of(numbers.tolist()))
        set_held = await server.grown()
        some = _some(numbers)
        sismember_us = await _timed(lambda number: server.client.sismember("s", str(number)), some) if looks_up else []
    keys_held = None
    if shape == "uniform":  # keys do not lie near each other, however near the numbers do
        async with fresh(folder) as server:
            await piped(server, folder, _keys_of(numbers.tolist()))
            keys_held = await server.grown() / count
    return Measured(
        register, shape, count, held / count, load_s, set_held / count, set_load_s, keys_held, lookup_us, sismember_us
    )


async def _objections(count: int, folder: Path, say: Say) -> tuple[int, float, float]:
    """How many, bytes of each, and of each in a set of strings. Their tokens are random, as the bits of an HMAC are."""
    say(f"{count:,} objections")
    bits = bits_for(count)
    generation = generation_of("AAAAAAAA", bits)
    random = np.random.default_rng(1)
    tokens = random.integers(0, 1 << 63, count, np.uint64)
    sizes = np.bincount(random.integers(0, 1 << bits, count), minlength=1 << bits)
    buckets = [bucket.tolist() for bucket in np.split(tokens, np.cumsum(sizes)[:-1])]
    async with fresh(folder) as server:
        commands = (
            (sadd(Keys().bucket(generation, at), bucket), len(bucket)) for at, bucket in enumerate(buckets) if bucket
        )
        if await send(server.client, commands) != count:
            raise LabError(f"not all of {count} objections arrived in Redis")
        held = await server.grown()
    async with fresh(folder) as server:
        await piped(server, folder, set_of(tokens.tolist()))
        beside = await server.grown()
    return count, held / count, beside / count


async def _lookups(server: Server, folder: Path, file: ListFile, numbers: Numbers) -> list[float]:
    """How long a lookup takes, in microseconds, of numbers every other of which is on the list."""
    async with opened(f"sqlite:///{folder}/ledger.db", folder) as ledger:
        cache = SuppressionCache(server.client, Keys(), TOKENS, ledger.identity, answer_within=5)
        if problems := await rebuild(cache, ledger, [file]):
            raise LabError(f"the cache is not ready: {problems[0]}")
        some = _some(numbers)
        return await _timed(lambda number: cache.lookup(Query(f"+{number}", "acme", "solar", (file.of.id,))), some)


async def _timed(ask: Callable[[int], Awaitable[object]], numbers: Iterable[int]) -> list[float]:
    times = []
    for number in numbers:
        began = perf_counter()
        await ask(number)
        times.append((perf_counter() - began) * 1e6)
    return times


def _some(numbers: Numbers) -> list[int]:
    """Numbers of the list, and others between them."""
    chosen = np.random.default_rng(1).choice(numbers, LOOKUPS // 2).tolist()
    return [number + step for number in chosen for step in (0, 1)]


def _filed(folder: Path, numbers: Numbers) -> ListFile:
    of = ListVersion("be-dncm", "BE", "bench", NOW)
    return write_list(folder / "bench.list", of, np.array_split(numbers, max(1, len(numbers) // 100_000)))


# Servers.


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[Server]:
    """A Redis with nothing in it, on a net of its own."""
    async with AsyncExitStack() as stack:
        place = stack.enter_context(somewhere(Path(stack.enter_context(TemporaryDirectory(dir=folder)))))
        for path in (place.run, place.logs):
            path.mkdir()
        process = Redis(place)
        stack.push_async_callback(process.kill)
        await process.start()
        client = connect(f"redis://{place.redis}/0")
        assert isinstance(client, redis.asyncio.Redis)
        stack.push_async_callback(client.aclose)
        yield Server(client, place.redis, await _used(client))


async def _used(client: redis.asyncio.Redis) -> int:
    return int((await client.info("memory"))["used_memory"])


async def piped(server: Server, folder: Path, commands: Iterable[bytes]) -> float:
    """Give the commands to `redis-cli --pipe`; how many seconds it took."""
    protocol = folder / "protocol"
    with protocol.open("wb") as file:
        for command in commands:
            file.write(command)
    host, port = server.address
    with protocol.open("rb") as file:
        began = perf_counter()
        piping = await asyncio.create_subprocess_exec(
            "redis-cli", "-h", host, "-p", str(port), "--pipe", stdin=file, stdout=subprocess.PIPE
        )
        said, _ = await piping.communicate()
        took = perf_counter() - began
    if b"errors: 0," not in said:
        raise LabError(f"redis-cli --pipe says: {said.decode()}")
    return took


def set_of(members: Iterable[int]) -> Iterator[bytes]:
    """The commands that fill one set."""
    for some in _some_together(members):
        yield sadd("s", some)


def sadd(key: str, members: list[int]) -> bytes:
    """The command that adds members to a set."""
    return b"*%d\r\n" % (len(members) + 2) + words(b"SADD", key.encode()) + _each(members)


def _keys_of(members: Iterable[int]) -> Iterator[bytes]:
    """The commands that set a key each, to the number 1, which Redis keeps once for all."""
    for some in _some_together(members):
        yield _each(some, b"*3\r\n" + words(b"SET"), words(b"1"))


def _some_together(members: Iterable[int]) -> Iterator[list[int]]:
    left = iter(members)
    while some := [*islice(left, TOGETHER)]:
        yield some


def _each(members: list[int], before: bytes = b"", after: bytes = b"") -> bytes:
    """All members as Redis reads them, each between the same words."""
    sizes = [len(str(member)) for member in (min(members), max(members))]
    if sizes[0] == sizes[1]:  # ten times as fast as one by one
        return (before + b"$%d\r\n%%d\r\n" % sizes[0] + after) * len(members) % tuple(members)
    return b"".join(before + words(b"%d" % member) + after for member in members)


# Figures.


def _memory(measured: Sequence[Measured]) -> Iterator[Figure]:
    beside = "a set of strings"
    for shape, name in (("uniform", "lists.bytes_per_number"), ("clustered", "lists.bytes_per_number_clustered")):
        of = [one for one in measured if one.shape == shape]
        worst = max(of, key=lambda one: one.bytes)
        note = "; ".join(_told(one) for one in of)
        yield Figure(name, worst.bytes, "B", beside, worst.set_bytes, "<= 3.0", f"the worst of three. {note}")
        if worst.key_bytes is not None:
            yield Figure("lists.key_per_number_bytes", worst.key_bytes, "B", beside, worst.set_bytes)


def _told(one: Measured) -> str:
    keys = f", keys {one.key_bytes:.1f}" if one.key_bytes is not None else ""
    beside = f"(strings {one.set_bytes:.1f}{keys})"
    text = f"{one.register.name} {one.count / 1e6:.1f} M: {one.bytes:.2f} {beside}"
    if one.register.scale == 1:
        return text
    whole = one.count * one.register.scale / 1e6
    beside = f"(strings {one.set_bytes * whole:,.0f} MB)"
    return f"{text}, by which the whole register of {whole:.0f} M takes {one.bytes * whole:,.0f} MB {beside}"


def _tokens(objections: Sequence[tuple[int, float, float]]) -> Iterator[Figure]:
    _, held, beside = max(objections, key=lambda one: one[1])
    note = "; ".join(f"{count / 1e6:.1f} M: {held:.2f} (strings {beside:.1f})" for count, held, beside in objections)
    yield Figure("lists.bytes_per_token", held, "B", "a set of strings", beside, "<= 9.5", note)


def _speed(measured: Sequence[Measured]) -> Iterator[Figure]:
    worst = min(measured, key=lambda one: one.set_load_s / one.load_s)
    note = "; ".join(
        f"{one.register.name} {one.shape} {one.load_s:.2f} s (redis-cli {one.set_load_s:.2f})" for one in measured
    )
    anchor = "redis-cli --pipe, one set of strings"
    yield Figure("lists.load_sorted_ratio", worst.set_load_s / worst.load_s, "", anchor, 1.0, ">= 1.5", note)
    for one in measured:
        for name, share in (("lookup_us", 0.50), ("lookup_p99_us", 0.99)):
            if one.lookup_us:
                beside = percentile(one.sismember_us, share)
                anchor = "SISMEMBER alone, a set of strings"
                yield Figure(f"lists.{name}", percentile(one.lookup_us, share), "µs", anchor, beside)
