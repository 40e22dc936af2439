"""The ledger beside a bare `INSERT; COMMIT` for each event: how many verdicts a second, and how long each waits.

The ledger is in SQLite and in a PostgreSQL of its own, both as durable as it demands. The bare loop writes what one
would write without a ledger: the same event as one row, with the same indexes and the same pragmas, straight through
sqlite3, with nobody else about. The ledger also numbers, seals, links, and serves many callers at once, each of whom
waits until theirs is durable. All take turns, so that whatever else the machine does hits them alike.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench.report import Figure, percentile
from callgate.core.events import Event, Json, Kind
from callgate.pace import set_pace
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.keyfile import read_ledger_keys, write_new_ledger_keys
from callgate.stores.ledger.sqlite import prepare
from lab.place import REPOSITORY
from lab.postgres import PostgresServer

AT_ONCE = (1, 16, 64)
TURN_S = 1.5
TURNS = 8
VERIFIED = 200_000
PAYLOAD: dict[str, Json] = {
    "outcome": "allow",
    "reason": "clear",
    "detail": "",
    "trail": [{"rule": f"rule {n}", "passed": True, "saw": "brussels in BE, until 2027-01-01"} for n in range(9)],
    "policy": "0123456789ab",
    "pbx": "lab",
    "uniqueid": "1764000000.42",
    "agent": "PJSIP/brussels-0000002a",
    "campaign": "spring",
    "centre": "brussels",
    "caller_id": "+3225550199",
    "callee_language": "fr",
    "agent_language": "en",
    "record": True,
}
"""A verdict as the office writes it."""

Sample = dict[str, list[float]]
"""Variant → the waits of its events in seconds; and beside each, under its name and " s", how long its turns took."""


def verdict(n: int) -> Event:
    """The n-th verdict: a call and a person of its own."""
    return Event(Kind.VERDICT, datetime.now(UTC), f"{n:016x}", f"+4420794{n % 10**7:07}", "acme", PAYLOAD)


async def measure(console: Console) -> list[Figure]:
    """The whole part."""
    (REPOSITORY / ".lab").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=REPOSITORY / ".lab", prefix="bench-ledger-") as name:
        folder = Path(name)
        server = await asyncio.to_thread(PostgresServer)
        try:
            async with (
                opened(f"sqlite:///{folder}/ledger.db", folder) as file,
                opened(server.new_database(), folder) as database,
            ):
                set_pace()  # as `callgate serve` does, once its ledger is open
                with closing(_bare_table(folder / "bare.db")) as bare:
                    waits = await _take_turns({"sqlite": file, "postgresql": database}, bare, console)
        finally:
            await asyncio.to_thread(server.end)
        verified = await _verified(folder, console)
    return [*_figures(waits), Figure("ledger.verify_per_s", verified, "events/s", "", None, ">= 100000")]


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Ledger]:
    """A ledger with keys of its own in the folder."""
    keys = folder / "ledger.key"
    if not keys.exists():
        write_new_ledger_keys(keys)
    ledger = await Ledger.open(
        url, "bench", lambda: datetime.now(UTC), keys=read_ledger_keys(keys), tokens=lambda _: (), append_within=60
    )
    try:
        yield ledger
    finally:
        await ledger.close()


# The bare loop.


def _bare_table(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    prepare(db, 1)
    db.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, at, kind, call, number, controller, payload)")
    for column in ("call", "number"):
        db.execute(f"CREATE INDEX by_{column} ON events ({column})")
    return db


def _bare(db: sqlite3.Connection, numbers: Iterator[int]) -> Iterator[float]:
    while True:
        began = time.perf_counter()
        event = verdict(next(numbers))
        row = event.at.isoformat(), event.kind, event.call, event.number, event.controller, json.dumps(event.payload)
        db.execute("INSERT INTO events (at, kind, call, number, controller, payload) VALUES (?, ?, ?, ?, ?, ?)", row)
        yield time.perf_counter() - began


# Turns.


async def _take_turns(ledgers: dict[str, Ledger], bare: sqlite3.Connection, console: Console) -> Sample:
    numbers = count()
    waits: Sample = {}
    loop = _bare(bare, numbers)
    for turn in range(1, TURNS + 1):
        console.print(f"turn {turn} of {TURNS}")
        _one_turn(waits, "bare", lambda: next(loop))
        for name, ledger in ledgers.items():
            for at_once in AT_ONCE:
                await _concurrent_turn(waits, f"{name} {at_once}", ledger, at_once, numbers)
    return waits


def _one_turn(waits: Sample, name: str, do: Callable[[], float]) -> None:
    began = time.perf_counter()
    while time.perf_counter() < began + TURN_S:
        waits.setdefault(name, []).append(do())
    waits.setdefault(f"{name} s", []).append(time.perf_counter() - began)


async def _concurrent_turn(waits: Sample, name: str, ledger: Ledger, at_once: int, numbers: Iterator[int]) -> None:
    mine = waits.setdefault(name, [])
    began = time.perf_counter()

    async def call_after_call() -> None:
        while (at := time.perf_counter()) < began + TURN_S:
            await ledger.append([verdict(next(numbers))])
            mine.append(time.perf_counter() - at)

    await asyncio.gather(*(call_after_call() for _ in range(at_once)))
    waits.setdefault(f"{name} s", []).append(time.perf_counter() - began)


async def _verified(folder: Path, console: Console) -> float:
    console.print(f"verifying {VERIFIED:,} events")
    async with opened(f"sqlite:///{folder}/long.db", folder) as ledger:
        for at in range(0, VERIFIED, 256):
            await ledger.append([verdict(n) for n in range(at, min(at + 256, VERIFIED))])
        began = time.perf_counter()
        report = await ledger.audit()
        took = time.perf_counter() - began
    if report.events != VERIFIED or report.problems:
        raise RuntimeError(f"the ledger that was to be verified is not whole: {report}")
    return VERIFIED / took


# Figures.


def _figures(waits: Sample) -> list[Figure]:
    rates = {name: len(waits[name]) / sum(waits[f"{name} s"]) for name in waits if not name.endswith(" s")}
    figures = []
    for variant in [name for name in rates if name != "bare"]:
        backend, at_once = variant.split()
        stem = "ledger" if backend == "sqlite" else f"ledger.{backend}"
        figures.append(
            Figure(f"{stem}.rate_{at_once}", rates[variant], "events/s", "bare INSERT; COMMIT", rates["bare"])
        )
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            figures.append(
                Figure(
                    f"{stem}.{label}_{at_once}_ms",
                    _ms(waits[variant], share),
                    "ms",
                    f"bare {label}",
                    _ms(waits["bare"], share),
                )
            )
    ratio = rates["sqlite 64"] / rates["bare"]
    return [
        Figure("ledger.commit_ratio", ratio, "", "the bare loop", 1.0, ">= 3"),
        Figure("ledger.p99_ms", _ms(waits["sqlite 64"], 0.99), "ms", "bare p99", _ms(waits["bare"], 0.99), "< 10"),
        *figures,
    ]


def _ms(waits: list[float], share: float) -> float | None:
    found = percentile(waits, share)
    return None if found is None else found * 1000
