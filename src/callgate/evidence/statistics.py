"""The figures of a bundle, counted while its events go by.

Nothing of a person stays in them. What is remembered of people meanwhile is a keyed hash of each number that objected,
whose key is chance and is forgotten with it.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from callgate.core.events import Json, Kind
from callgate.core.reasons import Reason
from callgate.prompts.names import IDENTIFICATION, kind
from callgate.stores.schema import Entry

FOLLOWED_AT_MOST = 1_000_000
"""How many people who objected are followed; of more than that, the first."""
PROMPTS_AT_MOST = 5_000


@dataclass(slots=True)
class Heard:
    """A prompt that was played: its words, as the ledger has them with each playing, and how often it was."""

    name: str
    language: str
    text: str
    played: int = 0
    whole: int = 0


@dataclass(slots=True)
class Statistics:
    """Takes entries in their order. Days are those of UTC."""

    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    notices: Counter[str] = field(default_factory=Counter)
    objections: Counter[str] = field(default_factory=Counter)
    heard: dict[str, Heard] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    allowed_after: int = 0
    blocked_after: int = 0
    gone: int = 0
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    _objected: dict[bytes, tuple[datetime, bool]] = field(default_factory=dict, repr=False)

    def take(self, entry: Entry) -> None:
        """Count an entry."""
        event = entry.event
        self.kinds[event.kind] += 1
        self.gone += entry.gone
        match event.kind:
            case Kind.VERDICT:
                self._verdict(entry)
            case Kind.NOTICE:
                self._notice(event.payload.get("prompts"))
            case Kind.CONSENT:
                self._play(event.payload.get("heard"))
            case Kind.OBJECTION | Kind.OBJECTION_REMOVED:
                self._objection(entry)
            case Kind.POLICY_LOADED:
                kept = event.payload.get("kept")
                self.policies[str(event.payload.get("policy"))] = kept if isinstance(kept, str) else ""
            case _:
                pass

    def _verdict(self, entry: Entry) -> None:
        said = entry.event.payload
        reason = str(said.get("reason", "gone")) if said else "gone"
        self.verdicts[entry.event.at.date().isoformat()][reason] += 1
        since = self._objected.get(self._person(entry))
        if since is None or said.get("purpose") not in (None, "marketing"):
            return
        if said.get("outcome") == "allow":
            self.allowed_after += 1
        elif reason == Reason.OBJECTION:
            self.blocked_after += 1
            if not since[1]:
                self.waits.append(max(timedelta(), entry.event.at - since[0]).total_seconds())
                self._objected[self._person(entry)] = since[0], True

    def _notice(self, prompts: Json) -> None:
        played = self._play(prompts)
        told = [whole for name, whole in played if kind(name) == IDENTIFICATION]
        self.notices["to its end" if told and all(told) else "not to its end"] += 1

    def _play(self, prompts: Json) -> list[tuple[str, bool]]:
        """Count what was played; of each prompt its name, and whether it was played whole."""
        played = []
        for one in prompts if isinstance(prompts, list) else ():
            if isinstance(one, dict):
                name, whole = str(one.get("name")), one.get("whole") is True
                played.append((name, whole))
                self._count(str(one.get("sha256")), name, one, whole)
        return played

    def _count(self, audio: str, name: str, one: dict[str, Json], whole: bool) -> None:
        if audio not in self.heard:
            if len(self.heard) >= PROMPTS_AT_MOST:
                return
            self.heard[audio] = Heard(name, str(one.get("language")), str(one.get("text")))
        self.heard[audio].played += 1
        self.heard[audio].whole += whole

    def _objection(self, entry: Entry) -> None:
        event = entry.event
        if event.kind is Kind.OBJECTION_REMOVED:
            self._objected.pop(self._person(entry), None)
            return
        self.objections[str(event.payload.get("by" if event.call else "source", "gone"))] += 1
        if event.number is not None and len(self._objected) < FOLLOWED_AT_MOST:
            self._objected.setdefault(self._person(entry), (event.at, False))

    def _person(self, entry: Entry) -> bytes:
        number, controller = entry.event.number, entry.event.controller
        if number is None:
            return b""
        return blake2b(f"{number} {controller or ''}".encode(), digest_size=8, key=self._key).digest()

    @property
    def refusals(self) -> dict[str, int]:
        """What callees said to the question."""
        named = {"consents": Kind.CONSENT, "refusals": Kind.REFUSAL, "withdrawals": Kind.WITHDRAWAL}
        return {name: self.kinds[of] for name, of in named.items()}

    def told(self) -> dict[str, Json]:
        """As JSON."""
        waits = sorted(self.waits)
        return {
            "events": _plain(self.kinds.items()),
            "verdicts": {day: _plain(counts.items()) for day, counts in sorted(self.verdicts.items())},
            "notices": _plain(self.notices.items()),
            "answers": _plain(self.refusals.items()),
            "objections": {
                "by": _plain(self.objections.items()),
                "allowed_afterwards": self.allowed_after,
                "blocked_afterwards": self.blocked_after,
                "seconds_until_first_block": {
                    "people": len(waits),
                    "least": waits[0] if waits else None,
                    "median": waits[len(waits) // 2] if waits else None,
                },
            },
            "content_gone": self.gone,
        }


def _plain(counts: Iterable[tuple[str, int]]) -> dict[str, Json]:
    return {str(name): count for name, count in sorted(counts)}
