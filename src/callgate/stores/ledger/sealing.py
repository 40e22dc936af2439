"""How what is personal is kept: sealed under a key of the person's, which is kept wrapped under the master key.

A key belongs to one person, controller and class. To destroy it is to erase what it sealed, wherever copies of that
lie. All sealing is AES-256-GCM with a random nonce of 12 bytes before it, bound to the subject: what was sealed for one
cannot be passed off as another's (NIST SP 800-38D).
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from callgate.core.events import DataClass, Event, Json, class_of
from callgate.core.mac import Mac
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.keyfile import LedgerKeys, read_ledger_keys
from callgate.stores.schema import dump

NONCE_BYTES = 12
SUBJECT_BYTES = 16
_TIME_BYTES = 6
_KEY_BYTES = 32
_TAG_BYTES = 16
WRAPPED_BYTES = NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
"""The length of a person's wrapped key."""

_AT_A_TIME = 8192


Random = Callable[[int], bytes]
"""Gives so many random bytes."""


class Chance:
    """Random bytes of the kernel's, fetched many at a time. Belongs to one thread.

    Each question to the kernel gives up the interpreter, which has to be won back from the event loop; so one for every
    salt, nonce and key would take longer than all else that an event comes to.
    """

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """The next `count` bytes, which nobody gets again."""
        at, self._at = self._at, self._at + count
        if self._at > len(self._bytes):
            self._bytes, at, self._at = os.urandom(max(_AT_A_TIME, count)), 0, count
        return self._bytes[at : self._at]


class Person(NamedTuple):
    """Whom a key belongs to. `controller` is empty where the event names none."""

    number: str
    controller: str
    of: DataClass


def person_of(event: Event) -> Person | None:
    """Whose key seals what is personal in the event; None where it is about nobody."""
    return None if event.number is None else Person(event.number, event.controller or "", class_of(event.kind))


class Subject(NamedTuple):
    """A person as the ledger knows them: an id that tells nothing of the number, and what seals under their key."""

    id: bytes
    key: bytes
    cipher: AESGCM

    @classmethod
    def of(cls, subject: bytes, key: bytes) -> "Subject":
        """The subject with this id and key."""
        return cls(subject, key, AESGCM(key))

    def __repr__(self) -> str:
        return f"Subject(id={self.id!r})"  # a key is in no trace and no log

    def seal(self, event: Event, chance: Random = os.urandom) -> bytes:
        """What is personal in the event, sealed."""
        nonce = chance(NONCE_BYTES)
        more = f',"personal":{dump(dict(event.personal))}' if event.personal else ""
        return nonce + self.cipher.encrypt(nonce, f'{{"number":{dump(event.number)}{more}}}'.encode(), self.id)

    def unseal(self, sealed: bytes) -> tuple[str, Mapping[str, Json]]:
        """The number and the personal part. Raises `LedgerUnavailable` where it was tampered with."""
        said = json.loads(_decrypt(self.cipher, sealed, self.id, "an event's personal part was changed"))
        return said["number"], said.get("personal", {})


class KeyRing:
    """Wraps and unwraps people's keys under the master keys, and names people by the index key."""

    def __init__(self, keys: LedgerKeys) -> None:
        self.keys = keys
        self._ciphers: dict[str, AESGCM] = {}
        self._newest = ""
        self._index = Mac(keys.index)
        self._load(keys)

    def _load(self, keys: LedgerKeys) -> None:
        self.keys = keys
        self._ciphers = {name: AESGCM(secret) for name, secret in keys.masters.items()}
        self._newest = keys.newest

    def token(self, person: Person) -> bytes:
        """By which a person's subject is found: 32 bytes that tell nothing of the number without the index key."""
        whose = "\0".join((person.of, person.controller, person.number))
        return self._index.digest(whose.encode())

    def new(self, at: datetime, chance: Random = os.urandom) -> tuple[Subject, str, bytes]:
        """A subject with a fresh key; the name of the master key, and the key wrapped under it.

        Its id begins with the time `at`, in milliseconds, which its first event tells anyhow: so what is new stands
        together in the database's indexes, and a commit touches few of their pages.
        """
        key = chance(_KEY_BYTES)
        subject = int(at.timestamp() * 1000).to_bytes(_TIME_BYTES) + chance(SUBJECT_BYTES - _TIME_BYTES)
        return Subject.of(subject, key), self._newest, self._wrap(subject, key, chance)

    def open(self, subject: bytes, master: str, wrapped: bytes) -> Subject:
        """The subject whose key was wrapped so. Raises `LedgerUnavailable`."""
        return Subject.of(subject, self._unwrap(subject, master, wrapped))

    def rewrap(self, subject: bytes, master: str, wrapped: bytes) -> tuple[str, bytes]:
        """The same key under the newest master key. Raises `LedgerUnavailable`."""
        return self._newest, self._wrap(subject, self._unwrap(subject, master, wrapped))

    def _wrap(self, subject: bytes, key: bytes, chance: Random = os.urandom) -> bytes:
        nonce = chance(NONCE_BYTES)
        return nonce + self._ciphers[self._newest].encrypt(nonce, key, subject)

    def _unwrap(self, subject: bytes, master: str, wrapped: bytes) -> bytes:
        if master not in self._ciphers:
            self._load(read_ledger_keys(self.keys.path))  # the keys were rotated since it was read
        if master not in self._ciphers:
            raise LedgerUnavailable(
                f"people's keys are wrapped under the master key {master!r}, which {self.keys.path} does not hold; "
                "put its line back"
            )
        return _decrypt(self._ciphers[master], wrapped, subject, "a person's wrapped key was changed")


def _decrypt(cipher: AESGCM, sealed: bytes, subject: bytes, otherwise: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], subject)
    except (InvalidTag, ValueError):
        raise LedgerUnavailable(f"{otherwise}, or is under another key; run `callgate ledger verify`") from None
