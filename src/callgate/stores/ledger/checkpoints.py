"""Checkpoints: signed statements of where every chain stood, each holding the digest of the one before.

The statement is JSON, and signed as the text that is stored, so that it can be checked with nothing but a library for
Ed25519 (RFC 8032). It names the chains that went on since the checkpoint before; the others stand where they stood.

    {"at": …, "before": digest or "", "heads": {writer: [n, hash]}, "ledger": …, "mark": …, "number": …, "roll": …,
     "seq": …}

The *roll* is the SHA-256 of the hashes of all events since the checkpoint before, one after the other in the order of
`seq`. It lets a part of the ledger be proven without the rest: whoever is given all hashes, and what some of them are
made of, can tell that these stood there, and that nothing was left out between them, while of the others they see 32
bytes that tell nothing (a commitment with a random salt is in each). Checkpoints of the first days have none.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callgate.core.anchor import DIGEST_BYTES, Anchor
from callgate.core.events import Json
from callgate.stores.schema import dump

Heads = Mapping[str, tuple[int, bytes]]
"""Writer → its last n and hash."""


class Stand(NamedTuple):
    """Where a ledger stood: its last event and mark, the heads of the chains that went on since, and the roll."""

    seq: int
    mark: int
    heads: Heads
    roll: bytes | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it is stored. `signer` is the public key, 32 bytes."""

    number: int
    statement: str
    signer: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        """What the next checkpoint and an anchor hold of this one: 32 bytes."""
        return hashlib.sha256(self.statement.encode() + self.signer + self.signature).digest()

    @property
    def anchor(self) -> Anchor:
        """The line for others to keep."""
        return Anchor(self.number, self.digest[:DIGEST_BYTES])

    @property
    def made_on(self) -> str:
        """The day on which it was made, as it says itself: `2026-11-24`."""
        return str(json.loads(self.statement)["at"])[:10]

    @property
    def stand(self) -> Stand:
        """What was signed. Raises ValueError, KeyError or TypeError where that is none of ours."""
        said = json.loads(self.statement)
        heads = {writer: (int(n), bytes.fromhex(hashed)) for writer, (n, hashed) in said["heads"].items()}
        roll = bytes.fromhex(said["roll"]) if "roll" in said else None
        return Stand(int(said["seq"]), int(said["mark"]), heads, roll)

    def follows(self, before: "Checkpoint | None", ledger: str) -> bool:
        """Whether it says of itself that it comes after that one, in this ledger."""
        said = json.loads(self.statement)
        place = said["ledger"], said["number"], said["before"]
        digest = before.digest.hex() if before else ""
        return bool(place == (ledger, self.number, digest)) and self.number == (before.number if before else 0) + 1

    def is_signed(self) -> bool:
        """Whether the signature is the signer's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.signer).verify(self.signature, self.statement.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Rolls:
    """Makes the rolls that end at the given seqs, from the hashes of all events in their order."""

    def __init__(self, ends: Iterable[int]) -> None:
        self._ends = iter(sorted(set(ends)))
        self._end = next(self._ends, None)
        self._digest = hashlib.sha256()
        self.made: dict[int, bytes] = {}

    def take(self, first: int, hashes: Sequence[bytes]) -> None:
        """Take in the hashes of the events `first` and on."""
        at = 0
        while self._end is not None and self._end < first + len(hashes):
            until = self._end - first + 1
            self._digest.update(b"".join(hashes[at:until]))
            self.made[self._end] = self._digest.digest()
            self._digest, self._end, at = hashlib.sha256(), next(self._ends, None), until
        self._digest.update(b"".join(hashes[at:]))


def checkpoint_of(row: sa.Row[Any]) -> Checkpoint:
    """The checkpoint that a row of `checkpoints` holds."""
    return Checkpoint(row.number, row.statement, row.signer, row.signature)


def public_key(signing: bytes) -> bytes:
    """The public key to a signing key, 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw()


def sign(signing: bytes, ledger: str, at: datetime, stand: Stand, before: Checkpoint | None) -> Checkpoint:
    """The checkpoint after `before`."""
    number = before.number + 1 if before else 1
    said: dict[str, Json] = {
        "at": at.isoformat(),
        "before": before.digest.hex() if before else "",
        "heads": {writer: [n, hashed.hex()] for writer, (n, hashed) in stand.heads.items()},
        "ledger": ledger,
        "mark": stand.mark,
        "number": number,
        "seq": stand.seq,
    }
    statement = dump(said if stand.roll is None else said | {"roll": stand.roll.hex()})
    signature = Ed25519PrivateKey.from_private_bytes(signing).sign(statement.encode())
    return Checkpoint(number, statement, public_key(signing), signature)
