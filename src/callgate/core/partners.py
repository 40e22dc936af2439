"""Partners: who holds copies of what callgate knows, what each is told, and how what they answer is read.

A controller tells each recipient of the data of an erasure, a restriction and a rectification (GDPR Art. 19), and a
call centre that keeps its own list goes on calling until it is told of an objection (SAN-2019-010). What is told is an
*item*, with an id that never names another: it is told again until its partner says that it was done.

An id is a MAC over what the item is, and over nothing of the person, so that ids may stay in the ledger after an
erasure, and a partner can hand in only ids that it was given."""

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from callgate.core.events import Event, Json, Kind
from callgate.core.requests import Correction

MOST_BYTES = 65_536
"""Of a reply: a hundred ids and a hundred reasons take a third of it."""
LONGEST_WHY = 200
GIVE_UP = timedelta(days=5)
"""How long an item is told again and again before a person has to look at it."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)


class What(StrEnum):
    """What a partner can be told."""

    OBJECTION = "objection"
    REMOVAL = "objection-removed"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    LIFTING = "restriction-lifted"
    RECTIFICATION = "rectification"
    ANCHOR = "anchor"


OBJECTED = {Kind.OBJECTION: What.OBJECTION, Kind.OBJECTION_REMOVED: What.REMOVAL}
REQUESTED = {
    Kind.RESTRICTION: What.RESTRICTION,
    Kind.RESTRICTION_LIFTED: What.LIFTING,
    Kind.RECTIFICATION: What.RECTIFICATION,
}
"""The events of the ledger that are told by themselves: of those with a mark, and of those that tell of a request."""


def what_of(event: Event) -> What | None:
    """What partners are told of an event by itself; None where it is nothing to them.

    An objection that was entered for a wrong number is told as its removal, and what else the letter said (another
    person's number, as a rule) is nobody's but the controller's.
    """
    if event.kind is Kind.RECTIFICATION and event.payload.get("what") == Correction.OBJECTION:
        return None
    return OBJECTED.get(event.kind) or REQUESTED.get(event.kind)


def body_of(event: Event) -> tuple[dict[str, Json], dict[str, Json]]:
    """What an item says of its event besides number, controller and time: what is personal to nobody, and what is."""
    said = {_CALLED.get(key, key): event.payload[key] for key in _SAID if key in event.payload}
    known = {"now": event.personal["now"]} if "now" in event.personal else {}
    return said, known


_SAID = ("scope", "campaign", "request", "ground", "what")
_CALLED = {"request": "reference", "what": "corrects"}
"""An item's own `what` is what is to be done."""


class Way(StrEnum):
    """How a partner is told."""

    WEBHOOK = "webhook"
    FEED = "feed"
    FOLDER = "folder"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner: for which controllers it works, or which it is, and what it is told, by which way."""

    name: str
    controllers: frozenset[str]
    told: frozenset[What]
    way: Way

    def hears(self, what: What, controller: str | None) -> bool:
        """Whether it is told of this. What concerns every controller (None) concerns all partners."""
        return what in self.told and (controller is None or controller in self.controllers)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to tell one partner.

    `place` orders a partner's items. `at` is when it came to be so: of two items on one number, the later counts.
    `number` is the person's E.164 number; None where there is no person in it. `body` holds what is personal to nobody:
    `scope` and `campaign` of an objection, the request's `reference`, a restriction's `ground`, what a rectification
    `corrects`, the `anchor`; `personal` what is right `now`.
    """

    id: str
    place: int
    what: What
    at: datetime
    controller: str | None
    number: str | None
    body: Mapping[str, Json] = field(default_factory=dict)
    seq: int | None = None
    tries: int = 0
    personal: Mapping[str, Json] = field(default_factory=dict)

    def told(self) -> dict[str, Json]:
        """As the partner reads it."""
        said: dict[str, Json] = {"id": self.id, "what": str(self.what), "at": self.at.isoformat()}
        said |= {"event": self.seq} if self.seq is not None else {}
        person: dict[str, Json] = {"number": self.number} if self.number else {}
        company: dict[str, Json] = {"controller": self.controller} if self.controller else {}
        return said | company | person | dict(self.body) | dict(self.personal)

    def named(self) -> dict[str, Json]:
        """As the ledger names it: nothing of the person."""
        about: dict[str, Json] = {"seq": self.seq} if self.seq is not None else {}
        kept = {key: value for key, value in self.body.items() if key in ("reference", "anchor")}
        return {"id": self.id, "what": str(self.what), "controller": self.controller} | about | kept


def item_id(key: bytes, partner: str, what: What, about: str, at: datetime) -> str:
    """The id of an item: 32 hexadecimal digits. `about` is the event or the request, and tells nothing of a person.

    `at` is in it because a restored ledger gives the places of what it lost to other events.
    """
    said = "\0".join(("delivery", partner, what, about, at.isoformat()))
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:32]


