"""Leads in, allowed and blocked leads out, a block at a time.

A record is copied with every byte that it has. In the file of the blocked one more field stands behind it, the reason.
Headings go into both files; lines with nothing on them stay among the allowed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from callgate.core import bulk
from callgate.core.bulk import Mask
from callgate.core.reasons import Reason
from callgate.core.records import Records
from callgate.registers import reading
from callgate.scrub.judging import BAD_NUMBER, CLEAR, REASONS, Judge, Verdicts
from callgate.scrub.leads import Leads

HEADING = b"callgate_reason"
COMMA = b","


@dataclass(slots=True)
class Counts:
    """How many leads were allowed, and how many blocked for which reason."""

    allowed: int = 0
    blocked: Counter[Reason] = field(default_factory=Counter)

    @property
    def leads(self) -> int:
        """All of them."""
        return self.allowed + self.blocked.total()

    def by_reason(self) -> Mapping[str, int]:
        """The blocked, by the code of the reason."""
        return {str(reason): self.blocked[reason] for reason in REASONS if self.blocked[reason]}


@dataclass(slots=True)
class Sieve:
    """`country` (ISO 3166) is where national numbers are of. What is not wanted of the outputs is None."""

    judge: Judge
    country: str
    allowed: BinaryIO | None
    blocked: BinaryIO | None
    counts: Counts = field(default_factory=Counts)

    async def sift(self, leads: Leads) -> Counts:
        """All leads of a file. Raises `FileRefused`, and whatever the judge raises: then the outputs are not whole."""
        delimiter = COMMA if leads.shape.delimiter is None else bytes([leads.shape.delimiter])
        for output in (self.allowed, self.blocked):
            if output is not None:
                output.write(leads.mark)
        heading = leads.headed
        for block in reading.blocks(leads.content, leads.shape):
            records = block
            if heading and len(records):
                first = np.arange(len(records)) == 0
                self._head(records.at(first), delimiter)
                records, heading = records.at(~first), False
            await self._records(records, leads, delimiter)
        return self.counts

    def _head(self, headings: Records, delimiter: bytes) -> None:
        if self.allowed is not None:
            self.allowed.write(_as_they_are(headings))
        if self.blocked is not None:
            self.blocked.write(_with(headings, [delimiter + HEADING]))

    async def _records(self, records: Records, leads: Leads, delimiter: bytes) -> None:
        numbers, owners = bulk.read(records.field(leads.column), self.country)
        numbers[records.doubtful] = 0
        verdicts = await self.judge.verdicts(numbers, owners)
        blank = (records.ends == records.starts) & ~records.doubtful
        verdicts[blank] = CLEAR
        clear = verdicts == CLEAR
        self._count(verdicts[~blank])
        if self.allowed is not None:
            self.allowed.write(_as_they_are(records.at(clear)))
        if self.blocked is not None:
            endings = [delimiter + reason.value.encode() for reason in REASONS]
            reasons = [endings[verdict] for verdict in verdicts[~clear].tolist()]
            self.blocked.write(_with(records.at(~clear), reasons))

    def _count(self, verdicts: Verdicts) -> None:
        counted = np.bincount(verdicts, minlength=len(REASONS))
        self.counts.allowed += int(counted[CLEAR])
        for verdict, count in enumerate(counted.tolist()[BAD_NUMBER:], start=BAD_NUMBER):
            self.counts.blocked[REASONS[verdict]] += count


def _as_they_are(records: Records) -> bytes:
    """The bytes of some records of a block, in their order."""
    chosen = np.zeros(len(records.data) + 1, np.int8)
    chosen[records.starts] += 1
    chosen[records.nexts] -= 1
    inside: Mask = np.cumsum(chosen[:-1], dtype=np.int8).astype(np.bool_)
    return records.data[inside].tobytes()


def _with(records: Records, endings: list[bytes]) -> bytes:
    """The bytes of some records, each with something more before its line end."""
    data = records.data.tobytes()
    places = zip(records.starts.tolist(), records.ends.tolist(), records.nexts.tolist(), endings, strict=True)
    return b"".join(data[start:end] + more + data[end:following] for start, end, following, more in places)
