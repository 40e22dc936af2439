"""The suppression cache: may this person be called for this campaign, asked of Redis in one round trip.

Redis may lose everything at any moment and come back empty or old. So nothing in it is believed for itself:

- The *epoch* is written last by a rebuild, and names the ledger, the layout of the tokens and the generation that
  holds them. Without it, or with that of another ledger or layout, the cache is not ready.
- The *mark* of a generation says how far it follows the ledger's suppressing events. Every lookup returns it, and
  whoever commits a verdict compares it with the ledger's mark as of the commit.
- The *directory* says which load of each national list is in force.
- What is known of contacts says of itself whether it is whole (`contacts`).
- A chunk of a list must have as many members as the *index* of the load says. One that lost some makes the lookup
  itself say that nothing is known.

- *Patterns*, beginnings of numbers, are few and rarely used, and asking for every beginning of a number costs more than
  the rest of a lookup. So a lookup asks only whether there are any, unless the one before found some.

A lookup must know the generation and the loads before it can name the sets to look into, and knows them from the lookup
before. It asks for them again in the same round trip, and where they have changed it looks once more.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from callgate.core.events import OBJECTIONS, PATTERNS, RESTRICTIONS, Kind
from callgate.core.gate import Facts, Hit, ListState, Scope
from callgate.stores.cache.connection import store
from callgate.stores.cache.consents import Change, Consents
from callgate.stores.cache.contacts import Attempt, ContactStore
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.lookup import look_up, see_in_force
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.patrol import Patrol
from callgate.stores.cache.probing import Prober
from callgate.stores.cache.relations import Relations
from callgate.stores.cache.replicas import reached_a_replica
from callgate.stores.cache.scripts import APPLY, run
from callgate.stores.encoding import TokenKeys, bits_of, crowded
from callgate.stores.errors import Behind, NotReady, StoreUnavailable, Unready, Why
from callgate.stores.ledger import Ledger
from callgate.stores.lists.index import Place
from callgate.stores.lists.indexes import Indexes
from callgate.stores.lists.inforce import Loaded, read_directory
from callgate.stores.objections import audience_of, digits, named
from callgate.stores.schema import Entry
from callgate.stores.tokens import alive

ANSWER_WITHIN = 0.2
"""Seconds that a call waits for Redis."""
LOOKS = 3
"""How often one lookup may find that the cache has changed under it."""

REBUILD = "run `callgate cache rebuild`, or wait while callgate does"


@dataclass(frozen=True, slots=True)
class Query:
    """A call that is about to be made: the person's E.164 number, for whom, and the national lists that bind it.

    With an `attempt` the person is reserved for it, where nothing that this lookup sees speaks against the call.
    """

    number: str
    controller: str
    campaign: str
    lists: tuple[str, ...] = ()
    attempt: Attempt | None = None


class Found(NamedTuple):
    """What the cache knows, `mark`: up to where it follows the ledger, and whether the person is `reserved`."""

    facts: Facts
    mark: int
    reserved: bool = False


@dataclass(frozen=True, slots=True)
class Epoch:
    """Which rebuild is in force: of which ledger, with which layout of tokens, in which generation of keys."""

    ledger: str
    layout: str
    generation: str

    @property
    def bits(self) -> int:
        """How many bits choose a token's bucket."""
        return bits_of(self.generation)

    def __str__(self) -> str:
        return f"{self.ledger}/{self.layout}/{self.generation}"

    @classmethod
    def read(cls, raw: bytes, ledger: str, layout: str) -> "Epoch":
        """The epoch, if it is of this ledger and this layout. Raises `NotReady`."""
        parts = raw.decode(errors="replace").split("/")
        if len(parts) != 3 or parts[0] != ledger:
            raise NotReady(Unready(Why.FOREIGN, "Redis was filled from another ledger", REBUILD))
        if parts[1] != layout:
            what = "Redis was filled with other token keys"
            raise NotReady(Unready(Why.LAYOUT, what, f"check the file of token keys, then {REBUILD}"))
        epoch = cls(*parts)
        try:
            _ = epoch.bits
        except ValueError:
            raise NotReady(Unready(Why.LAYOUT, "Redis was filled by another version of callgate", REBUILD)) from None
        return epoch


EMPTY = Unready(Why.EMPTY, "Redis holds no complete copy of the objections", REBUILD)
UNCHECKED = Unready(Why.UNCHECKED, "the cache was not checked yet", "wait until callgate has started")
CHANGING = Unready(Why.CHANGING, f"the cache changed {LOOKS} times during one lookup", "ask again")


def _short(loaded: Loaded) -> Unready:
    return Unready(Why.LIST_SHORT, f"the list {loaded.of.id} has lost numbers", REBUILD)


