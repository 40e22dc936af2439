"""What is kept of a call in words: an outcome from a closed list, and a note where the campaign takes notes.

A note goes through the screen before anything else is done with it. One that is refused leaves no trace: not in the
ledger, not in a log, and it is not told of which call it was; that a note was refused for what it said of somebody's
health would tell of their health. Only how many were refused, by category, is counted, in this process.

The outcome and the note are two events, so that a note can go and the outcome stay. To remove a note is to remove what
its event says, as retention does it: the text is overwritten, the chain still verifies, and the ledger tells that it
was done, by whom and why.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from callgate import notes
from callgate.core.events import Event, Json, Kind
from callgate.core.policy import Campaign, Policy
from callgate.core.screen import LONGEST_NOTE, Finding
from callgate.core.vocabulary import Category
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.upkeep import remove
from callgate.stores.schema import Entry

BATCH = 500
"""Notes that are looked through at a time."""
WHY_REMOVED = "rescreened"


class Refusals(Protocol):
    """Where it is remembered that a callee refused an offer, for the gate (`stores.contacts`). Both raise
    `StoreUnavailable`."""

    async def refused(self, call: str, number: str, controller: str, at: datetime) -> None:
        """They refused, in this call; saying it twice is saying it once."""

    async def not_refused(self, call: str, number: str, controller: str) -> None:
        """It was entered wrongly that they did."""


class NoteRefused(Exception):
    """Nothing was kept. The message says why, without anything of the note; `findings` are the words that led to it."""

    def __init__(self, says: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(says)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Called:
    """A call that was allowed: of whom (None once they were erased), for which campaign, by which centre."""

    call: str
    number: str | None
    controller: str
    campaign: str
    centre: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A note that the screen refuses today: its place in the ledger, its call, and what was found."""

    seq: int
    call: str
    at: datetime
    controller: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Rescreened:
    """How many notes were read, which fail, and whether they were removed and every trace of them overwritten."""

    read: int
    failing: tuple[Failing, ...]
    removed: bool
    overwritten: bool


