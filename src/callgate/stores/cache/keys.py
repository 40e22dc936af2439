"""Every key that callgate has in Redis is built here.

Under the prefix `callgate:` they are

    callgate:{gate}:epoch                      which rebuild is in force; without it nothing is believed
    callgate:{gate}:lists                      hash: list id -> which load of it is in force
    callgate:{gate}:rebuild                    lock: which generation is being built
    callgate:{gate}:witness                    written to see whether replicas follow; says nothing
    callgate:{gate}:loading:ID                 lock: which load of a list is being filled
    callgate:{gate}:tokens:GENERATION:mark     the ledger's mark that this generation of objections has reached
    callgate:{gate}:tokens:GENERATION:patterns set of the tokens of patterns (beginnings of numbers): a few
    callgate:{gate}:tokens:GENERATION:BUCKET   set of tokens; the end of GENERATION says how many buckets there are
    callgate:{gate}:tokens:GENERATION:consents:BUCKET  hash: token -> a consent to be called, relations (see `consents`)
    callgate:{gate}:contacts                   hash: of which ledger and keys the attempts are, and how many there were
    callgate:{gate}:calls:PERSON               sorted set of attempts to reach a person, by time (see `contacts`)
    callgate:{gate}:busy:PERSON                string with an expiry: the call to a person that is under way
    callgate:ID:LOAD:index                     the index of one load of a list: its chunks in order (see `index`)
    callgate:ID:LOAD:CHUNK                     set of the members of one chunk; CHUNK is its place in the index, in hex

A rebuild fills a generation, an import a load, beside those in force; then one write puts it in force. The hash tag
`{gate}` keeps what is written together on one node of a Redis Cluster; chunks of lists may lie anywhere. Their keys are
short, because there are many: up to 30 characters Redis's allocator gives a key 32 bytes, and 48 for more.
"""

import re
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""What may become part of a key: nothing that a pattern of SCAN or a hash tag would take for its own."""
_PREFIX = re.compile(r"[A-Za-z0-9:._-]{0,64}", re.ASCII)


def named(what: str, name: str) -> str:
    """The name, if it may become part of a key; `what` it names goes into the ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{what} {name!r} cannot be part of a key; up to 64 of A-Z, a-z, 0-9, '.', '_' and '-' can")
    return name


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys under one prefix. Installations that share a Redis differ in it."""

    prefix: str = "callgate:"

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"the prefix {self.prefix!r} cannot begin a key; use A-Z, a-z, 0-9, ':', '.', '_' and '-'")

    @property
    def _gate(self) -> str:
        return self.prefix + "{gate}:"

    @property
    def epoch(self) -> str:
        """String: the epoch in force."""
        return self._gate + "epoch"

    @property
    def lists(self) -> str:
        """Hash: list id to the load that is in force."""
        return self._gate + "lists"

    @property
    def rebuild(self) -> str:
        """String with an expiry: the generation that is being built."""
        return self._gate + "rebuild"

    @property
    def witness(self) -> str:
        """String: written after an objection, to see whether a replica has it (see `replicas`)."""
        return self._gate + "witness"

    def loading(self, list_id: str) -> str:
        """String with an expiry: the load of this list that is being filled."""
        return f"{self._gate}loading:{list_id}"

    def generation(self, generation: str = "") -> str:
        """What the keys of one generation begin with; of all generations where none is named."""
        return f"{self._gate}tokens:{generation}:" if generation else f"{self._gate}tokens:"

    def mark(self, generation: str) -> str:
        """String: how far this generation follows the ledger."""
        return f"{self.generation(generation)}mark"

    def patterns(self, generation: str) -> str:
        """Set: the tokens of patterns."""
        return f"{self.generation(generation)}patterns"

    def bucket(self, generation: str, bucket: int) -> str:
        """Set: the tokens of one bucket."""
        return f"{self.prefix}{{gate}}:tokens:{generation}:{bucket}"

    def consents(self, generation: str, bucket: int | None = None) -> str:
        """Hash: the consents of the people whose tokens are of one bucket; what all begin with where none is named."""
        return f"{self.prefix}{{gate}}:tokens:{generation}:consents:{'' if bucket is None else bucket}"

    @property
    def contacts(self) -> str:
        """Hash: whose attempts these are, and how many were ever entered."""
        return self._gate + "contacts"

    def calls(self, person: str) -> str:
        """Sorted set with an expiry: the attempts to reach a person for one controller."""
        return f"{self._gate}calls:{person}"

    def busy(self, person: str) -> str:
        """String with an expiry: the call to a person for one controller that is under way."""
        return f"{self._gate}busy:{person}"

    def load(self, list_id: str, load: str = "") -> str:
        """What the keys of one load of a list begin with; of all its loads where none is named."""
        return f"{self.prefix}{list_id}:{load}:" if load else f"{self.prefix}{list_id}:"

    def index(self, list_id: str, load: str) -> str:
        """String: the index of one load of a list."""
        return f"{self.load(list_id, load)}index"

    def chunk(self, list_id: str, load: str, chunk: int) -> str:
        """Set: the members of one chunk of a list."""
        return f"{self.load(list_id, load)}{chunk:x}"
