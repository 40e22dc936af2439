"""The export of evidence: what was asked for, in one sealed file.

That it is made, by whom, of what and why is in the ledger before there is a file: an export that fails half-way is one
that was asked for. Then the ledger is signed, so that everything in the bundle is under a checkpoint, and the bundle is
written in one pass. What is personal stays sealed in it; only an officer has the numbers of the selected written out.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import sqlalchemy as sa

from callgate.config import Settings
from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.evidence import belongings
from callgate.evidence.archive import Archive, lines, refuse_another, written
from callgate.evidence.extract import Extract, Piece, Span, checkpoints_from, span_of
from callgate.evidence.report import TOLD_AT_MOST, Contents, Told, report, told
from callgate.evidence.selection import Selection
from callgate.evidence.statistics import Statistics
from callgate.evidence.verifier import FORMAT
from callgate.stores.errors import LedgerRefused
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.checkpoints import public_key
from callgate.stores.ledger.questions import subjects_of
from callgate.stores.schema import events

SUBJECTS_AT_MOST = 50

Progress = Callable[[int, int], None]
"""Told how many events of how many were looked at."""


class Forbidden(Exception):
    """Who asks may not have it; the sentence says what it takes."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `reveal`: with the numbers; `links`: also of events outside what their hash is made of."""

    selection: Selection
    reveal: bool = False
    links: bool = False
    audio: bool = False
    because: str = ""

    def told(self) -> dict[str, Json]:
        """For the ledger and the manifest."""
        return {
            "selection": self.selection.told(),
            "revealed": self.reveal,
            "links": self.links,
            "because": self.because.strip(),
        }


@dataclass(frozen=True, slots=True)
class Done:
    """What was exported: events shown, events in the span, and the number of the last checkpoint."""

    shown: int
    spanned: int
    checkpoint: int


def verifier_text() -> str:
    """The single file that checks bundles."""
    return resources.files("callgate.evidence").joinpath("verifier.py").read_text(encoding="utf-8")


def check(order: Order, who: Principal) -> None:
    """Raises Forbidden for what this principal may not have."""
    if who.role not in (Role.OFFICER, Role.ADMIN):
        raise Forbidden("evidence is exported by officers")
    if not who.sees(order.selection.controller, None):
        confined = ", ".join(sorted(who.controllers or ())) or "no controller"
        raise Forbidden(f"{who.name} sees {confined}; name it with --controller")
    if order.reveal and who.role is not Role.OFFICER:
        raise Forbidden("numbers are revealed to officers only")
    if order.reveal and not order.because.strip():
        raise Forbidden("say why the numbers are to be revealed: --because")
    if order.links and who.controllers is not None:
        raise Forbidden("what other companies' events are made of is not for whoever is confined to one")


async def export(
    ledger: Ledger,
    settings: Settings,
    order: Order,
    who: Principal,
    to: Path,
    *,
    clock: Callable[[], datetime],
    progress: Progress = lambda *_: None,
) -> Done:
    """Write the bundle to the new file `to`.

    Raises Forbidden, `LedgerUnavailable`, `LedgerRefused`, FileExistsError and OSError; then there is no file.
    """
    check(order, who)
    await asyncio.to_thread(refuse_another, to)
    whose = order.selection.of(tuple(settings.controllers))
    where = order.selection.where(whose, ledger.ring)
    found = await _found(ledger, order.selection, whose, where)
    said = order.told() | found | {"by": who.name}
    await ledger.append([Event(Kind.EXPORTED, clock(), None, None, order.selection.controller, said)])
    if await ledger.checkpoint(clock()) is None:
        raise LedgerRefused("the ledger could not be signed, so nothing of it can be proven; try again")
    span = await span_of(ledger, order.selection.during())
    with (
        TemporaryFile(dir=to.parent) as roll,
        TemporaryFile(dir=to.parent) as revealed,
        written(to, ledger.ring.keys.signing) as archive,
    ):
        making = _Making(ledger, settings, order, who, clock(), span, archive, roll, revealed)
        return await making.run(Extract(ledger, span, where, order.links), progress)