@dataclass(frozen=True, slots=True)
class Noting:
    """Enters outcomes and notes, and looks through those that were entered. `refused` counts refusals by category."""

    ledger: Ledger
    policy: Callable[[], Policy]
    clock: Callable[[], datetime]
    refusals: Refusals
    refused: Counter[Category] = field(default_factory=Counter)

    async def called(self, call: str) -> Called:
        """The call, for whoever must know whether somebody may speak of it. Raises `NoteRefused`, `LedgerUnavailable`.

        An outcome is of a call that was made: one that was blocked has none.
        """
        verdicts = await self.ledger.read(kinds=[Kind.VERDICT], call=call)
        event = verdicts[-1].event if verdicts else None
        if event is None or event.payload.get("outcome") != "allow":
            raise NoteRefused(f"the ledger has no call {call!r} that was allowed")
        said = event.payload
        return Called(call, event.number, event.controller or "", str(said.get("campaign")), str(said.get("centre")))

    async def note(self, call: str, outcome: str, text: str, by: str) -> None:
        """Enter how a call ended, and a note where there is one; the last outcome of a call is the one that holds.

        Raises `NoteRefused`; then nothing was kept. Raises `LedgerUnavailable`, `StoreUnavailable`; to say it again is
        right then.
        """
        called = await self.called(call)
        campaign = self.policy().campaigns.get(called.campaign)
        if campaign is None:
            raise NoteRefused(f"the campaign {called.campaign!r} is no longer configured, and takes no outcomes")
        if outcome not in campaign.outcomes:
            raise NoteRefused(f"{campaign.id} knows no such outcome; it has {', '.join(campaign.outcomes)}")
        text = text.strip()
        if text:
            await self._screen(text, campaign, called)
        await self._enter(called, self._events(called, outcome, text, by, refusal=outcome in campaign.refusals))

    async def _enter(self, called: Called, events: Sequence[Event]) -> None:
        """A refusal is where the gate looks before the ledger says so, and stays there until the ledger says that it
        was none: cut off in between, nobody is called too early."""
        outcome = events[0]
        if called.number is None:
            await self.ledger.append(events)
        elif outcome.payload["refusal"]:
            await self.refusals.refused(called.call, called.number, called.controller, outcome.at)
            await self.ledger.append(events)
        else:
            before = await self.ledger.read(kinds=[Kind.OUTCOME], call=called.call)
            await self.ledger.append(events)
            if any(entry.event.payload.get("refusal") for entry in before):
                await self.refusals.not_refused(called.call, called.number, called.controller)

    async def _screen(self, text: str, campaign: Campaign, called: Called) -> None:
        if not campaign.notes:
            raise NoteRefused(f"{campaign.id} takes no notes; an outcome is enough")
        if called.number is None:
            raise NoteRefused("this person's data was erased, and no note is kept on them")
        if len(text) > LONGEST_NOTE:
            raise NoteRefused(f"a note has {LONGEST_NOTE:,} characters at most, and this one has {len(text):,}")
        found = await asyncio.to_thread(notes.screen, text, self._languages(called))
        if found:
            categories = sorted({finding.category for finding in found})
            self.refused.update(categories)
            raise NoteRefused(f"a note may hold nothing of this kind: {', '.join(categories)}", found)

    def _languages(self, called: Called) -> Sequence[str]:
        """What a note may be written in: what the campaign speaks to callees, and what the centre's agents speak.

        All that there are, where neither is configured any more.
        """
        policy = self.policy()
        campaign, centre = policy.campaigns.get(called.campaign), policy.centres.get(called.centre)
        spoken = {*(campaign.languages.values() if campaign else ()), *([centre.language] if centre else ())}
        return sorted(spoken) or notes.LANGUAGES

    def _events(self, called: Called, outcome: str, text: str, by: str, *, refusal: bool) -> list[Event]:
        at = self.clock()
        said: dict[str, Json] = {"campaign": called.campaign, "centre": called.centre, "by": by}
        whose = called.call, called.number, called.controller
        entered = [Event(Kind.OUTCOME, at, *whose, said | {"outcome": outcome, "refusal": refusal})]
        if text:
            screened = said | {"words": notes.digest()}
            entered.append(Event(Kind.NOTE, at, *whose, screened, personal={"text": text}))
        return entered

    async def rescreen(self, by: str, *, erase: bool, progress: Callable[[int], None] = lambda _: None) -> Rescreened:
        """Put every note that is kept through the screen as it is today; with `erase`, remove those that it refuses.

        `progress` is told how many were read. That they were read, and by whom, is in the ledger on return. Raises
        `LedgerUnavailable`; what was removed until then is recorded.
        """
        people: defaultdict[str, set[str]] = defaultdict(set)
        failing: list[Failing] = []
        read = after = 0
        while batch := await self.ledger.read(kinds=[Kind.NOTE], after_seq=after, limit=BATCH):
            after = batch[-1].seq
            kept = [entry for entry in batch if not entry.gone]
            for entry in kept:
                people[entry.event.controller or ""].add(entry.event.number or "")
            found = await asyncio.to_thread(self._failing, kept)
            if erase and found:
                step = [(one.seq, Kind.NOTE) for one in found]
                await remove(self.ledger, step, self.clock(), by, WHY_REMOVED)
            failing += found
            read += len(kept)
            progress(read)
        overwritten = await self.ledger.forget(thorough=True) if erase and failing else True
        counted: dict[str, Json] = {controller: len(numbers) for controller, numbers in people.items()}
        said: dict[str, Json] = {"by": by, "people": counted, "read": read, "failing": len(failing), "erased": erase}
        await self.ledger.append([Event(Kind.NOTES_RESCREENED, self.clock(), payload=said)])
        return Rescreened(read, tuple(failing), erase, overwritten)

    def _failing(self, entries: Sequence[Entry]) -> list[Failing]:
        failing = []
        for entry in entries:
            event, said = entry.event, entry.event.payload
            call = event.call or ""
            of = Called(call, event.number, event.controller or "", str(said["campaign"]), str(said["centre"]))
            if found := notes.screen(str(event.personal["text"]), self._languages(of)):
                failing.append(Failing(entry.seq, call, event.at, of.controller, tuple(found)))
        return failing
