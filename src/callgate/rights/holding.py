"""What is held on a person for one controller: every event of theirs, and of the calls to them.

Besides what is keyed to the controller that is what was entered for none (a call for a campaign that nobody knows, an
objection to everyone's calls): nobody else would find it for the person.
"""

from collections.abc import Collection
from dataclasses import dataclass

from callgate.core.events import DataClass, Event, Kind, class_of
from callgate.core.requests import Correction
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question
from callgate.stores.schema import Entry

LANGUAGES = ("nl", "fr", "de", "en")
"""The languages of letters and pages."""
BATCH = 1000
NOBODYS = ""
"""The controller of what was entered for none."""


@dataclass(frozen=True, slots=True)
class Held:
    """The entries of a person, in their order."""

    entries: tuple[Entry, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """What the entries say."""
        return tuple(entry.event for entry in self.entries)

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls to the person, in their order, each once."""
        return tuple(dict.fromkeys(event.call for event in self.events if event.call))

    def of(self, classes: Collection[DataClass]) -> dict[str, int]:
        """How many events of each kind that is of these classes, the person's own alone."""
        counted: dict[str, int] = {}
        for event in self.events:
            if event.number is not None and class_of(event.kind) in classes:
                counted[event.kind.value] = counted.get(event.kind.value, 0) + 1
        return counted

    @property
    def made(self) -> tuple[str, ...]:
        """The calls that were made, by what tells so: of no other is there a recording.

        A verdict may be past its term while what was recorded is not.
        """
        telling = (event for event in self.events if event.payload.get("outcome") == "allow" or _is_of_recording(event))
        return tuple(dict.fromkeys(event.call for event in telling if event.call))

    @property
    def language(self) -> str:
        """The person's language of letters: the one they asked for, else that of the last call, else English."""
        last = "en"
        for event in self.events:
            if event.kind is Kind.VERDICT and event.payload.get("callee_language") in LANGUAGES:
                last = str(event.payload["callee_language"])
        said = (event for event in reversed(self.events) if event.payload.get("what") == Correction.LANGUAGE)
        return next((str(event.personal["now"]) for event in said if "now" in event.personal), last)

    @property
    def recorded(self) -> tuple[str, ...]:
        """The calls of which there is or was a recording."""
        return tuple(dict.fromkeys(event.call for event in self.events if event.call and _is_of_recording(event)))


def _is_of_recording(event: Event) -> bool:
    return class_of(event.kind) is DataClass.RECORDING


async def held_on(ledger: Ledger, number: str, controller: str) -> Held:
    """Everything, also what tells of the person's calls without naming them. Raises `LedgerUnavailable`."""
    found: dict[int, Entry] = {}
    after = 0
    while batch := await ledger.search(
        Question(number=number, controllers=(controller,), after_seq=after, limit=BATCH)
    ):
        found |= {entry.seq: entry for entry in batch}
        after = batch[-1].seq
    for call in Held(tuple(found.values())).calls:
        of_call = await ledger.search(Question(call=call, limit=BATCH))
        found |= {entry.seq: entry for entry in of_call if entry.event.number in (None, number)}
    return Held(tuple(found[seq] for seq in sorted(found)))
