"""How often a person was called, and whether somebody is calling them now: counted across all centres, exactly.

A lookup that is for a call enters the attempt and reserves the person in the same moment in which it sees that nobody
else has (`scripts.LOOK_UP`). So of a hundred gates that dial one person at once one passes, and of a cap of four, four.
Where the call is then blocked for another reason, or its verdict is not committed, both are taken back. A reservation
ends with the call; one whose callgate died ends by itself.

A person is known here by the token of their number for one controller, under the newest key. Attempts are what the
ledger holds as allowed, so they can be entered again from it: each has the name of its call, and entering it twice is
entering it once. That is done whenever Redis has forgotten: it has where its count of attempts, or the note whose they
are, is gone, or where it counts fewer than it did before. At a start nothing was counted before; then Redis must have
the newest attempts of the ledger, which it has not if it was restored from an older state.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from callgate.core.events import Event, Kind
from callgate.core.gate import Scope
from callgate.core.law import NEVER_CALLED, CapWindow, Contacts
from callgate.core.law.terms import Counted
from callgate.core.purpose import Purpose
from callgate.stores.cache.connection import store
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.scripts import HOLD_CALL, RELEASE_CALL, run
from callgate.stores.encoding import Token, TokenKeys
from callgate.stores.errors import NotReady, Unready, Why
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question
from callgate.stores.objections import Audience

KEPT = timedelta(days=366)
"""How long an attempt counts where a cap has no end, and so the most that any can look back: in whole days."""
HELD = timedelta(seconds=60)
"""How long a person stays reserved after the last sign of life of the callgate that calls them."""
_KEPT_MS, _HELD_MS = (span // timedelta(milliseconds=1) for span in (KEPT, HELD))
ABANDONED, REFUSED = "!abandoned", "!refused"
"""Stand where an attempt has its campaign, and are no campaigns' names: that the call was abandoned, that the callee
refused the offer."""
BATCH = 1000
NEWEST = 5000
"""Events of the ledger's end among which attempts are looked for in Redis at a start."""
_TELLING = (Kind.VERDICT, Kind.ABANDONED, Kind.OUTCOME)

