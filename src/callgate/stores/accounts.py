"""Users, their sessions and tokens, beside the chain in the ledger's database.

Whatever changes who may use callgate is one transaction with the event that says who changed it, so that neither is
ever there without the other. Of a password there is its hash here, of a session or token a SHA-256: what is in the
database opens nothing.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.core.refusals import Refusal, Refused
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import sessions, tokens, users

WRITE_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class User:
    """A user. `password` is the argon2 hash, None for one who has tokens only; `disabled`: since when, if at all."""

    name: str
    role: Role
    controllers: frozenset[str] | None = None
    centres: frozenset[str] | None = None
    password: str | None = None
    created: datetime | None = None
    disabled: datetime | None = None

    @property
    def principal(self) -> Principal:
        """Who asks, when this user does."""
        return Principal(self.name, self.role, self.controllers, self.centres)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is logged in, since when, and when they were last there."""

    user: User
    created: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """An API token of a user, without what would open anything. `scopes`: what it may be used for."""

    id: str
    user: str
    label: str
    scopes: frozenset[str]
    created: datetime
    expires: datetime


class AccountRefused(Refused):
    """The change was not made; the message says why and what would be right."""


class Accounts:
    """The users of one ledger. Every method raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    # Users.

    async def users(self) -> list[User]:
        """All of them, by name."""
        return [_user(row) for row in await self._ledger.rows(sa.select(users).order_by(users.c.name))]

    async def user(self, name: str) -> User | None:
        """The user of that name."""
        found = await self._ledger.rows(sa.select(users).where(users.c.name == name))
        return _user(found[0]) if found else None

    async def add(self, user: User, by: str) -> None:
        """Make a user. Raises `AccountRefused` where the name is taken."""
        if await self.user(user.name) is not None:
            raise AccountRefused(Refusal.USER_IS_THERE, name=user.name)
        row = {
            "name": user.name,
            "role": user.role.value,
            "controllers": _names(user.controllers),
            "centres": _names(user.centres),
            "password": user.password,
            "created": _text(self._clock()),
        }
        said: dict[str, Json] = {"role": user.role, "controllers": row["controllers"], "centres": row["centres"]}
        await self._change([sa.insert(users).values(row)], "user-added", by, user=user.name, **said)

    async def set_password(self, name: str, hashed: str, by: str) -> None:
        """Set a password; whoever was logged in with the old one is no longer. Raises `AccountRefused`."""
        await self._existing(name)
        changed = sa.update(users).where(users.c.name == name).values(password=hashed)
        await self._change([changed, _end_all(name)], "password-set", by, user=name)

    async def disable(self, name: str, by: str) -> None:
        """End a user: no session, token or password of theirs opens anything any more. Raises `AccountRefused`."""
        await self._existing(name)
        ended = sa.update(users).where(users.c.name == name).values(disabled=_text(self._clock()))
        taken = sa.delete(tokens).where(tokens.c.name == name)
        await self._change([ended, _end_all(name), taken], "user-disabled", by, user=name)

    async def enable(self, name: str, by: str) -> None:
        """Let a user in again. Raises `AccountRefused`."""
        await self._existing(name)
        again = sa.update(users).where(users.c.name == name).values(disabled=None)
        await self._change([again], "user-enabled", by, user=name)

    async def _existing(self, name: str) -> User:
        found = await self.user(name)
        if found is None:
            raise AccountRefused(Refusal.NO_USER, name=name)
        return found

    # Sessions.

    async def begin_session(self, hashed: bytes, name: str) -> None:
        """Enter that a user logged in."""
        now = self._clock()
        row = {"hash": hashed, "name": name, "created": _text(now), "seen": _text(now)}
        await self._write([sa.insert(sessions).values(row)], Event(Kind.LOGIN, now, payload={"by": name}))

    async def session(self, hashed: bytes) -> Session | None:
        """The session whose cookie has this hash, unless its user was disabled."""
        query = sa.select(users, sessions.c.created.label("begun"), sessions.c.seen).join(
            sessions, sessions.c.name == users.c.name
        )
        found = await self._ledger.rows(query.where(sessions.c.hash == hashed, users.c.disabled.is_(None)))
        return Session(_user(found[0]), _time(found[0].begun), _time(found[0].seen)) if found else None

    async def see_session(self, hashed: bytes) -> None:
        """Note that a session was used now."""
        used = sa.update(sessions).where(sessions.c.hash == hashed).values(seen=_text(self._clock()))
        await self._write([used], None)

    async def end_session(self, hashed: bytes, by: str) -> None:
        """Log somebody out."""
        await self._change([sa.delete(sessions).where(sessions.c.hash == hashed)], "logout", by)

    async def prune(self, idle: timedelta, longest: timedelta) -> None:
        """Remove the sessions and tokens that have ended by themselves."""
        now = self._clock()
        over = sa.or_(sessions.c.seen < _text(now - idle), sessions.c.created < _text(now - longest))
        late = tokens.c.expires < _text(now)
        ended = await self._ledger.rows(sa.select(sessions.c.hash).where(over).limit(1))
        expired = await self._ledger.rows(sa.select(tokens.c.id).where(late).limit(1))
        if ended or expired:
            await self._write([sa.delete(sessions).where(over), sa.delete(tokens).where(late)], None)

    # Tokens.

    async def add_token(self, token: Token, hashed: bytes, by: str) -> None:
        """Enter a token. Raises `AccountRefused` where its user is not there, or disabled."""
        if (await self._existing(token.user)).disabled:
            raise AccountRefused(Refusal.USER_DISABLED, name=token.user)
        row = {
            "hash": hashed,
            "id": token.id,
            "name": token.user,
            "label": token.label,
            "scopes": json.dumps(sorted(token.scopes)),
            "created": _text(token.created),
            "expires": _text(token.expires),
        }
        said: dict[str, Json] = {"token": token.id, "scopes": [*sorted(token.scopes)], "expires": _text(token.expires)}
        await self._change([sa.insert(tokens).values(row)], "token-made", by, user=token.user, **said)

    async def token(self, hashed: bytes) -> tuple[Token, User] | None:
        """The token with this hash and its user, unless it expired or its user was disabled."""
        query = sa.select(tokens).where(tokens.c.hash == hashed, tokens.c.expires > _text(self._clock()))
        found = await self._ledger.rows(query)
        user = await self.user(found[0].name) if found else None
        return (_token(found[0]), user) if user is not None and user.disabled is None else None

    async def tokens(self, name: str) -> list[Token]:
        """The tokens of a user, the oldest first."""
        query = sa.select(tokens).where(tokens.c.name == name).order_by(tokens.c.created)
        return [_token(row) for row in await self._ledger.rows(query)]

    async def revoke(self, token: str, by: str) -> None:
        """Take a token back, by its id. Raises `AccountRefused`."""
        found = await self._ledger.rows(sa.select(tokens.c.name).where(tokens.c.id == token))
        if not found:
            raise AccountRefused(Refusal.NO_TOKEN, token=token)
        await self._change([sa.delete(tokens).where(tokens.c.id == token)], "token-revoked", by, token=token)

    # What was done.

    async def note_failures(self, count: int, names: Collection[str], addresses: Collection[str]) -> None:
        """Enter how many log-ins failed since the last time this was said, at whom, and from where."""
        said: dict[str, Json] = {"count": count, "users": [*sorted(names)], "addresses": [*sorted(addresses)]}
        await self._ledger.append([Event(Kind.LOGIN_FAILED, self._clock(), payload=said)], patient=True)

    async def _change(self, changes: Sequence[sa.ClauseElement], act: str, by: str, **said: Json) -> None:
        await self._write(changes, Event(Kind.ACT, self._clock(), payload={"act": act, "by": by, **said}))

    async def _write(self, changes: Sequence[sa.ClauseElement], event: Event | None) -> None:
        made = [self._ledger.backend.sql.change(change) for change in changes]
        try:
            async with asyncio.timeout(WRITE_WITHIN_S):
                await self._ledger.amend(Amendment(made, event, keys=False))
        except TimeoutError:
            raise LedgerUnavailable(f"the ledger did not confirm within {WRITE_WITHIN_S:.0f} s") from None


def _end_all(name: str) -> sa.Delete:
    return sa.delete(sessions).where(sessions.c.name == name)


def _user(row: sa.Row[Any]) -> User:
    return User(
        row.name,
        Role(row.role),
        _read_names(row.controllers),
        _read_names(row.centres),
        row.password,
        _time(row.created),
        _time(row.disabled) if row.disabled else None,
    )


def _token(row: sa.Row[Any]) -> Token:
    scopes = frozenset(json.loads(row.scopes))
    return Token(row.id, row.name, row.label, scopes, _time(row.created), _time(row.expires))


def _names(names: frozenset[str] | None) -> str | None:
    return None if names is None else json.dumps(sorted(names))


def _read_names(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _text(at: datetime) -> str:
    """In one fixed form that sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
