"""The chain: why an event that was committed cannot be changed, removed, moved or slipped in without it showing.

Each writer's events form a chain of their own. The hash of an event takes in the hash of the one before, and the first
takes in the *genesis*, which binds the chain to its ledger and writer:

    commitment = SHA-256(salt, body, sealed)
    hash(n)    = SHA-256(hash(n-1), commitment, seq, n, mark, version, writer, at, kind, call, subject, controller)

The chain holds the commitment and not what was committed to, and the salt keeps anybody from trying out what that was.
So salt, body and the sealed personal part can be deleted when their time is over, and the chain still verifies.

What is hashed is written in one way only: a header of fixed size with every number and the length of every text (-1 for
none), then the texts one after the other. Texts are bytes in UTF-8.

A hash needs no secret, so whoever can write to the database can make a whole new chain. Signed checkpoints and the
anchors that others hold are against that.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

SALT_BYTES = 16

_LINKED = struct.Struct(">32s32sQQqIiiiiii")
_COMMITTED = struct.Struct(">16sqq")
_GENESIS = struct.Struct(">ii")

Linked = tuple[
    int,  # seq
    bytes,  # writer
    int,  # n
    int | None,  # mark
    bytes,  # at
    bytes,  # kind
    bytes | None,  # call
    bytes | None,  # subject
    bytes | None,  # controller
    int,  # version
    bytes,  # commitment
]
"""What the chain holds of an event."""

Said = tuple[
    bytes | None,  # salt
    bytes | None,  # body
    bytes | None,  # sealed
]
"""What an event says; all None once its time was over."""

Record = tuple[Linked, bytes, Said]
"""An event as it is stored, with its hash between the two."""


def genesis(identity: bytes, writer: bytes) -> bytes:
    """What stands for the hash before a writer's first event: 32 bytes."""
    head = _GENESIS.pack(len(identity), len(writer))
    return hashlib.sha256(b"callgate ledger 1\0" + head + identity + writer).digest()


def commit(salt: bytes, body: bytes, sealed: bytes | None) -> bytes:
    """The commitment to what an event says, 32 bytes. `salt` is 16 random bytes."""
    if sealed is None:
        return hashlib.sha256(_COMMITTED.pack(salt, len(body), -1) + body).digest()
    return hashlib.sha256(_COMMITTED.pack(salt, len(body), len(sealed)) + body + sealed).digest()


def link(before: bytes, linked: Linked) -> bytes:
    """The hash of an event, 32 bytes; `before` is that of the same writer's event n-1, or the genesis."""
    seq, writer, n, mark, at, kind, call, subject, controller, version, commitment = linked
    head = _LINKED.pack(
        before,
        commitment,
        seq,
        n,
        -1 if mark is None else mark,
        version,
        len(writer),
        len(at),
        len(kind),
        -1 if call is None else len(call),
        -1 if subject is None else len(subject),
        -1 if controller is None else len(controller),
    )
    texts = b"".join((head, writer, at, kind, call or b"", subject or b"", controller or b""))
    return hashlib.sha256(texts).digest()


class Wrong(StrEnum):
    """What is wrong with the first event that does not fit."""

    CHANGED = "changed"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first event that does not fit: its place, what happened to it, and how that shows.

    `n` is 0 where it cannot be known whose it was.
    """

    what: Wrong
    seq: int
    writer: str
    n: int
    shows: str

    def __str__(self) -> str:
        whose = f" ({self.writer} {self.n})" if self.n else ""
        return f"event {self.seq}{whose} was {self.what}: {self.shows}"


@dataclass(slots=True)
class Chains:
    """All chains of one ledger, verified event by event in the order of `seq`, from the first.

    `heads` is where each writer's chain has come to: its last n and hash. `bare` counts, by kind, the events whose
    content is gone, which the ledger's own records of its retention must account for.
    """

    identity: bytes
    heads: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    bare: dict[bytes, int] = field(default_factory=dict)
    seq: int = 0
    mark: int = 0

    def verify(self, records: Iterable[Record]) -> Fault | None:
        """Take in the next events; the first that does not fit, or None. After a fault nothing more can be said."""
        for linked, hashed, said in records:
            try:
                fault = self._take(linked, hashed, said)
            except (TypeError, ValueError, struct.error):
                fault = _fault(linked, Wrong.CHANGED, "it holds what callgate never wrote")
            if fault is not None:
                return fault
        return None

    def _take(self, linked: Linked, hashed: bytes, said: Said) -> Fault | None:
        writer, n, mark = linked[1:4]
        at = self.heads.get(writer) or (0, genesis(self.identity, writer))
        if link(at[1], linked) != hashed or n != at[0] + 1 or linked[0] != self.seq + 1:
            return _misfit(linked, at[0], self.seq)
        salt, body, sealed = said
        if salt is None or body is None:
            if salt is not None or body is not None or sealed is not None:
                return _fault(linked, Wrong.CHANGED, "a part of what it says is missing")
            self.bare[linked[5]] = self.bare.get(linked[5], 0) + 1
        elif commit(salt, body, sealed) != linked[10]:
            return _fault(linked, Wrong.CHANGED, "what it says is not what it was committed with")
        if mark is not None:
            if mark != self.mark + 1:
                return _fault(linked, Wrong.MOVED, f"its mark is {mark} and should be {self.mark + 1}")
            self.mark = mark
        self.heads[writer] = n, hashed
        self.seq = linked[0]
        return None


def _misfit(linked: Linked, last_n: int, last_seq: int) -> Fault:
    """Why an event does not fit after the writer's event `last_n` and the ledger's `last_seq`, plainest first."""
    seq, writer, n = linked[:3]
    name = writer.decode(errors="replace")
    if seq != last_seq + 1 and n == last_n + 1:
        # What is missing is another writer's.
        return Fault(Wrong.REMOVED, last_seq + 1, "", 0, f"event {last_seq} is followed by event {seq}")
    if n > last_n + 1:
        return Fault(Wrong.REMOVED, last_seq + 1, name, last_n + 1, f"{name} goes on with {n}, at {seq}")
    if n <= last_n:
        return _fault(linked, Wrong.INSERTED, f"{name} has an event {n} before it")
    return _fault(linked, Wrong.CHANGED, "its hash is not that of what it says and of the event before it")


def _fault(linked: Linked, what: Wrong, shows: str) -> Fault:
    return Fault(what, linked[0], linked[1].decode(errors="replace"), linked[2], shows)


def astray(fault: Fault, stands_at: int | None) -> Fault:
    """The same fault, told more exactly where the event that is missing was found elsewhere: at that seq."""
    if fault.what is not Wrong.REMOVED or stands_at is None:
        return fault
    return Fault(Wrong.MOVED, fault.seq, fault.writer, fault.n, f"it stands at {stands_at}")