@dataclass(frozen=True, slots=True)
class _View:
    """The epoch and the directory, as they were last seen, raw and read; `probers` by controller and campaign."""

    raw: tuple[bytes, Mapping[bytes, bytes]]
    epoch: Epoch
    lists: Mapping[str, Loaded]
    probers: dict[tuple[str, str], Prober] = field(default_factory=dict)


class SuppressionCache:
    """The cache under `keys` in one Redis, of one ledger.

    `problems` are what the last check found; while there are any, lookups raise `NotReady`. At first nothing was
    checked, which is a problem too.
    """

    def __init__(
        self, redis: Client, keys: Keys, tokens: TokenKeys, ledger: str, answer_within: float = ANSWER_WITHIN
    ) -> None:
        self.redis = redis
        self.keys = keys
        self.tokens = tokens
        self.ledger = ledger
        self.problems: tuple[Unready, ...] = (UNCHECKED,)
        self.indexes = Indexes(redis, keys)
        self.patrol = Patrol(redis, keys, self.indexes)
        self.contacts = ContactStore(redis, keys, tokens, ledger, answer_within)
        self._consents = Consents(keys, tokens)
        self._relations = Relations(keys, tokens)
        self._within = answer_within
        self._view: _View | None = None
        self._patterned = False

    async def lookup(self, query: Query) -> Found:
        """What speaks against the call. Raises `NotReady` and `StoreUnavailable`: then nothing is known."""
        if self.problems:
            raise NotReady(self.problems[0])
        async with store("looking up a number"), asyncio.timeout(self._within):
            for _ in range(LOOKS):
                view = self._view or await self._look()
                found = await self._ask(view, query)
                if found is not None:
                    return found
                self._view = None
        raise NotReady(CHANGING)

    async def apply(self, entries: Sequence[Entry]) -> int:
        """Bring what one append committed into the cache, and return the cache's mark.

        Entries that suppress nothing are passed over, and what the cache already holds is left as it is. Raises
        `Behind` when earlier entries are missing, `NotReady`, `StoreUnavailable`, also when there is a replica and none
        took them in time; the ledger has the entries whatever happens here, and its mark keeps a cache without them
        from being believed.
        """
        reached = await self._take_in_force(entries)
        async with store("asking whether a replica has an objection"), asyncio.timeout(self._within):
            if not await reached_a_replica(self.redis, self.keys.witness):
                raise StoreUnavailable("no replica of Redis took the objection in time; the ledger has it")
        return reached

    async def catch_up(self, ledger: Ledger) -> int:
        """Replay what the ledger has and the cache has not, and return the cache's mark.

        Raises what `apply` raises, and `LedgerUnavailable`.
        """
        reached = await self.mark()
        async for batch in ledger.suppressions(after=reached):
            reached = await self._take_in_force(batch)
        return reached

    async def mark(self) -> int:
        """How far the cache follows the ledger. Raises `NotReady`, `StoreUnavailable`."""
        _, mark = await self._epoch_and_mark()
        return mark

    async def _take_in_force(self, entries: Sequence[Entry]) -> int:
        """Apply entries to the generation in force."""
        changing = [entry for entry in entries if entry.mark is not None]
        async with store("entering an objection"), asyncio.timeout(self._within):
            for _ in range(LOOKS):
                view = self._view or await self._look()
                guard = (self.keys.epoch, str(view.epoch))
                reached = await self.take(changing, view.epoch.generation, guard)
                if reached >= 0:
                    return reached
                self._view = None
        raise NotReady(CHANGING)

    async def crowded(self) -> bool:
        """Whether there are more objections than the buckets are made for. Raises `NotReady`, `StoreUnavailable`."""
        epoch, mark = await self._epoch_and_mark()
        return crowded(mark, epoch.bits)

    async def generation_and_mark(self) -> tuple[str, int]:
        """The generation in force, and how far it follows the ledger. Raises `NotReady`, `StoreUnavailable`."""
        epoch, mark = await self._epoch_and_mark()
        return epoch.generation, mark

    async def _epoch_and_mark(self) -> tuple[Epoch, int]:
        async with store("reading its mark"), asyncio.timeout(self._within):
            view = await self._look()
            mark = await self.redis.get(self.keys.mark(view.epoch.generation))
        if mark is None:
            raise NotReady(EMPTY)
        return view.epoch, int(mark)

    async def take(self, entries: Sequence[Entry], generation: str, guard: tuple[str, str]) -> int:
        """Apply entries to a generation while the key `guard[0]` holds `guard[1]`; -1 when it does not.

        The entries follow each other in the ledger's order. Raises `Behind`.
        """
        if not entries:
            return 0
        first, last = entries[0].mark, entries[-1].mark
        if first is None or last is None:
            raise ValueError("only suppressing entries have a mark and can be applied")
        keys = [guard[0], self.keys.mark(generation)]
        args: list[str | int] = [guard[1], first, last]
        for entry in entries:
            for command, key, member, value in self.changes(entry, generation):
                keys.append(key)
                args += (command, member, value)
        reached = await run(self.redis, APPLY, keys, args)
        if 0 <= reached < last:
            raise Behind(reached, first)
        return reached

    def changes(self, entry: Entry, generation: str) -> Iterator[Change]:
        """The commands that the entry comes to."""
        if entry.event.kind in OBJECTIONS | PATTERNS | RESTRICTIONS:
            yield from self._suppression(entry, generation)
        yield from self._consents.changes(entry, generation)
        yield from self._relations.changes(entry, generation)

    def _suppression(self, entry: Entry, generation: str) -> Iterator[Change]:
        """What suppresses is entered under the newest key, and removed under all.

        A person who was erased has no number any more; the tokens that were stored with the event stand for it.
        """
        add = entry.event.kind in (Kind.OBJECTION, Kind.PATTERN, Kind.RESTRICTION)
        bits, whom = bits_of(generation), named(entry.event)
        if whom is None:
            tokens = alive(self.tokens, entry.tokens)
        elif add:
            tokens = [self.tokens.new(audience_of(entry.event), whom)]
        else:
            tokens = list(self.tokens.all(audience_of(entry.event), whom))
        command = "SADD" if add else "SREM"
        of_patterns = entry.event.kind in PATTERNS
        for token in tokens:
            bucket = self.keys.bucket(generation, token.bucket(bits))
            yield command, self.keys.patterns(generation) if of_patterns else bucket, token.member, ""

    async def _look(self) -> _View:
        """See what is in force. Raises `NotReady`."""
        raw_epoch, raw_lists = await see_in_force(self.redis, self.keys.epoch, self.keys.lists)
        if raw_epoch is None:
            raise NotReady(EMPTY)
        epoch = Epoch.read(raw_epoch, self.ledger, self.tokens.layout)
        try:
            lists = read_directory(raw_lists)
        except (ValueError, KeyError, TypeError):
            raise NotReady(Unready(Why.FOREIGN, "the directory of lists is not one of ours", REBUILD)) from None
        self.indexes.keep_only(lists.values())
        self._view = _View((raw_epoch, raw_lists), epoch, lists)
        return self._view

    async def _ask(self, view: _View, query: Query) -> Found | None:
        """One round trip; None when the view it was made with no longer holds."""
        in_force = [view.lists[name] for name in query.lists if name in view.lists]
        places = await self._places(in_force, digits(query.number)) if in_force else []
        if places is None:
            return None
        patterned = self._patterned
        asked = self._prober(view, query).probe(query.number, query.attempt, self.contacts, patterned=patterned)
        questions = [(self.keys.chunk(of.of.id, of.load, place.chunk), place.member) for of, place in places]
        answers = await look_up(self.redis, questions, asked.keys, asked.arguments)
        self._patterned = answers.patterns
        if (answers.epoch, answers.directory) != view.raw or (self._patterned and not patterned):
            return None
        if answers.mark is None:
            raise NotReady(EMPTY)
        hits = asked.objections(answers)
        for (loaded, place), (listed, size) in zip(places, answers.chunks, strict=True):
            if size < place.size:
                # On a Cluster it may have been swept since the directory was read, another load being in force by now.
                if (await self._look()).raw != view.raw:
                    return None
                self.patrol.doubt(loaded)
                raise NotReady(_short(loaded))
            if listed:
                hits.append(Hit(Scope.NATIONAL, loaded.of.id))
        self.contacts.check(answers.contacts, asked.floor)
        states = {loaded.of.id: ListState(loaded.of.version, loaded.of.scrubbed_at) for loaded in in_force}
        known = asked.consent(answers), asked.contacts(answers), asked.busy(answers)
        facts = Facts(tuple(hits), states, *known, related=asked.related(answers))
        return Found(facts, answers.mark, answers.reserved)

    def _prober(self, view: _View, query: Query) -> Prober:
        whose = query.controller, query.campaign
        if (prober := view.probers.get(whose)) is None:
            prober = view.probers[whose] = Prober(self.keys, self.tokens, view.epoch.generation, *whose)
        return prober

    async def _places(self, in_force: Sequence[Loaded], number: int) -> list[tuple[Loaded, Place]] | None:
        """Where the number is on each list, if it is there; None when one has no index, having just been replaced."""
        places = []
        for loaded in in_force:
            index = await self.indexes.of(loaded)
            if index is None:
                return None
            if place := index.place(number):
                places.append((loaded, place))
        return places
