"""A register from its text file into force, and a scrub of leads against it, each beside what one would do without us.

The import reads 17 million lines in no order, checks and sorts them, writes the list file and loads it into a fresh
Redis, counted and in force. Beside it `redis-cli --pipe` fills one set of strings with the same numbers from a file in
Redis's own protocol, which it is given for nothing.

The scrub and DuckDB's anti-join get a million leads as CSV and that register, in one notation, since DuckDB compares
text. DuckDB reads the list as text; callgate has the file of the list that was imported, as in an operator's daily
round, and holds it against its checksum. They take turns, and the medians are compared. Both write a file of the leads
that are left, and what is in them must be the same. At last callgate does it once more with objections in Redis, some
of them of these leads, and patterns, for which DuckDB has no counterpart.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console

from bench.lists import TOKENS, Server, fresh, piped, sadd, set_of
from bench.report import Figure
from callgate.core.bulk import Numbers
from callgate.core.gate import Scope
from callgate.registers.intake import take
from callgate.registers.layouts import LAYOUTS
from callgate.registers.reading import Reading, Tally
from callgate.registers.sorting import blocks_of
from callgate.scrub.judging import CLEAR, NATIONAL_LIST, Held, Judge, OnFile, Verdicts
from callgate.scrub.leads import begin
from callgate.scrub.objections import CacheObjections
from callgate.scrub.stream import Sieve
from callgate.stores.cache.bulk import send
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.suppression import Epoch, SuppressionCache
from callgate.stores.encoding import bits_for, generation_of
from callgate.stores.lists.file import ListVersion, open_list
from callgate.stores.lists.inforce import load_list
from callgate.stores.lists.membership import Membership
from callgate.stores.lists.writer import write_list
from callgate.stores.objections import Audience
from lab.process import LabError

LEADS = 1_000_000
LISTED = 17_000_000
LISTED_SHARE = 0.3
"""Of the leads."""
FIRST, LAST = 447_200_000_000, 447_400_000_000
"""British mobile numbers; a list fills a twelfth of them."""
OBJECTIONS = 100_000
PATTERNS = ("+447201234", "+44720", "+4472345678")
TURNS = 5
VERSION = ListVersion("uk-tps", "GB", "bench", datetime(2026, 11, 24, tzinfo=UTC))

ANTI_JOIN = """
COPY (
    SELECT leads.* FROM read_csv('{folder}/leads.csv', header = true, all_varchar = true) leads
    ANTI JOIN read_csv('{folder}/list.txt', header = false, columns = {{'phone': 'VARCHAR'}}) listed USING (phone)
) TO '{folder}/duckdb.csv' (HEADER)
"""


class _Nobody:
    """Nobody objected, and of nobody anything is on file."""

    async def against(self, numbers: Numbers) -> Verdicts:
        return np.zeros(len(numbers), np.uint8)

    async def on_file(self, _numbers: Numbers) -> Mapping[int, OnFile]:
        return {}


class _Lists:
    """A law by which every list binds."""

    def unknown(self, _country: str, listed: frozenset[str], numbers: Numbers) -> Verdicts:
        return np.full(len(numbers), NATIONAL_LIST if listed else CLEAR, np.uint8)

    def known(self, _country: str, _listed: frozenset[str], _number: int, _on_file: OnFile) -> int:
        return CLEAR


async def measure(console: Console) -> list[Figure]:
    """The whole part: a minute, most of it to make the files."""
    with tempfile.TemporaryDirectory() as name, console.status(f"{LEADS:,} leads against {LISTED:,} numbers"):
        folder = Path(name)
        _write(folder)
        began = time.perf_counter()
        reading = Reading(LAYOUTS["text"], "GB")
        taken = take(f"{folder}/list.txt", reading, Tally(), in_force=None, folder=folder)
        written = write_list(folder / "uk-tps.list", VERSION, blocks_of(taken.numbers))
        read_s = time.perf_counter() - began
        async with fresh(folder) as server:
            began = time.perf_counter()
            await load_list(server.client, Keys(), written)
            import_s = read_s + time.perf_counter() - began
        async with fresh(folder) as server:
            piped_s = await piped(server, folder, set_of(taken.numbers.tolist()))
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(TURNS):
            theirs.append(_joined(folder))
            ours.append(await _scrubbed(folder, written.path, _Nobody()))
            _prove(folder)
        async with fresh(folder) as server:
            held = await _objected(server)
            objected_s = statistics.median([await _scrubbed(folder, written.path, held()) for _ in range(TURNS)])
    scrub_s, duckdb_s = statistics.median(ours), statistics.median(theirs)
    return [
        Figure("lists.load_ratio", piped_s / import_s, "", "redis-cli --pipe into one set", 1.0, ">= 1.5"),
        Figure("lists.import_s", import_s, "s", "redis-cli --pipe into one set", piped_s),
        Figure("lists.scrub_ratio", scrub_s / duckdb_s, "", "DuckDB's anti-join", 1.0, "< 2"),
        Figure("lists.scrub_s", scrub_s, "s", "DuckDB's anti-join", duckdb_s),
        Figure("lists.scrub_objected_s", objected_s, "s", "without objections and patterns", scrub_s),
        Figure("lists.read_and_scrub_s", read_s + scrub_s, "s", "DuckDB's anti-join", duckdb_s),
        Figure("lists.read_rate", LISTED / read_s / 1e6, "M lines/s", "seconds in all", read_s),
    ]


def _write(folder: Path) -> None:
    rng = np.random.default_rng(20261124)
    listed = rng.choice(LAST - FIRST, LISTED, replace=False) + FIRST
    with (folder / "list.txt").open("w") as file:
        for part in np.array_split(listed, 100):
            file.write("".join(f"+{number}\n" for number in part.tolist()))
    leads = rng.integers(FIRST, LAST, LEADS)
    on_it = rng.random(LEADS) < LISTED_SHARE
    leads[on_it] = rng.choice(listed, int(on_it.sum()))
    with (folder / "leads.csv").open("w") as file:
        file.write("id,name,phone,city,score\n")
        file.writelines(
            f"{at},Person {at * 7919 % 9973},+{number},City {at % 541},{at % 97}\n"
            for at, number in enumerate(leads.tolist())
        )


def _joined(folder: Path) -> float:
    with duckdb.connect() as connection:
        began = time.perf_counter()
        connection.execute(ANTI_JOIN.format(folder=folder))
        return time.perf_counter() - began


async def _objected(server: Server) -> Callable[[], Held]:
    """Fill Redis with objections to a controller, half of them of numbers that may be leads."""
    bits = bits_for(OBJECTIONS)
    generation = generation_of("AAAAAAAA", bits)
    random = np.random.default_rng(1)
    half = OBJECTIONS // 2
    numbers = [*random.integers(FIRST, LAST, half).tolist(), *random.integers(10**11, 10**12, half).tolist()]
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for token in (TOKENS.new(Audience(Scope.CONTROLLER, "acme"), f"+{number}") for number in numbers):
        buckets[token.bucket(bits)].append(token.member)
    cache = SuppressionCache(server.client, Keys(), TOKENS, "bench", answer_within=5)
    commands = ((sadd(cache.keys.bucket(generation, at), bucket), len(bucket)) for at, bucket in buckets.items())
    await send(server.client, commands)
    await server.client.set(cache.keys.epoch, str(Epoch("bench", TOKENS.layout, generation)))
    return lambda: CacheObjections(cache, "acme", "spring", PATTERNS)


async def _scrubbed(folder: Path, listed: Path, held: Held) -> float:
    began = time.perf_counter()
    judge = Judge({"GB": {"uk-tps": Membership.of(open_list(listed))}}, held, _Lists())
    with (folder / "leads.csv").open("rb") as leads, (folder / "callgate.csv").open("wb") as allowed:
        await Sieve(judge, "GB", allowed, None).sift(begin(leads, "phone"))
    return time.perf_counter() - began


def _prove(folder: Path) -> None:
    """That both let the same leads through; else their speed means nothing. DuckDB keeps no order."""
    left = [sorted((folder / name).read_bytes().splitlines()) for name in ("callgate.csv", "duckdb.csv")]
    if left[0] != left[1]:
        raise LabError(f"callgate let {len(left[0]):,} leads through, DuckDB {len(left[1]):,}, and not the same")
