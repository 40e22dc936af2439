"""Who may see and do what: roles, and the companies and centres for which they hold.

A role says what kind of thing somebody may do; `controllers` and `centres` say for whom. One company never sees
another's people, and a centre sees its own calls only (GDPR Art. 5(1)(f), 28(3)(a)).
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user is. Each may do what its docstring in `docs/access.md` says and nothing else: they are no ladder."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    OFFICER = "officer"
    ADMIN = "admin"
    MACHINE = "machine"


class Area(StrEnum):
    """A part of the API: what an API token may be used for is a choice of these."""

    CALLS = "calls"
    CHECK = "check"
    CONSENTS = "consents"
    EVENTS = "events"
    FEED = "feed"
    LISTS = "lists"
    METRICS = "metrics"
    NOTES = "notes"
    PARTNERS = "partners"
    POLICY = "policy"
    RECORDINGS = "recordings"
    REQUESTS = "requests"
    SCRUB = "scrub"
    SUPPRESSIONS = "suppressions"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `controllers` and `centres` are the names it is confined to; None: not confined."""

    name: str
    role: Role
    controllers: frozenset[str] | None = None
    centres: frozenset[str] | None = None

    def sees(self, controller: str | None, centre: str | None) -> bool:
        """Whether what concerns this controller and centre may be shown. What names none is for the unconfined."""
        return (self.controllers is None or controller in self.controllers) and (
            self.centres is None or centre in self.centres
        )
