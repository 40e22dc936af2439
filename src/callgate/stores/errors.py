"""How the stores fail. Each error says what is so and what to do about it; none repeats a person's number."""

from dataclasses import dataclass
from enum import StrEnum


class StoreUnavailable(Exception):
    """Redis did not answer, or refused to. Nothing is known of what was asked, so the call is blocked (P6)."""


class StoreBusy(Exception):
    """Another process is filling the same part of the store; the message says which, and until when to wait."""


class ListRefused(Exception):
    """A list was not taken into force: it is damaged, out of order, or did not arrive whole. The old one still is."""


class Why(StrEnum):
    """Why the suppression cache may not be asked although Redis answers."""

    UNCHECKED = "unchecked"
    EMPTY = "empty"
    FOREIGN = "foreign"
    LAYOUT = "layout"
    EVICTING = "evicting"
    BEHIND = "behind"
    AHEAD = "ahead"
    LIST_SHORT = "list-short"
    CHANGING = "changing"
    CONTACTS = "contacts"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Unready:
    """One thing that stands between the cache and being trusted: what is so, and the way out."""

    why: Why
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what}; {self.way_out}"


class NotReady(Exception):
    """The cache answers but is not to be believed; `unready` says why."""

    def __init__(self, unready: Unready) -> None:
        super().__init__(str(unready))
        self.unready = unready


class Behind(Exception):
    """An entry cannot be applied yet because the cache lacks earlier ones: replay them with `catch_up`."""

    def __init__(self, cache: int, entry: int) -> None:
        super().__init__(f"the cache holds the ledger up to mark {cache} and cannot take mark {entry}; catch up first")


class Outcome(StrEnum):
    """What is known of events whose append failed."""

    NOT_WRITTEN = "not-written"
    UNKNOWN = "unknown"


class LedgerUnavailable(Exception):
    """The ledger did not acknowledge.

    `outcome` is `NOT_WRITTEN` when the events are certainly not in the ledger, `UNKNOWN` when the deadline passed while
    the commit was under way: they may be there, now or a moment later, and whoever appends them again may enter them
    twice.
    """

    def __init__(self, message: str, outcome: Outcome = Outcome.NOT_WRITTEN) -> None:
        super().__init__(message)
        self.outcome = outcome


class LedgerRefused(Exception):
    """The ledger cannot be opened as asked. Waiting does not help; the message says what does."""
