"""The audit of a ledger: streams every event past the chains, then holds what it saw against the signed checkpoints.

Chains catch whoever changes the database by hand; checkpoints catch whoever links the chains anew after that, without
the signing key; anchors, which others hold, catch the operator with the key.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from callgate.core.anchor import DIGEST_BYTES, Anchor
from callgate.core.chain import Chains, Fault, Wrong, astray
from callgate.core.events import Kind
from callgate.stores.ledger.backend import Backend
from callgate.stores.ledger.checkpoints import Checkpoint, Rolls, checkpoint_of
from callgate.stores.ledger.rows import READING, Reader
from callgate.stores.schema import checkpoints, events, of_kinds

Progress = Callable[[int], None]
"""Told the seq of the last event that was looked at."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found. `problems` is empty where all is well; the first tells most.

    `covered` is the last event under a checkpoint: what came after it could be cut off without a trace.
    """

    events: int
    checkpoints: int
    covered: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit of one ledger, on a thread of the caller's. `signer` is the public key that signs its checkpoints."""

    backend: Backend
    identity: str
    signer: bytes
    reader: Reader

    def run(self, anchors: Sequence[Anchor] = (), progress: Progress = lambda _: None) -> Report:
        """Look at everything. Raises `LedgerUnavailable`."""
        chains = Chains(self.identity.encode())
        signed = [checkpoint_of(row) for row in self._rows(sa.select(checkpoints).order_by(checkpoints.c.number))]
        rolls = Rolls(_ends(signed))
        for batch in self.backend.records(0):
            if fault := chains.verify(batch):
                return Report(chains.seq, 0, 0, (str(self._astray(fault)),))
            rolls.take(batch[0][0][0], [hashed for _, hashed, _ in batch])
            progress(chains.seq)
        problems = [*self._signed(signed, rolls.made), *_anchored(signed, anchors), *self._bare(chains)]
        covered = signed[-1].stand.seq if signed and not problems else 0
        return Report(chains.seq, len(signed), covered, tuple(problems))

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self.backend.reads.connect() as connection:
            return connection.execute(query).all()

    def _astray(self, fault: Fault) -> Fault:
        """Whether the event that is missing stands somewhere else."""
        query = sa.select(events.c.seq).where(events.c.writer == fault.writer, events.c.n == fault.n)
        found = self._rows(query)
        return astray(fault, found[0].seq if found else None)

    def _signed(self, signed: Sequence[Checkpoint], rolls: Mapping[int, bytes]) -> Iterator[str]:
        before: Checkpoint | None = None
        reached: dict[str, int] = {}
        for one in signed:
            name = f"checkpoint {one.number}"
            if not one.is_signed():
                yield f"{name} was changed: its signature does not fit"
                return
            if one.signer != self.signer:
                yield f"{name} was signed with another key than the one in the file of the ledger's keys"
                return
            if not one.follows(before, self.identity):
                yield f"the checkpoint before checkpoint {one.number} was changed or removed"
                return
            for writer, (n, hashed) in one.stand.heads.items():
                if fault := self._head(writer, n, hashed, reached.get(writer, 0)):
                    yield f"{fault}, as {name} has it"
                    return
                reached[writer] = n
            if one.stand.roll is not None and one.stand.roll != rolls.get(one.stand.seq):
                yield f"the events up to {one.stand.seq} are others than those whose hashes {name} has"
                return
            before = one

    def _head(self, writer: str, n: int, hashed: bytes, before: int) -> Fault | None:
        """What is wrong with a chain that was signed as having come to `n`, and to `before` the time before."""
        of_writer = sa.select(events.c.seq, events.c.n, events.c.hash).where(events.c.writer == writer)
        found = self._rows(of_writer.where(events.c.n.in_([n, before + 1])).order_by(events.c.n))
        if not found or found[-1].n != n:
            last = self._rows(of_writer.order_by(events.c.n.desc()).limit(1))
            n_now, seq_now = (last[0].n, last[0].seq) if last else (0, 0)
            return Fault(Wrong.REMOVED, seq_now + 1, writer, n_now + 1, f"{writer} had come to {n}")
        if found[-1].hash != hashed:
            shows = f"of {writer}'s events {before + 1} to {n} one is another, and those after it were linked anew"
            return Fault(Wrong.CHANGED, found[0].seq, writer, found[0].n, shows)
        return None

    def _bare(self, chains: Chains) -> Iterator[str]:
        """Whether the ledger's own records of its retention account for what is gone."""
        if not chains.bare:
            return
        told: dict[str, int] = {}
        for row in self._rows(READING.where(of_kinds([Kind.RETENTION]))):
            removed = self.reader.entry(row).event.payload.get("removed")
            for kind, count in removed.items() if isinstance(removed, dict) else ():
                told[kind] = told.get(kind, 0) + (count if isinstance(count, int) else 0)
        for raw, gone in sorted(chains.bare.items()):
            kind = raw.decode()
            if gone > told.get(kind, 0):
                yield (
                    f"{gone} events of kind {kind} have lost what they said, and the ledger's retention removed "
                    f"{told.get(kind, 0)}"
                )


def _ends(signed: Iterable[Checkpoint]) -> Iterator[int]:
    """Where the checkpoints say that they stood. What is none of ours is found out afterwards, by its signature."""
    for one in signed:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            yield one.stand.seq


def _anchored(signed: Iterable[Checkpoint], anchors: Sequence[Anchor]) -> Iterator[str]:
    by_number = {one.number: one for one in signed}
    for anchor in anchors:
        one = by_number.get(anchor.number)
        if one is None:
            yield (
                f"the ledger was cut off: the anchor {anchor} is of checkpoint {anchor.number}, and the last one here "
                f"is {max(by_number, default=0)}"
            )
        elif one.digest[:DIGEST_BYTES] != anchor.digest:
            yield f"the ledger is another than it was: checkpoint {anchor.number} is not the one of the anchor {anchor}"
