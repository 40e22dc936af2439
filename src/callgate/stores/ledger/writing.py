"""What the writing thread does with the events of one transaction: places them, seals them, links them, commits.

The writer's name is its own while it runs, so where its chain stands is known without asking. Everything else (the last
seq, the mark, whether keys were destroyed) may have been moved by another process, and is read under the lock.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import NamedTuple

from callgate.core.chain import SALT_BYTES, commit, genesis, link
from callgate.core.events import REQUESTS, SUPPRESSING, Event, Kind
from callgate.stores.ledger.backend import Backend, Change, Places
from callgate.stores.ledger.checkpoints import Checkpoint
from callgate.stores.ledger.rows import Prepared, prepare
from callgate.stores.ledger.sealing import Chance, KeyRing, Person, Subject
from callgate.stores.schema import Entry, StoredToken

PEOPLE_KEPT = 10_000
"""How many people's keys are kept at hand."""

Row = tuple[object, ...]


class Committed(NamedTuple):
    """What an append acknowledges: its events in their places, and the ledger's mark as of the commit."""

    entries: tuple[Entry, ...]
    mark: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """Changes to what stands beside the chain: keys, and what events say. `event` tells of them, if they need telling;
    it is about nobody. `keys`: among what changes may be people's keys."""

    changes: Sequence[Change]
    event: Event | None
    keys: bool = True


def _no_tokens(_: Event) -> tuple[StoredToken, ...]:
    return ()


@dataclass(slots=True)
class _Transaction:
    """What one transaction comes to, while it is put together."""

    seq: int
    n: int
    hash: bytes
    mark: int
    people: dict[Person, Subject]
    tokens: dict[Person, bytes]
    events: list[Row] = field(default_factory=list)
    subjects: list[Row] = field(default_factory=list)
    calls: dict[str, bool] = field(default_factory=dict)
    requests: list[Row] = field(default_factory=list)