FORGOTTEN = Unready(
    Why.CONTACTS, "Redis does not hold every attempt that was made", "wait while they are entered from the ledger"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call that is to be made: its CALLGATE_ID, when, the caps that bind it, and whether it counts against caps."""

    call: str
    at: datetime
    caps: tuple[CapWindow, ...] = ()
    counts: bool = True


class Kept(NamedTuple):
    """A person for one controller: the keys of what is kept of them."""

    calls: str
    busy: str


class ContactStore:
    """The contacts under `keys` in one Redis, of one ledger. `whole` says whether Redis is taken to hold them all."""

    def __init__(self, redis: Client, keys: Keys, tokens: TokenKeys, ledger: str, answer_within: float) -> None:
        self._redis = redis
        self._within = answer_within
        self._keys = keys
        self._tokens = tokens
        self._of = f"{ledger}/{tokens.layout}"
        self._of_raw = self._of.encode()
        self.whole = True
        self.seen = 0
        self._lost = False

    def person(self, number: str, controller: str) -> Kept:
        """The person with this E.164 number, for one controller."""
        return self.kept(self._tokens.new(Audience(Scope.CONTROLLER, controller), number))

    def kept(self, token: Token) -> Kept:
        """The person whose newest token this is."""
        name = f"{token.spread:08x}{token.member:016x}"
        return Kept(self._keys.calls(name), self._keys.busy(name))

    def arguments(self, attempt: Attempt | None, campaign: str) -> list[str | int]:
        """What `LOOK_UP` is told of the call; of none where the question is asked for nothing but the answer."""
        if attempt is None:
            return [self._of, "", "", 0, 0, 0, 0, 0]
        said: list[str | int] = [self._of, attempt.call, campaign, at := _ms(attempt.at), at - _KEPT_MS]
        said += [_HELD_MS, _KEPT_MS, int(attempt.counts)]
        for cap in attempt.caps:
            only = campaign if cap.per is Counted.CAMPAIGN else ""
            said += [cap.max, _ms(cap.since) if cap.since else at - _KEPT_MS, only]
        return said

    def check(self, said: Sequence[bytes | None], floor: int) -> None:
        """See whether Redis forgot attempts; `floor` is `seen` from before it was asked. Raises `NotReady`."""
        of, attempts = said
        made = -1 if attempts is None or of != self._of_raw else int(attempts)
        if made < floor:
            self.lose()
        if not self.whole:
            raise NotReady(FORGOTTEN)
        self.seen = max(self.seen, made)

    def doubt(self) -> None:
        """Do not take it that Redis holds every attempt, until that was looked into."""
        self.whole = False

    def lose(self) -> None:
        """Take it that Redis lacks attempts, until they are entered again."""
        self.whole, self._lost = False, True

    async def is_whole(self) -> bool:
        """Whether Redis holds all that it once did, as far as this process saw. Raises `StoreUnavailable`."""
        floor = self.seen
        async with store("being asked for its attempts"):
            of, attempts = await self._redis.hmget(self._keys.contacts, ["of", "attempts"])
        if of != self._of.encode() or attempts is None or int(attempts) < floor:
            self.lose()
        return self.whole

    async def hold(self, calls: Sequence[tuple[str, Kept]]) -> None:
        """Say that these calls go on. Raises `StoreUnavailable`."""
        for call, person in calls:
            async with store("holding a call"), asyncio.timeout(self._within):
                await run(self._redis, HOLD_CALL, [person.busy], [call, _HELD_MS])

    async def release(self, call: str, person: Kept, not_made_for: str = "") -> None:
        """Let go of a person; `not_made_for` is the campaign of an attempt that was none. Raises `StoreUnavailable`."""
        member = f"{call} {not_made_for}" if not_made_for else ""
        async with store("releasing a call"), asyncio.timeout(self._within):
            await run(self._redis, RELEASE_CALL, [person.busy, person.calls], [call, member])

    async def abandoned(self, call: str, person: Kept, at: datetime) -> None:
        """Note that a call was abandoned. Raises `StoreUnavailable`."""
        async with store("noting an abandoned call"), asyncio.timeout(self._within):
            await self._redis.zadd(person.calls, {f"{call} {ABANDONED}": _ms(at)})
            await self._redis.pexpire(person.calls, _KEPT_MS)

    async def refused(self, call: str, number: str, controller: str, at: datetime) -> None:
        """Note that the callee refused what was offered. Raises `StoreUnavailable`."""
        calls = self.person(number, controller).calls
        async with store("noting a refusal"), asyncio.timeout(self._within):
            await self._redis.zadd(calls, {f"{call} {REFUSED}": _ms(at)}, nx=True)
            await self._redis.pexpire(calls, _KEPT_MS)

    async def not_refused(self, call: str, number: str, controller: str) -> None:
        """Take that back: it was not so. Raises `StoreUnavailable`."""
        async with store("taking back a refusal"), asyncio.timeout(self._within):
            await self._redis.zrem(self.person(number, controller).calls, f"{call} {REFUSED}")

    async def forget(self, number: str, controller: str) -> None:
        """Forget every attempt to reach a person for one controller. Raises `StoreUnavailable`."""
        tokens = self._tokens.all(Audience(Scope.CONTROLLER, controller), number)
        async with store("forgetting attempts"), asyncio.timeout(self._within):
            await self._redis.delete(*(self.kept(token).calls for token in tokens))

    async def restore(self, ledger: Ledger) -> None:
        """Make Redis hold every attempt and call under way: what it lacks of them is entered from the ledger.

        Raises `StoreUnavailable` and `LedgerUnavailable`.
        """
        if self._lost or not await self._has_newest(ledger):
            await self.rebuild(ledger)
        else:
            await self._reserve_open(ledger)
            self.whole = True

    async def rebuild(self, ledger: Ledger) -> None:
        """Enter what the ledger holds of the time before its last event that can count, and of the calls that are open.

        Calls of other processes go on meanwhile: what they enter is entered already. Raises `StoreUnavailable` and
        `LedgerUnavailable`.
        """
        after = await _first_that_counts(ledger)
        while entries := await ledger.search(Question(kinds=_TELLING, after_seq=after, limit=BATCH)):
            await self._enter([entry.event for entry in entries])
            after = entries[-1].seq
        await self._reserve_open(ledger)
        async with store("completing its attempts"):
            self.seen = int(await self._redis.hincrby(self._keys.contacts, "attempts", 0))
            await self._redis.hset(self._keys.contacts, "of", self._of)
        self.whole, self._lost = True, False

    async def _reserve_open(self, ledger: Ledger) -> None:
        async with store("reserving people for calls under way"):
            for call, (first, *_) in (await ledger.open_calls()).items():
                if first.event.number is not None:
                    person = self.person(first.event.number, first.event.controller or "")
                    await self._redis.set(person.busy, call, nx=True, px=_HELD_MS)

    async def _has_newest(self, ledger: Ledger) -> bool:
        async with store("being asked for its attempts"):
            of, attempts = await self._redis.hmget(self._keys.contacts, ["of", "attempts"])
        if of != self._of.encode() or attempts is None:
            return False
        newest = Question(kinds=_TELLING, after_seq=max(0, await ledger.last_seq() - NEWEST), limit=NEWEST)
        made = self._made([entry.event for entry in await ledger.search(newest)])
        async with store("being asked for attempts"), self._redis.pipeline(transaction=False) as pipe:
            for key, member, _ in made:
                pipe.zscore(key, member)
            return None not in await pipe.execute()

    def _made(self, events: Sequence[Event]) -> list[tuple[str, str, int]]:
        """What these events, in their order, come to: the key, the member and its time in ms."""
        made: dict[tuple[str, str], int] = {}
        for event in events:
            if event.number is None:
                continue
            key = self.person(event.number, event.controller or "").calls
            if member := _member(event):
                made.setdefault((key, member), _ms(event.at))
            elif event.kind is Kind.OUTCOME:
                made.pop((key, f"{event.call} {REFUSED}"), None)
        return [(key, member, at) for (key, member), at in made.items()]

    async def _enter(self, events: Sequence[Event]) -> None:
        async with store("entering attempts"), self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                if event.kind is Kind.OUTCOME and event.number is not None and not _member(event):
                    pipe.zrem(self.person(event.number, event.controller or "").calls, f"{event.call} {REFUSED}")
            for key, member, at in self._made(events):
                pipe.zadd(key, {member: at}, nx=True)
                pipe.pexpire(key, _KEPT_MS)
            await pipe.execute()


def read(flat: Sequence[bytes], call: str, campaign: str) -> Contacts:
    """What the answer of `LOOK_UP` says of calls before this one."""
    if not flat:
        return NEVER_CALLED
    made, campaigns_own, left, refused = [], [], [], []
    for member, ms in zip(flat[::2], flat[1::2], strict=True):
        of_call, of = member.decode().split(" ")
        at = _moment(float(ms))
        if of == ABANDONED:
            left.append(at)
        elif of == REFUSED:
            refused.append(at)
        elif of_call != call:
            made.append(at)
            if of == campaign:
                campaigns_own.append(at)
    return Contacts(tuple(made), tuple(campaigns_own), max(refused, default=None), max(left, default=None))


def counts(purpose: str) -> bool:
    """Whether calls for this purpose count against the caps, which are on marketing."""
    return purpose == Purpose.MARKETING


def _member(event: Event) -> str | None:
    """The name of the attempt of which an event tells, of its abandonment or refusal; None where it tells of none."""
    if event.kind is Kind.ABANDONED:
        return f"{event.call} {ABANDONED}"
    if event.kind is Kind.OUTCOME:
        return f"{event.call} {REFUSED}" if event.payload.get("refusal") is True else None
    made = event.payload.get("outcome") == "allow" and counts(str(event.payload.get("purpose", Purpose.MARKETING)))
    return f"{event.call} {event.payload.get('campaign', '')}" if made else None


async def _first_that_counts(ledger: Ledger) -> int:
    """A place in the ledger before which no attempt counts any more."""
    low, high = 0, await ledger.last_seq()
    last = await ledger.read(after_seq=high - 1, limit=1)
    while last and high - low > BATCH:
        middle = (low + high) // 2
        (entry,) = await ledger.read(after_seq=middle, limit=1)
        if entry.event.at < last[0].event.at - KEPT:
            low = middle
        else:
            high = middle
    return low


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
