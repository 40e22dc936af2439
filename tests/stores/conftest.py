import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from callgate.core.events import Event, Kind
from callgate.stores.cache.connection import connect
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.keyfile import LedgerKeys
from callgate.stores.lists.file import ListFile, ListVersion
from callgate.stores.lists.writer import write_list
from callgate.stores.tokens import stored_tokens
from lab.postgres import PostgresServer
from tests.stores.servers import RedisServer

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANNA = "+33199000042"
BRAM = "+32470000077"
TOKENS = TokenKeys((TokenKey("k1", bytes(32)),))
DNCM = ListVersion("be-dncm", "BE", "2026-11-24", NOW, "a file of the regulator's")
LEDGER_KEYS = LedgerKeys(Path("/dev/null"), {"first": bytes(32)}, bytes([1]) * 32, bytes([2]) * 32)


def objection(number: str = ANNA, controller: str | None = "futura", **payload: str) -> Event:
    return Event(Kind.OBJECTION, NOW, number=number, controller=controller, payload=payload)


def removal(number: str = ANNA, controller: str | None = "futura", **payload: str) -> Event:
    return Event(Kind.OBJECTION_REMOVED, NOW, number=number, controller=controller, payload=payload)


def verdict(call: str = "c1", outcome: str = "allow") -> Event:
    return Event(Kind.VERDICT, NOW, call=call, number=ANNA, controller="futura", payload={"outcome": outcome})


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


async def open_ledger(folder: Path, writer: str = "office", append_within: float = 5) -> Ledger:
    return await open_at(ledger_url(folder), writer, append_within)


async def open_at(url: str, writer: str = "office", append_within: float = 5) -> Ledger:
    return await Ledger.open(
        url,
        writer,
        lambda: NOW,
        keys=LEDGER_KEYS,
        tokens=partial(stored_tokens, TOKENS),
        append_within=append_within,
    )


def filed(folder: Path, numbers: Iterable[int], of: ListVersion = DNCM) -> ListFile:
    """A list file with these numbers."""
    return write_list(folder / f"{of.id}-{of.version}.list", of, [np.array(sorted(numbers), np.uint64)])


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await open_ledger(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "erasures.journal")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One for all tests that do it no harm."""
    server = PostgresServer()
    yield server
    server.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new ledger is to be, in each kind of database."""
    if request.param == "sqlite":
        return ledger_url(tmp_path)
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.new_database()


@pytest.fixture
async def either(url: str) -> AsyncIterator[Ledger]:
    """A ledger in each kind of database."""
    opened = await open_at(url)
    yield opened
    await opened.close()


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    made = RedisServer()
    await made.start()
    yield made
    await made.end()


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    client = connect(server.url, connect_within=5)
    assert isinstance(client, Redis)
    yield client
    await client.aclose()


@pytest.fixture
def keys() -> Keys:
    return Keys(f"test-{secrets.token_hex(4)}:")


@pytest.fixture
def cold(redis: Redis, keys: Keys, ledger: Ledger) -> SuppressionCache:
    """A cache over an empty Redis, not checked."""
    return SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)


@pytest.fixture
async def cache(cold: SuppressionCache, ledger: Ledger) -> SuppressionCache:
    """A cache that is ready."""
    assert await rebuild(cold, ledger) == ()
    return cold
