"""What the writing thread does with the events of one transaction: places them, seals them, links them, commits.

The writer's name is its own while it runs, so where its chain stands is known without asking. Everything else (the last
seq, the mark, whether keys were destroyed) may have been moved by another process, and is read under the lock.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import NamedTuple

from callgate.core.chain import SALT_BYTES, commit, genesis, link
from callgate.core.events import REQUESTS, SUPPRESSING, Event, Kind
from callgate.stores.ledger.backend import Backend, Change, Places
from callgate.stores.ledger.checkpoints import Checkpoint
from callgate.stores.ledger.rows import Prepared, prepare
from callgate.stores.ledger.sealing import SUBJECT_BYTES, Chance, KeyRing, Person, Subject
from callgate.stores.schema import Entry, StoredToken

PEOPLE_KEPT = 10_000
"""How many people's keys are kept at hand: by token, each as the subject's id and then the key. As bytes, since the
collector would walk each of so many objects that hold others."""

_OPENING = frozenset({Kind.VERDICT, Kind.CLOSED})
"""The kinds that say whether a call is open."""

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
    people: dict[bytes, Subject]
    """By token."""
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
        self._people: OrderedDict[bytes, bytes] = OrderedDict()
        self._latest: dict[bytes, Subject] = {}
        self._erasures = -1
        self._head: tuple[int, bytes] | None = None

    def commit(self, groups: Sequence[Sequence[Prepared]]) -> list[Committed]:
        """Write the groups in one transaction. Raises `LedgerUnavailable`."""
        try:
            return self._commit(groups)
        except BaseException:
            self._give_up()
            raise

    def remember(self) -> None:
        """Keep at hand the keys of whom the last transaction was about. Who waited for that need not wait for this."""
        latest, self._latest = self._latest, {}
        for token, subject in latest.items():
            self._people[token] = subject.id + subject.key
            self._people.move_to_end(token)
        while len(self._people) > PEOPLE_KEPT:
            self._people.popitem(last=False)

    def _give_up(self) -> None:
        self._backend.rollback()
        # What was not committed must not be built on; and after a lost connection nothing is known.
        self._head = None
        self._people.clear()
        self._latest = {}

    def _transaction(self, places: Places, people: dict[bytes, Subject], tokens: dict[Person, bytes]) -> _Transaction:
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
        wanted = {one.person for group in groups for one in group if one.person}
        tokens = {person: self._ring.token(person) for person in wanted}
        places, people = self._begin(tokens.values())
        new = self._transaction(places, people, tokens)
        done = [[self._place(one, new) for one in group] for group in groups]
        self._backend.commit(self._changes(new, places.mark))
        self._head = new.n, new.hash
        self._latest = new.people
        return [Committed(tuple(entries), new.mark) for entries in done]

    def _begin(self, tokens: Collection[bytes]) -> tuple[Places, dict[bytes, Subject]]:
        """Begin a transaction; also the subjects with these tokens, as far as there are any."""
        known = {token: self._people[token] for token in tokens if token in self._people}
        places, found = self._backend.begin([token for token in tokens if token not in known])
        if places.erasures != self._erasures:
            # Somebody's keys were destroyed: what is kept at hand may be theirs.
            self._erasures = places.erasures
            self._people.clear()
            found |= self._backend.find(list(known))
            known = {}
        people = {token: self._ring.open(key.subject, key.master, key.wrapped) for token, key in found.items()}
        for token, kept in known.items():
            people[token] = Subject.of(kept[:SUBJECT_BYTES], kept[SUBJECT_BYTES:])
        return places, people

    def _place(self, one: Prepared, new: _Transaction) -> Entry:
        """Give an event its place, and put what it comes to into the transaction."""
        event, at, body = one.event, one.at, one.body
        kind, call, controller, version = str(event.kind), event.call, event.controller, event.version
        new.seq = seq = new.seq + 1
        new.n = n = new.n + 1
        mark, subject, sealed = None, None, None
        if kind in SUPPRESSING:
            mark = new.mark = new.mark + 1
        if one.person is not None:
            token = new.tokens[one.person]
            of = new.people.get(token) or self._subject(one.person, token, one, new)
            subject, sealed = of.id, of.seal(event, self._chance)
        salt = self._chance(SALT_BYTES)
        commitment = commit(salt, body.encode(), sealed)
        linked = (
            seq,
            self._raw_name,
            n,
            mark,
            at.encode(),
            kind.encode(),
            None if call is None else call.encode(),
            subject,
            None if controller is None else controller.encode(),
            version,
            commitment,
        )
        new.hash = link(new.hash, linked)
        stands = seq, self._name, n, mark, at, kind, call, subject, controller, version
        new.events.append((*stands, commitment, new.hash, salt, body, sealed))
        if call is not None and kind in _OPENING:
            # The last verdict on a call says whether it is open, until it is closed.
            new.calls[call] = kind == Kind.VERDICT and event.payload.get("outcome") == "allow"
        if kind in REQUESTS:
            new.requests.append((event.payload["request"], seq))
        return Entry(seq, self._name, n, mark, event, one.tokens)

    def _subject(self, person: Person, token: bytes, one: Prepared, new: _Transaction) -> Subject:
        made, master, wrapped = self._ring.new(one.event.at, self._chance)
        new.people[token] = made
        new.subjects.append((made.id, person.controller, str(person.of), one.at, token, master, wrapped))
        return made

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
