"""Passwords: argon2id, with the parameters that RFC 9106, section 4, recommends second: three passes over 64 MiB.

A hash takes a tenth of a second of a processor and 64 MiB, so it is worked out in a thread, and only a few at a time:
guessing must not cost the machine on which calls wait. Who has no account is compared with a hash that nobody knows the
password of, so that the answer takes as long.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from callgate.core.refusals import Refusal, Refused

SHORTEST = 12
LONGEST = 256
"""Characters."""
AT_ONCE = 2


class BadPassword(Refused, ValueError):
    """A password that may not be set; the message says why, and never what it was."""


def check(password: str) -> None:
    """Raises `BadPassword`. Length is what counts: rules about kinds of characters make passwords easier to guess."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadPassword(Refusal.PASSWORD_LENGTH, least=SHORTEST, most=LONGEST)


class Passwords:
    """Makes and compares hashes. `hasher`: with other parameters, for tests."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises `BadPassword`."""
        check(password)
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; None for the hash of somebody who has none."""
        async with self._turn:
            return await asyncio.to_thread(self._matches, hashed, password)

    def _matches(self, hashed: str | None, password: str) -> bool:
        self._nobodys = self._nobodys or self._hasher.hash(secrets.token_hex(16))
        try:
            self._hasher.verify(hashed or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None
