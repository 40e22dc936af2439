"""Lead files over HTTP: sifted by a process of its own, whole or not at all, and nothing of them is left behind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from callgate.sifting import AT_ONCE, ProcessSieve
from callgate.stores.errors import StoreUnavailable
from callgate.web.services import LeadsRefused, SieveBusy
from tests.registers.conftest import command, redis_url
from tests.scrub.test_scrub_command import LEADS, ready
from tests.stores.servers import RedisServer

__all__ = ["RedisServer", "command", "ready", "redis_url"]
pytestmark = pytest.mark.server

WORDS = {"campaign": "spring", "column": "phone", "country": "GB"}


async def body(text: str, size: int = 20) -> AsyncIterator[bytes]:
    for at in range(0, len(text), size):
        yield text[at : at + size].encode()


def sift(
    folder: Path, leads: str = LEADS, words: Mapping[str, str] = WORDS, *, blocked: bool = False
) -> tuple[str, int, dict[str, int]]:
    async def work() -> tuple[str, int, dict[str, int]]:
        sieve = ProcessSieve(folder / "callgate.toml", folder / "state")
        sifted = await sieve.sift(body(leads), {**WORDS, **words}, blocked=blocked)
        content = b"".join([chunk async for chunk in sifted.content]).decode()
        return content, sifted.allowed, dict(sifted.blocked)

    return asyncio.run(work())


@pytest.mark.usefixtures("ready")
def test_the_leads_that_may_be_called_come_back_and_nothing_stays(tmp_path: Path) -> None:
    before = set((tmp_path / "state").iterdir())
    content, allowed, blocked = sift(tmp_path)
    assert content == "id,phone\n1,020 7946 0000\n"
    assert (allowed, sum(blocked.values())) == (1, 6)
    assert set((tmp_path / "state").iterdir()) == before


@pytest.mark.usefixtures("ready")
def test_those_that_must_not_come_back_with_the_reason(tmp_path: Path) -> None:
    content, _, blocked = sift(tmp_path, blocked=True)
    assert content.splitlines()[:2] == ["id,phone,callgate_reason", "2,020 7946 0001,national-list"]
    assert blocked == {"bad-number": 1, "country-not-served": 1, "national-list": 1, "no-consent": 1, "objection": 2}


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("leads", "words"), [("", {}), ("\ufeff", {}), (LEADS, {"column": "nowhere"}), (LEADS, {"column": "--help"})]
)
def test_a_file_that_is_refused_says_why(tmp_path: Path, leads: str, words: dict[str, str]) -> None:
    with pytest.raises(LeadsRefused, match="refused"):
        sift(tmp_path, leads, words)


def test_leads_are_not_judged_by_a_cache_that_is_not_ready(tmp_path: Path, command: object) -> None:
    del command
    (tmp_path / "state").mkdir(exist_ok=True)
    with pytest.raises(StoreUnavailable):
        sift(tmp_path)


@pytest.mark.usefixtures("ready")
def test_no_more_are_sifted_at_once_than_the_machine_should_take(tmp_path: Path) -> None:
    async def work() -> None:
        sieve = ProcessSieve(tmp_path / "callgate.toml", tmp_path / "state")
        held = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield LEADS.encode()
            await held.wait()

        running = [asyncio.create_task(sieve.sift(slow(), WORDS, blocked=False)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(SieveBusy):
            await sieve.sift(slow(), WORDS, blocked=False)
        held.set()
        for sifted in await asyncio.gather(*running):
            assert sifted.allowed == 1
            assert b"".join([chunk async for chunk in sifted.content])

    asyncio.run(work())


@pytest.mark.usefixtures("ready")
def test_a_client_that_goes_away_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    async def gone() -> AsyncIterator[bytes]:
        yield LEADS.encode()
        raise ConnectionResetError

    async def work() -> None:
        sieve = ProcessSieve(tmp_path / "callgate.toml", tmp_path / "state")
        with pytest.raises(ConnectionResetError):
            await sieve.sift(gone(), WORDS, blocked=False)

    before = set((tmp_path / "state").iterdir())
    asyncio.run(work())
    assert set((tmp_path / "state").iterdir()) == before