async def _found(
    ledger: Ledger, selection: Selection, whose: Sequence[str], where: sa.ColumnElement[bool]
) -> dict[str, Json]:
    """How many events it is about and, where it is about a person, by which subjects the ledger knows them."""
    count = (await ledger.rows(sa.select(sa.func.count().label("found")).select_from(events).where(where)))[0].found
    if selection.number is None:
        return {"events": count}
    found = await ledger.rows(subjects_of(selection.number, whose, ledger.ring).limit(SUBJECTS_AT_MOST))
    return {"events": count, "subjects": [row.subject.hex() for row in found]}


@dataclass(slots=True)
class _Making:
    """One bundle while it is made."""

    ledger: Ledger
    settings: Settings
    order: Order
    who: Principal
    at: datetime
    span: Span
    archive: Archive
    roll: BinaryIO
    revealed: BinaryIO

    async def run(self, extract: Extract, progress: Progress) -> Done:
        statistics, shown = Statistics(), 0
        one_by_one: list[Told] = []
        spanned = self.span.last - self.span.first + 1
        with self.archive.file("events.jsonl") as file:
            async for piece in extract.pieces():
                await asyncio.to_thread(self._write, piece, file.write)
                for entry in piece.entries:
                    statistics.take(entry)
                    if self._tells(len(one_by_one)):
                        one_by_one.append(told(entry))
                shown += len(piece.entries)
                progress(piece.seq - self.span.first + 1, spanned)
        checkpoint = await self._checkpoints()
        await asyncio.to_thread(self._rest, statistics, one_by_one, self._manifest(shown, checkpoint))
        return Done(shown, spanned, checkpoint)

    def _write(self, piece: Piece, write: Callable[[bytes], None]) -> None:
        self.roll.write(piece.roll)
        write(lines(piece.lines))
        if self.order.reveal:
            known = [entry for entry in piece.entries if entry.event.number is not None]
            rows = [
                {"seq": entry.seq, "number": entry.event.number, "personal": dict(entry.event.personal)}
                for entry in known
            ]
            self.revealed.write(lines(rows))

    def _tells(self, already: int) -> bool:
        """Whether the report tells events one by one: where they are of one person or call."""
        asked = self.order.selection
        return (asked.number is not None or asked.call is not None) and already < TOLD_AT_MOST

    async def _checkpoints(self) -> int:
        """Write the checkpoints from the one before the span on, and the anchors; the number of the last."""
        anchors: dict[str, str] = {}
        number = 0
        with self.archive.file("checkpoints.jsonl") as file:
            async for one in checkpoints_from(self.ledger, max(self.span.base, 1)):
                row = {"statement": one.statement, "signer": one.signer.hex(), "signature": one.signature.hex()}
                file.write(lines([row]))
                anchors[one.made_on] = str(one.anchor)
                number = one.number
        self.archive.put("anchors.txt", "".join(f"{anchor}\n" for anchor in anchors.values()))
        return number

    def _manifest(self, shown: int, checkpoint: int) -> dict[str, Json]:
        return {
            "format": FORMAT,
            "ledger": self.ledger.identity,
            "signer": public_key(self.ledger.ring.keys.signing).hex(),
            "made": self.at.astimezone(UTC).isoformat(),
            "by": self.who.name,
            "first": self.span.first,
            "last": self.span.last,
            "shown": shown,
            "checkpoint": checkpoint,
            **self.order.told(),
        }

    def _rest(self, statistics: Statistics, one_by_one: list[Told], manifest: dict[str, Json]) -> None:
        """Everything but the ledger's own."""
        controller = self.order.selection.controller
        policies = belongings.policies(self.settings, statistics, controller)
        contracts = belongings.contracts(self.settings, controller, self.at.date())
        lists = belongings.lists(self.settings)
        put = self.archive.put
        self.archive.splice("roll.bin", self.roll, packed=False)
        if self.order.reveal:
            self.archive.splice("revealed.jsonl", self.revealed)
        put("policies.jsonl", lines(policies))
        put("prompts.jsonl", lines(belongings.prompts(statistics)))
        put("contracts.jsonl", lines(contracts))
        put("lists.jsonl", lines(lists))
        put("statistics.json", lines([statistics.told()]))
        if self.order.audio:
            for sound in belongings.audio(self.settings, statistics):
                put(f"audio/{sound.sha256}.wav", sound.path.read_bytes(), packed=False)
        put("report.html", report(Contents(manifest, statistics, one_by_one, policies, contracts, lists)))
        put("verify.py", verifier_text())
        self.archive.end(manifest)
