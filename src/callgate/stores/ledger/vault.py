"""Keys of recordings: one for each, kept with the recording, wrapped under a key of the person's.

The person's key is the one under which the ledger seals what it says of their recordings (class `recording`), for one
controller. So whatever destroys that key (an erasure, the end of the last term) destroys every recording with it,
wherever copies of the files lie. A wrapped key is bound to its person and its call: it opens no other recording.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag

from callgate.core.sealedfile import KEY_BYTES
from callgate.stores.ledger.finding import by_token
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.sealing import NONCE_BYTES, Person, Subject
from callgate.stores.schema import subjects

AT_ONCE = 500
"""How many subjects one question names."""


class KeyDestroyed(Exception):
    """The person's key was destroyed: nobody can open this any more."""


@dataclass(frozen=True, slots=True)
class FileKey:
    """A fresh key of 32 bytes for one recording, and what opens it again; `subject` is whose key wrapped it."""

    key: bytes = field(repr=False)
    subject: bytes
    wrapped: bytes


async def new_key(ledger: Ledger, person: Person, call: str) -> FileKey | None:
    """A key for the recording of this call; None where the ledger holds no key of this person.

    Raises `LedgerUnavailable`.
    """
    found = await ledger.rows(by_token(_KEYS, [ledger.ring.token(person)]))
    if not found:
        return None
    subject = ledger.ring.open(found[0].subject, found[0].master, found[0].wrapped)
    key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
    return FileKey(key, subject.id, nonce + subject.cipher.encrypt(nonce, key, _bound(subject, call)))


async def open_key(ledger: Ledger, subject: bytes, wrapped: bytes, call: str) -> bytes:
    """The key of this call's recording. Raises `KeyDestroyed`, `LedgerUnavailable`."""
    found = await ledger.rows(_KEYS.where(subjects.c.subject == subject))
    if not found:
        raise KeyDestroyed("the key under which it was sealed was destroyed")
    whose = ledger.ring.open(found[0].subject, found[0].master, found[0].wrapped)
    try:
        return whose.cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(whose, call))
    except (InvalidTag, ValueError):
        raise KeyDestroyed("the key that it carries is not the one with which it was sealed") from None


async def alive(ledger: Ledger, named: Collection[bytes]) -> set[bytes]:
    """Those of the subjects whose key is still there. Raises `LedgerUnavailable`."""
    found: set[bytes] = set()
    asked = sorted(set(named))
    for at in range(0, len(asked), AT_ONCE):
        rows = await ledger.rows(_KEYS.where(subjects.c.subject.in_(asked[at : at + AT_ONCE])))
        found |= {bytes(row.subject) for row in rows}
    return found


_KEYS = sa.select(subjects.c.subject, subjects.c.master, subjects.c.wrapped).where(subjects.c.wrapped.is_not(None))


def _bound(subject: Subject, call: str) -> bytes:
    return b"recording\0" + subject.id + b"\0" + call.encode()
