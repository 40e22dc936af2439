"""The boundary between node and office.

The *node* is what runs beside a PBX: AGI, AMI, guard, pilots, spool. The *office* is what knows people: lists, policy,
ledger. A call centre is another firm, perhaps outside the EEA, so a node reaches the office only through these few
calls and never sees a store, a list or a key to one. Both stand in one process by default.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from callgate.core.calledback import CalledBack
from callgate.core.consent import Manner
from callgate.core.events import Json, Kind
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason


class NotCommitted(Exception):
    """The office could not make it durable: what was asked has not happened, and may be asked again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The office's word on a call, as much of it as a node needs. It is in the ledger unless `committed` is False."""

    call: str
    reason: Reason
    allowed: bool
    detail: str
    committed: bool = True
    digits: str = ""
    masked: str = ""
    caller_id: str = ""
    campaign: str = ""
    controller: str = ""
    centre: str = ""
    callee_language: str = ""
    agent_language: str = ""
    record: bool = False
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a callee had heard when they pressed a key: the consent's proof (GDPR Art. 7(1)).

    Of each prompt its name, language, the hash of its audio and of which milliseconds were played; the key, the wall
    time, the monotonic time in seconds, and the channel that it came from.
    """

    prompts: tuple["Played", ...]
    key: str
    at: datetime
    monotonic: float
    channel: str


@dataclass(frozen=True, slots=True)
class Played:
    """One prompt as the callee heard it."""

    name: str
    language: str
    sha256: str
    text: str
    milliseconds: int
    whole: bool


@dataclass(frozen=True, slots=True)
class LateBlock:
    """A block that the dialplan or the node made while callgate or its ledger was away (P5)."""

    key: str
    at: datetime
    request: CallRequest
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingKey:
    """What one recording is sealed under, once: 32 bytes. `subject` and `wrapped` (hexadecimal) go with the sealed
    file: by them the office, and nobody else, finds the key again."""

    key: bytes = field(repr=False)
    subject: str
    wrapped: str


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that the ledger holds as allowed and not closed: what a node needs to take it up again.

    `agreed`: the callee's consent is in the ledger; `consented`: and so is that the recording began. `sealed`: it is.
    `ours`: this callgate's office decided it, and not another's with the same ledger.
    `parting`: more was said to the callee than the notice, or by them, so that it cannot begin anew.
    """

    decision: Decision
    uniqueid: str
    agent: str
    connected: bool
    consented: bool
    withdrawn: bool
    agreed: bool = False
    sealed: bool = False
    paused: bool = False
    dialled: bool = True
    parting: bool = True
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """What the person on the line of a call said by another way than their telephone.

    `kind` is `Kind.WITHDRAWAL`, of the consent to be recorded, or `Kind.OBJECTION`: to all calls of the company, or,
    where not `whole`, to the campaign's. `in_the_call`: they said it to the agent, who entered it for this call.
    """

    call: str
    kind: Kind
    in_the_call: bool = False
    whole: bool = True


class Office(Protocol):
    """What a node may ask. Every method raises `NotCommitted` where the ledger cannot take what it was given."""

    async def decide(self, request: CallRequest) -> Decision:
        """May this call be made? Never raises: what cannot be known or committed is a block that says so."""

    async def answered(self, call: str) -> Reason:
        """The callee answered: looked up once more. Anything but `Reason.CLEAR` ends the call (P1)."""

    async def consent(self, call: str, heard: Heard) -> None:
        """The callee agreed to be recorded. Durable on return."""

    async def withdraw(self, call: str, by: str) -> None:
        """The callee withdrew that consent. Durable on return."""

    async def object(self, call: str, by: str) -> None:
        """The callee objects to further calls. Durable, and in force at every centre, on return. Saying it twice is
        saying it once."""

    async def called_back(self, called: str, caller: str) -> CalledBack | None:
        """Somebody calls the number `called`, as the carrier shows both: what to say; None: nobody shows that
        number."""

    async def object_calling_back(self, called: str, caller: str) -> None:
        """Whoever calls back objects to further calls of all who show the number. Durable and in force on return."""

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        """Something happened that the ledger should know."""

    async def recording_key(self, call: str) -> RecordingKey | None:
        """A fresh key for the recording of this call; None where it may not be kept: the consent was withdrawn, or the
        person's recordings were erased since it began."""

    async def close(self, call: str, facts: dict[str, Json]) -> None:
        """The call is over."""

    async def late(self, blocks: Sequence[LateBlock]) -> Sequence[LateBlock]:
        """Enter blocks that were made without the office, each once; those that were not there yet."""

    async def open_calls(self, pbx: str) -> Sequence[OpenCall]:
        """The calls of that PBX that are not closed, after a restart."""

    async def said(self, calls: Sequence[str], after: int | None) -> tuple[int, Sequence[Said]]:
        """What the people on the line of these calls said meanwhile by other ways, and a mark up to which that is.

        `after`: that mark, from the time before; None: since the oldest call began. A withdrawal is told each time.
        """
