"""Calls: those that were asked for, the newest first, and one of them with its trail and all that happened in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from callgate.core import phone
from callgate.core.events import Event, Json, Kind
from callgate.core.reasons import Reason
from callgate.stores.ledger.history import Wanted, verdicts
from callgate.stores.ledger.questions import Question
from callgate.web.pages.live import choices
from callgate.web.pages.site import READERS, Visit, page
from callgate.web.problems import not_found
from callgate.web.routing import Tenant

MOST: Final = 50
STEPS_MOST: Final = 1_000
_SAID: Final = ("outcome", "reason", "detail", "campaign", "centre", "agent", "policy", "purpose", "source", "pbx")
_TOLD: Final = frozenset(
    {"by", "key", "seconds", "recording", "answer", "on", "reason", "alarm", "why", "scope", "late"}
)
"""What is shown of what an event says: short, and nothing of anybody."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its verdict tells of it. What its retention took away is empty."""

    call: str
    at: datetime
    number: str
    controller: str
    said: Mapping[str, str]
    trail: tuple[Mapping[str, Json], ...]
    retry_at: datetime | None

    @property
    def allowed(self) -> bool:
        """Whether it was."""
        return self.said["outcome"] == "allow"


def call_of(verdict: Event) -> Call:
    """What a page shows of a call, from its verdict."""
    payload = verdict.payload
    trail = payload.get("trail")
    retry_at = payload.get("retry_at")
    return Call(
        call=verdict.call or "",
        at=verdict.at,
        number=phone.mask(verdict.number) if verdict.number else "",
        controller=verdict.controller or "",
        said={key: str(payload.get(key) or "") for key in _SAID},
        trail=tuple(rule for rule in trail if isinstance(rule, dict)) if isinstance(trail, list) else (),
        retry_at=datetime.fromisoformat(retry_at) if isinstance(retry_at, str) else None,
    )


async def show_all(visit: Visit) -> web.StreamResponse:
    """Calls that were asked for."""
    query = visit.ask.request.query
    chosen = {key: query.get(key, "")[:80] for key in ("outcome", "reason", "centre", "campaign", "agent")}
    ledger = visit.services.ledger
    before = _whole(query.get("before")) or await ledger.last_seq() + 1
    found, following = await verdicts(ledger, wanted(visit, **chosen), before, MOST)
    return visit.show(
        "calls.html", at="calls", calls=[call_of(entry.event) for entry in found], following=following, chosen=chosen,
        reasons=list(Reason), choices=choices(visit.principal, visit.services.policy()),
    )  # fmt: skip


def wanted(visit: Visit, **chosen: str) -> Wanted:
    """What was chosen, of what is theirs to see."""
    theirs = visit.principal
    narrowed = {key: value or None for key, value in chosen.items()}
    return Wanted(
        controllers=tuple(theirs.controllers) if theirs.controllers is not None else None,
        centres=tuple(theirs.centres) if theirs.centres is not None else None,
        **narrowed,
    )


async def show(visit: Visit) -> web.StreamResponse:
    """One call."""
    entries = await visit.services.ledger.search(Question(call=visit.ask.request.match_info["call"], limit=STEPS_MOST))
    verdict = next((entry.event for entry in entries if entry.event.kind is Kind.VERDICT), None)
    if verdict is None or not visit.sees(verdict.controller, _text(verdict.payload.get("centre")) or None):
        raise not_found()
    visit.ask.number, visit.ask.controller = verdict.number, verdict.controller
    steps = [
        (entry.event.at, str(entry.event.kind), _told(entry.event)) for entry in entries if entry.event is not verdict
    ]
    return visit.show("call.html", at="calls", call=call_of(verdict), steps=steps)


def _told(event: Event) -> str:
    said = event.payload
    return ", ".join(f"{key} {said[key]}" for key in sorted(_TOLD & said.keys()) if said[key] not in (None, ""))


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


ROUTES: Final = (
    page("/calls", show_all, READERS, "Calls that were asked for.", act="calls-listed"),
    page("/calls/{call}", show, READERS, "One call.", tenant=Tenant.HIDDEN, act="call-shown"),
)
