"""The door: who comes in, by password, by session or by token.

The answer to a wrong name, a wrong password and a disabled user is one, and takes one time. A session ends when it was
not used for a while, when it is old, when its user logs out or is disabled, and when the password changes.
"""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog

from callgate.clock import Clock
from callgate.core.access import Principal
from callgate.stores.accounts import Accounts, Session, Token
from callgate.stores.errors import LedgerUnavailable
from callgate.web.auth.lockout import Key, Lockout
from callgate.web.auth.passwords import Passwords

log = structlog.stdlib.get_logger()

PREFIX = "cg_"
"""Of every token, so that one which got into a file or a log is found there."""
SEEN_EVERY = timedelta(minutes=1)
TIDY_EVERY_S = 60.0
NAMED_MOST = 20
"""Users and addresses that one event about failed log-ins names."""


class NotLetIn(Exception):
    """Name and password do not go together. It says no more than that, on purpose."""


class TryLater(Exception):
    """Too many failures; `wait` is how long no try counts."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many log-ins failed; wait, then try again")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Terms:
    """When a session ends: after so long without use, and after so long in any case."""

    idle: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who was let in. `scopes`: what a token may be used for, None for a session; `csrf` goes with the latter."""

    principal: Principal
    scopes: frozenset[str] | None = None
    csrf: str = ""


def new_token() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a session's or a token's secret, which is random and long: salt or slowness would add nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


class Door:
    """Lets people and programs in."""

    def __init__(self, accounts: Accounts, passwords: Passwords, clock: Clock, terms: Terms) -> None:
        self.accounts = accounts
        self.passwords = passwords
        self.terms = terms
        self._clock = clock
        self._lockout = Lockout()
        self._failed = 0
        self._names: set[str] = set()
        self._addresses: set[str] = set()

    async def log_in(self, name: str, password: str, address: str) -> str:
        """The secret of a new session. Raises `NotLetIn`, `TryLater`, `LedgerUnavailable`."""
        keys: tuple[Key, ...] = ("user", name), ("address", address)
        if wait := self._lockout.wait(keys, self._clock()):
            raise TryLater(wait)
        # Counted before it is known, so that many tries at once are not all free; a success takes it back.
        self._lockout.failed(keys, self._clock())
        user = await self.accounts.user(name)
        usable = user.password if user is not None and user.disabled is None else None
        if not await self.passwords.matches(usable, password):
            self._note(name if user is not None else "", address)
            raise NotLetIn("name and password do not go together")
        self._lockout.succeeded(name)
        secret = secrets.token_urlsafe(32)
        await self.accounts.begin_session(digest(secret), name)
        return secret

    async def log_out(self, secret: str, by: str) -> None:
        """End a session. Raises `LedgerUnavailable`."""
        await self.accounts.end_session(digest(secret), by)

    async def change_password(self, name: str, old: str, new: str, address: str) -> None:
        """A user's own. Ends their sessions. Raises `NotLetIn`, `TryLater`, `BadPassword`, `LedgerUnavailable`."""
        keys: tuple[Key, ...] = ("user", name), ("address", address)
        if wait := self._lockout.wait(keys, self._clock()):
            raise TryLater(wait)
        user = await self.accounts.user(name)
        if user is None or not await self.passwords.matches(user.password, old):
            self._lockout.failed(keys, self._clock())
            self._note(name, address)
            raise NotLetIn("that is not the password so far")
        await self.accounts.set_password(name, await self.passwords.hash(new), name)

    async def by_session(self, secret: str) -> Visitor | None:
        """Who has this session, if it has not ended. Raises `LedgerUnavailable`."""
        hashed = digest(secret)
        session = await self.accounts.session(hashed)
        if session is None or not self._lasts(session):
            return None
        if self._clock() - session.seen >= SEEN_EVERY:
            await self.accounts.see_session(hashed)
        return Visitor(session.user.principal, csrf=csrf_of(secret))

    def _lasts(self, session: Session) -> bool:
        now = self._clock()
        return now - session.seen < self.terms.idle and now - session.created < self.terms.longest

    async def by_token(self, token: str) -> Visitor | None:
        """Who has this token. Raises `LedgerUnavailable`."""
        found = await self.accounts.token(digest(token)) if token.startswith(PREFIX) else None
        return Visitor(found[1].principal, found[0].scopes) if found else None

    async def make_token(self, user: str, label: str, scopes: frozenset[str], life: timedelta, by: str) -> str:
        """A new token, which is not kept and so can be shown only now. Raises `AccountRefused`, `LedgerUnavailable`."""
        token, now = new_token(), self._clock()
        made = Token(secrets.token_hex(4), user, label, scopes, now, now + life)
        await self.accounts.add_token(made, digest(token), by)
        return token

    def _note(self, name: str, address: str) -> None:
        """Remember a failure for the ledger. What was typed for a name is kept only if a user has it: it may be a
        password in the wrong field."""
        self._failed += 1
        for value, into in ((name, self._names), (address, self._addresses)):
            if value and len(into) < NAMED_MOST:
                into.add(value)

    async def run(self) -> None:
        """Until cancelled: tell the ledger of failed log-ins, one event a minute at most; remove what has ended."""
        try:
            while True:
                await self._tidy()
                await asyncio.sleep(TIDY_EVERY_S)
        finally:
            await self._tidy()

    async def _tidy(self) -> None:
        count, names, addresses = self._failed, frozenset(self._names), frozenset(self._addresses)
        try:
            if count:
                await self.accounts.note_failures(count, names, addresses)
                self._failed -= count
                self._names -= names
                self._addresses -= addresses
            await self.accounts.prune(self.terms.idle, self.terms.longest)
        except LedgerUnavailable as error:
            log.warning("accounts-not-tidied", error=str(error))


def csrf_of(secret: str) -> str:
    """The token that a form of this session has to bring: made of the session's secret, which no other site knows."""
    return hmac.new(secret.encode(), b"callgate csrf", hashlib.sha256).hexdigest()