class Writer:
    """Writes under one name. Belongs to one thread."""

    def __init__(self, backend: Backend, name: str, identity: str, ring: KeyRing) -> None:
        self._backend = backend
        self._name = name
        self._raw_name = name.encode()
        self._genesis = genesis(identity.encode(), self._raw_name)
        self._ring = ring
        self._chance = Chance()
        self._people: OrderedDict[Person, Subject] = OrderedDict()
        self._erasures = -1
        self._head: tuple[int, bytes] | None = None

    def commit(self, groups: Sequence[Sequence[Prepared]]) -> list[Committed]:
        """Write the groups in one transaction. Raises `LedgerUnavailable`."""
        try:
            return self._commit(groups)
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        self._backend.rollback()
        # What was not committed must not be built on; and after a lost connection nothing is known.
        self._head = None
        self._people.clear()

    def _transaction(self, places: Places, people: dict[Person, Subject], tokens: dict[Person, bytes]) -> _Transaction:
        n, hashed = self._head or self._backend.head(self._name) or (0, self._genesis)
        return _Transaction(places.seq, n, hashed, places.mark, people, tokens)

    def amend(self, amendment: Amendment) -> None:
        """Change what stands beside the chain, and enter the event that tells of it. Raises `LedgerUnavailable`."""
        self._amend((), lambda _: amendment)

    def destroy(self, people: Sequence[Person], record: Callable[[Sequence[bytes]], Event]) -> list[bytes]:
        """Destroy the keys of these people and enter the event that says so; the ids of the subjects they had.

        `record` makes that event from the ids. Raises `LedgerUnavailable`.
        """
        gone: list[bytes] = []

        def destroying(found: list[bytes]) -> Amendment | None:
            if not found:
                return None
            gone.extend(found)
            event = record(gone)
            at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
            changes: list[Change] = [(self._backend.sql.destroy_subject, [(at, subject) for subject in gone])]
            return Amendment(changes, event)

        self._amend(people, destroying)
        return gone

    def _amend(self, people: Sequence[Person], make: Callable[[list[bytes]], Amendment | None]) -> None:
        """`make` is given the ids of the subjects that these people have, and may find that nothing is to be done."""
        try:
            places, found = self._backend.begin([self._ring.token(person) for person in people])
            amendment = make([key.subject for key in found.values()])
            if amendment is None:
                self._backend.rollback()
                return
            new = self._transaction(places, {}, {})
            if amendment.event is not None:
                self._place(prepare(amendment.event, _no_tokens), new)
            # Whoever has keys at hand looks them up again: among the changes may be that some were destroyed.
            counted: list[Change] = [(self._backend.sql.count_erasure, [()])] if amendment.keys else []
            self._backend.commit([*amendment.changes, *counted, *self._changes(new, places.mark)])
        except BaseException:
            self._give_up()
            raise
        self._head = new.n, new.hash

    def add_checkpoint(self, new: Checkpoint) -> bool:
        """Add it if it is the next; False if another process was faster. Raises `LedgerUnavailable`."""
        try:
            self._backend.begin(())
            if self._backend.last_checkpoint() != new.number - 1:
                self._backend.rollback()
                return False
            row = new.number, new.statement, new.signer, new.signature
            self._backend.commit([(self._backend.sql.add_checkpoint, [row])])
        except BaseException:
            self._give_up()
            raise
        return True

    def _commit(self, groups: Sequence[Sequence[Prepared]]) -> list[Committed]:
        tokens: dict[Person, bytes] = {}
        places, people = self._begin({one.person for group in groups for one in group if one.person}, tokens)
        new = self._transaction(places, people, tokens)
        done = [[self._place(one, new) for one in group] for group in groups]
        self._backend.commit(self._changes(new, places.mark))
        self._head = new.n, new.hash
        self._keep(new.people)
        return [Committed(tuple(entries), new.mark) for entries in done]

    def _begin(self, wanted: set[Person], tokens: dict[Person, bytes]) -> tuple[Places, dict[Person, Subject]]:
        """Begin a transaction; also the subjects of these people, as far as there are any.

        `tokens` is filled with those of the people who are not at hand.
        """
        known = {person: self._people[person] for person in wanted if person in self._people}
        tokens |= {person: self._ring.token(person) for person in wanted if person not in known}
        places, found = self._backend.begin(list(tokens.values()))
        if places.erasures != self._erasures:
            # Somebody's keys were destroyed: what is kept at hand may be theirs.
            self._erasures = places.erasures
            self._people.clear()
            again = {person: self._ring.token(person) for person in known}
            found |= self._backend.find(list(again.values()))
            tokens |= again
            known = {}
        for person, token in tokens.items():
            if key := found.get(token):
                known[person] = self._ring.open(key.subject, key.master, key.wrapped)
        return places, known

    def _place(self, one: Prepared, new: _Transaction) -> Entry:
        """Give an event its place, and put what it comes to into the transaction."""
        event = one.event
        new.seq += 1
        new.n += 1
        mark = None
        if event.kind in SUPPRESSING:
            mark = new.mark = new.mark + 1
        subject, sealed = None, None
        if one.person is not None:
            of = new.people.get(one.person) or self._subject(one.person, one, new)
            subject, sealed = of.id, of.seal(event, self._chance)
        at, kind, call, controller = one.at, event.kind.value, event.call, event.controller
        salt = self._chance(SALT_BYTES)
        commitment = commit(salt, one.body.encode(), sealed)
        linked = (
            new.seq,
            self._raw_name,
            new.n,
            mark,
            at.encode(),
            kind.encode(),
            None if call is None else call.encode(),
            subject,
            None if controller is None else controller.encode(),
            event.version,
            commitment,
        )
        new.hash = link(new.hash, linked)
        stands = new.seq, self._name, new.n, mark, at, kind, call, subject, controller, event.version
        new.events.append((*stands, commitment, new.hash, salt, one.body, sealed))
        self._note_call(one, new)
        if event.kind in REQUESTS:
            new.requests.append((event.payload["request"], new.seq))
        return Entry(new.seq, self._name, new.n, mark, event, one.tokens)

    def _subject(self, person: Person, one: Prepared, new: _Transaction) -> Subject:
        made, master, wrapped = self._ring.new(one.event.at, self._chance)
        new.people[person] = made
        new.subjects.append((made.id, person.controller, person.of.value, one.at, new.tokens[person], master, wrapped))
        return made

    @staticmethod
    def _note_call(one: Prepared, new: _Transaction) -> None:
        """The last verdict on a call says whether it is open, until it is closed."""
        kind, call = one.event.kind, one.event.call
        if call is not None and kind in (Kind.VERDICT, Kind.CLOSED):
            new.calls[call] = kind is Kind.VERDICT and one.event.payload.get("outcome") == "allow"

    def _changes(self, new: _Transaction, mark_before: int) -> list[Change]:
        sql = self._backend.sql
        changes: list[Change] = [
            (sql.add_subject, new.subjects),
            (sql.add_event, new.events),
            (sql.note_request, new.requests),
            (sql.open_call, [(call,) for call, is_open in new.calls.items() if is_open]),
            (sql.close_call, [(call,) for call, is_open in new.calls.items() if not is_open]),
        ]
        if new.mark != mark_before:
            changes.append((sql.set_mark, [(new.mark,)]))
        return [change for change in changes if change[1]]

    def _keep(self, people: dict[Person, Subject]) -> None:
        for person, subject in people.items():
            self._people[person] = subject
            self._people.move_to_end(person)
        while len(self._people) > PEOPLE_KEPT:
            self._people.popitem(last=False)
