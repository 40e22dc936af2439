"""Requests that are sent twice are answered once: by their idempotency key, for a day.

A request claims its key before anything is done. One that finds it claimed gets the answer that was given; or is told
that it is still being worked out, or that the key came with another request. A claim whose process died before it
answered is free again after a while: what it did is then done a second time, which for all that takes a key is doing it
once.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from callgate.stores.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import answers

KEPT = timedelta(days=1)
CLAIMED_FOR = timedelta(minutes=1)


class KeyReused(Exception):
    """The key came with another request before."""


class UnderWay(Exception):
    """The request with this key is being answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was given: an HTTP status and a JSON text."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer a request. `given`: the answer that it was given before, if it was."""

    name: str
    key: str
    id: str
    given: Answer | None = None


class Answers:
    """The answers kept in one ledger's database. Every method raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    async def claim(self, name: str, key: str, fingerprint: bytes) -> Claim:
        """Claim the key that `name` sent with a request of this fingerprint. Raises `KeyReused`, `UnderWay`."""
        now, claim = self._clock(), Claim(name, key, secrets.token_hex(8))
        mine = answers.c.name == name, answers.c.key == key
        freed = sa.or_(
            answers.c.claimed < _text(now - KEPT),
            sa.and_(*mine, answers.c.status.is_(None), answers.c.claimed < _text(now - CLAIMED_FOR)),
        )
        row = {"name": name, "key": key, "fingerprint": fingerprint, "claim": claim.id, "claimed": _text(now)}
        await self._write(sa.delete(answers).where(freed), _unless_there(row))
        [found] = await self._ledger.rows(sa.select(answers).where(*mine))
        if bytes(found.fingerprint) != fingerprint:
            raise KeyReused
        if found.claim == claim.id:
            return claim
        if found.status is None:
            raise UnderWay
        return Claim(name, key, found.claim, Answer(found.status, found.body))

    async def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep what was answered."""
        kept = sa.update(answers).where(*_of(claim)).values(status=answer.status, body=answer.body)
        await self._write(kept)

    async def forget(self, claim: Claim) -> None:
        """Let the key be used again: nothing was done."""
        await self._write(sa.delete(answers).where(*_of(claim)))

    async def _write(self, *changes: sa.ClauseElement) -> None:
        made = [self._ledger.backend.sql.change(change) for change in changes]
        await self._ledger.amend(Amendment(made, None, keys=False))


def _of(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return answers.c.name == claim.name, answers.c.key == claim.key, answers.c.claim == claim.id


def _unless_there(row: Mapping[str, object]) -> sa.ClauseElement:
    """As standard SQL has it, for want of what both databases would write the same way."""
    values = sa.select(*(sa.bindparam(name, value, type_=answers.c[name].type) for name, value in row.items()))
    there = sa.exists().where(answers.c.name == row["name"], answers.c.key == row["key"])
    return sa.insert(answers).from_select([*row], values.where(~there))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
