"""Who may listen to a recording, and that it is known who did.

An officer may, and a supervisor: each only to what concerns their own controllers and centres, the officer for what was
agreed to and the supervisor for how agents speak. An administrator looks after machines, an agent and a machine have no
need (GDPR Art. 5(1)(b), 32(4)). Nobody hears a byte before the ledger holds who it is: what cannot be entered is not
played. A recording that is not for somebody and one that does not exist are told apart by nobody; one of a person whose
data may only be kept is for the officer alone (Art. 18(2)).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callgate.core import phone
from callgate.core.access import Principal, Role
from callgate.core.events import Event, Kind
from callgate.core.sealedfile import NotSealed, is_call
from callgate.recordings.archive import Archive, Sound
from callgate.rights.showing import visible
from callgate.stores.ledger import Ledger, vault
from callgate.stores.ledger.questions import Question
from callgate.stores.ledger.vault import KeyDestroyed
from callgate.stores.schema import Entry

LISTENERS = frozenset({Role.OFFICER, Role.SUPERVISOR})
ONE_LISTENING = timedelta(minutes=10)
"""A player asks for one part after another: for so long that is one listening, and one event."""
REMEMBERED = 1_000
PAGE = 500


class NotAllowed(Exception):
    """This role may not listen to recordings."""


class NoRecording(Exception):
    """There is no such recording for whoever asks; the message says what is known of it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as the ledger knows it. `number` is masked, and empty once the person was erased.

    `sha256` is that of the stereo WAV file, `sealed_sha256` that of the file on disk. `kept`: it is still there.
    """

    seq: int
    call: str
    at: datetime
    seconds: float
    controller: str
    campaign: str
    centre: str
    agent: str
    number: str
    sha256: str
    sealed_sha256: str
    format: str
    whole: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class Playing:
    """A recording that is open to be heard: a WAV file of `size` bytes, the callee left, the agent right."""

    recording: Recording
    size: int
    _sound: Sound = field(repr=False)

    async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, as they come. Raises `NotSealed` where they are not what was sealed."""
        chunks = self._sound.read(start, end)
        with closing(chunks):
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                yield chunk


class Listening:
    """Recordings for those who may hear them."""

    def __init__(self, ledger: Ledger, archive: Archive, clock: Callable[[], datetime]) -> None:
        self.ledger = ledger
        self._archive = archive
        self.clock = clock
        self._lately: dict[tuple[str, str, str], datetime] = {}

    async def recordings(
        self,
        principal: Principal,
        *,
        campaign: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after_seq: int = 0,
        limit: int = 100,
    ) -> list[Recording]:
        """The first `limit` that are kept and that whoever asks may hear, in the order in which they were sealed.

        Raises `NotAllowed`, `LedgerUnavailable`.
        """
        _insist(principal)
        found: dict[str, Recording] = {}
        kinds = [Kind.RECORDING_SEALED]
        while len(found) < limit:
            question = Question(since=since, until=until, kinds=kinds, after_seq=after_seq, limit=PAGE)
            entries = await self.ledger.search(question)
            if not entries:
                break
            after_seq = entries[-1].seq
            shown = await visible(self.ledger, entries, principal)
            for one in await asyncio.to_thread(self._described, shown):
                if one.kept and _sees(principal, one) and campaign in (None, one.campaign):
                    found[one.call] = one
        return list(found.values())[:limit]

    async def find(self, principal: Principal, call: str) -> Recording:
        """One recording. Raises `NotAllowed`, `NoRecording`, `LedgerUnavailable`."""
        _insist(principal)
        entries = await self.ledger.read(kinds=[Kind.RECORDING_SEALED], call=call) if is_call(call) else []
        shown = await visible(self.ledger, entries[-1:], principal)
        found = await asyncio.to_thread(self._described, shown)
        if not found or not _sees(principal, found[0]):
            raise NoRecording(f"there is no recording of a call {call!r}")
        return found[0]

    async def listen(self, principal: Principal, call: str, how: str = "play") -> Playing:
        """Open a recording to be heard; `how` says what for. Who it is was committed before this returns.

        Raises `NotAllowed`, `NoRecording`, `NotSealed` where the file is not what was sealed, `LedgerUnavailable`.
        """
        recording = await self.find(principal, call)
        if not recording.kept:
            raise NoRecording(f"the recording of the call {call!r} was destroyed")
        sound = await self._open(call)
        await self._enter(principal, recording, how)
        return Playing(recording, sound.size, sound)

    async def _open(self, call: str) -> Sound:
        try:
            header = await asyncio.to_thread(self._archive.header, call)
            if header.call != call:
                raise NotSealed("the file is the recording of another call")
            subject, wrapped = bytes.fromhex(header.subject), bytes.fromhex(header.key)
            key = await vault.open_key(self.ledger, subject, wrapped, call)
            return await asyncio.to_thread(self._archive.open, call, key)
        except FileNotFoundError:
            raise NoRecording(f"the recording of the call {call!r} was destroyed") from None
        except KeyDestroyed as error:
            raise NoRecording(f"the recording of the call {call!r} cannot be opened: {error}") from None

    async def _enter(self, principal: Principal, recording: Recording, how: str) -> None:
        now, whose = self.clock(), (principal.name, recording.call, how)
        if now - self._lately.get(whose, datetime.min.replace(tzinfo=now.tzinfo)) < ONE_LISTENING:
            return
        sealed = await self.ledger.read(kinds=[Kind.RECORDING_SEALED], call=recording.call)
        said = {"by": principal.name, "role": principal.role.value, "how": how, "centre": recording.centre}
        number = sealed[-1].event.number
        await self.ledger.append(
            [Event(Kind.RECORDING_PLAYED, now, recording.call, number, recording.controller or None, dict(said))]
        )
        self._lately[whose] = now
        while len(self._lately) > REMEMBERED:
            del self._lately[next(iter(self._lately))]

    def _described(self, entries: list[Entry]) -> list[Recording]:
        return [_recording(entry, kept=self._archive.has(str(entry.event.call))) for entry in entries]


def _insist(principal: Principal) -> None:
    if principal.role not in LISTENERS:
        raise NotAllowed(f"the role {principal.role} may not listen to recordings; officers and supervisors may")


def _sees(principal: Principal, recording: Recording) -> bool:
    return principal.sees(recording.controller or None, recording.centre or None)


def _recording(entry: Entry, *, kept: bool) -> Recording:
    event, said = entry.event, entry.event.payload
    text = {key: str(said.get(key, "")) for key in ("campaign", "centre", "agent", "sha256", "sealed_sha256", "format")}
    return Recording(
        seq=entry.seq,
        call=event.call or "",
        at=event.at,
        seconds=float(str(said.get("seconds", 0))),
        controller=event.controller or "",
        number=phone.mask(event.number) if event.number else "",
        whole=said.get("whole") is True,
        kept=kept,
        **text,
    )