def pause(tries: int, chance: float) -> timedelta:
    """How long to wait after the `tries`-th failure in a row (from 1): 10 s, doubled each time, up to six hours.

    `chance` (0 to 1) shortens it by up to a half: partners that fell together are not all called at one moment. In the
    five days of `GIVE_UP` that is about 30 tries.
    """
    whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 30))
    return whole * (1 - chance / 2)


class NotForYou(Exception):
    """Whoever asks is not that partner."""


class BadReply(ValueError):
    """What a partner answered cannot be believed. The message says why, and repeats nothing of what it said."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a partner did, and what it refused, by id; the rest it did not speak of."""

    done: frozenset[str]
    refused: Mapping[str, str]

    @property
    def named(self) -> frozenset[str]:
        """The ids that it speaks of."""
        return self.done | self.refused.keys()


def read_reply(raw: bytes, asked: Collection[str]) -> Reply:
    """Read a reply against the ids that were `asked`. Raises `BadReply`.

    A reply with one id that was not asked for, or twice, is believed in nothing: whoever errs there errs elsewhere.
    """
    reply = read_acknowledgement(raw)
    if not reply.named <= set(asked):
        raise BadReply("the reply names an item that it was not asked about")
    return reply


def read_acknowledgement(raw: bytes) -> Reply:
    """Read `{"done": [ids], "refused": [{"id", "why"}]}`, whatever was asked. Raises `BadReply`."""
    if len(raw) > MOST_BYTES:
        raise BadReply(f"the reply has more than {MOST_BYTES} bytes")
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadReply("the reply is not JSON") from None
    if not isinstance(said, dict) or not said.keys() <= {"done", "refused"} or not said:
        raise BadReply('the reply is no object with "done" and "refused"')
    return reply_of(_done(said.get("done", [])), _refused(said.get("refused", [])))


def reply_of(done: Sequence[str], refused: Sequence[tuple[str, str]]) -> Reply:
    """What a partner says that it did, and what it refused, with why. Raises `BadReply` where it names one twice."""
    named = [*done, *(name for name, _ in refused)]
    if len(set(named)) != len(named):
        raise BadReply("the reply names an item twice")
    return Reply(frozenset(done), {name: harmless(why) for name, why in refused})


def _done(said: object) -> list[str]:
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise BadReply('"done" is no list of ids')
    return said


def _refused(said: object) -> list[tuple[str, str]]:
    found = []
    for one in said if isinstance(said, list) else [None]:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            raise BadReply('"refused" is no list of {"id", "why"}')
        found.append((one["id"], str(one.get("why", ""))))
    return found


def harmless(text: str) -> str:
    """What somebody else wrote, fit for a terminal and without what may be a telephone number."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST_WHY])
    return re.sub(r"\+?\d(?:[ ./()\-]*\d){4,}", "•••", " ".join(printable.split()))[:LONGEST_WHY]
