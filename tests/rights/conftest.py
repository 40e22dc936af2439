"""A desk over a ledger and a Redis of the test's own, and a person who was called, recorded and consented."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import CallRequest
from callgate.core.policy import Controller
from callgate.core.requests import Answer
from callgate.core.retention import Terms
from callgate.office.local import LocalOffice
from callgate.rights.desk import Asked, Desk
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from tests.core.test_gate import POLICY as ACMES
from tests.stores.conftest import (
    ANNA,
    TOKENS,
    cache,
    cold,
    journal,
    keys,
    ledger,
    open_ledger,
    redis,
    server,
)

__all__ = ["ANNA", "BRAM", "NOW", "cache", "cold", "journal", "keys", "ledger", "redis", "server"]

OFFICER = Principal("officer", Role.OFFICER)
POLICY = replace(ACMES, controllers={**ACMES.controllers, "other": Controller("other", "Other")})
BRAM = "+33199000043"
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""11:30 in Paris: no law says anything against the hour."""
VOICE = b"RIFF the voice of Anna"


@dataclass
class Time:
    """A clock that stands where it is put."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Told:
    """Partners that received everybody's data."""

    names: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    async def recipients(self, controller: str) -> Sequence[str]:
        return self.names if controller == "acme" else ()

    async def that_received(self, number: str, controller: str) -> Sequence[str]:
        return self.names if controller == "acme" else ()

    async def ask(self, request: str, number: str, controller: str, at: datetime) -> None:
        self.asked.append((request, number, controller))

    async def answered(self, request: str) -> Mapping[str, Answer]:
        return self.answers


@dataclass
class Place:
    """An installation: its desk, and what a test looks into or changes."""

    desk: Desk
    cache: SuppressionCache
    folder: Path
    time: Time
    partners: Told

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    @property
    def office(self) -> LocalOffice:
        return self.desk.office

    async def reason(self, number: str = ANNA, centre: str = "brussels") -> str:
        """Why a call of acme's is blocked, or `clear`."""
        request = CallRequest("pbx", "1.1", "PJSIP/a-1", f"00{number[1:]}", "spring", centre, "alice")
        decision = await self.office.decide(request)
        if decision.allowed:
            await self.office.close(decision.call, {})
        return str(decision.reason)


def asked(number: str = ANNA, controller: str = "acme", because: str = "letter of 2026-11-20") -> Asked:
    return Asked(number, controller, because)


def lived(number: str, controller: str, call: str, at: datetime = NOW) -> list[Event]:
    """What a call with consent and recording leaves, and an earlier consent to be called."""

    def event(kind: Kind, said: dict[str, Json], **personal: Json) -> Event:
        return Event(kind, at, call, number, controller, said, personal=personal)

    allowed: dict[str, Json] = {"outcome": "allow", "campaign": "spring", "centre": "brussels", "agent": "PJSIP/7"}
    said = "Anna is called by Brussels for Acme"
    heard: dict[str, Json] = {"prompts": [{"name": "identification", "language": "fr", "text": said, "whole": True}]}
    given: dict[str, Json] = {"given": (at - 30 * DAY).isoformat(), "by": "import", "source": "import"}
    consent = Event(Kind.PRIOR_CONSENT, at, None, number, controller, given, personal={"proof": "form 7"})
    return [
        consent,
        event(Kind.VERDICT, allowed),
        event(Kind.DIALLED, {}),
        event(Kind.NOTICE, heard),
        event(Kind.CONSENT, {"key": "1"}, heard="yes, I am Anna"),
        event(Kind.RECORDING_STARTED, {}),
        event(Kind.RECORDING_SEALED, {"seconds": 3}),
        event(Kind.CLOSED, {}),
    ]


@pytest.fixture
async def place(tmp_path: Path, redis: Redis, keys: Keys) -> AsyncIterator[Place]:
    """Anna was called for acme and for other, and Bram for acme."""
    for folder in ("spool", "sealed"):
        (tmp_path / folder).mkdir()
    ledger = await open_ledger(tmp_path)
    made = SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)
    time, partners = Time(), Told()
    said: list[str] = []
    office = LocalOffice(ledger, made, policy=lambda: POLICY, clock=time, doubt=said.append, alarm=said.append)

    async def destroy(calls: Sequence[str]) -> list[str]:
        places = [tmp_path / folder / f"{call}.wav" for call in calls for folder in ("sealed", "spool")]
        recorded = [path for path in places if path.exists()]
        for path in recorded:
            path.unlink()
        return sorted({path.stem for path in recorded})

    terms = Terms(365 * DAY, 365 * DAY, 1827 * DAY)
    journal = Journal(tmp_path / "erasures.journal")
    desk = Desk(ledger, office, journal, terms, time, lambda: POLICY, partners, destroy)
    for number, controller, call in ((ANNA, "acme", "a1"), (ANNA, "other", "a2"), (BRAM, "acme", "b1")):
        await ledger.append(lived(number, controller, call))
        (tmp_path / "sealed" / f"{call}.wav").write_bytes(VOICE + call.encode())
    assert await rebuild(made, ledger) == ()
    yield Place(desk, made, tmp_path, time, partners)
    await ledger.close()
