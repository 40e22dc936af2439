"""One task per call: what happens to it → `call.step` → the effects, in order.

The pilot alone touches the state of its call. AGI handlers and AMI events only put into its queue; where a handler
needs to know that its key is committed, it waits for a future that the pilot resolves. The pilot reaches people's data
through the boundary only, and Asterisk through the interview (AGI, on the callee's channel) and the `Pbx` (AMI).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from callgate.boundary import Decision, NotCommitted, Office
from callgate.core import call
from callgate.core.call import WITH_RECORDING, Do, On, State
from callgate.core.consent import Part
from callgate.core.events import Json, Kind
from callgate.core.faults import place_of
from callgate.core.reasons import Reason
from callgate.live import Live
from callgate.pbx.agi import RemoteError
from callgate.pbx.interview import Interview
from callgate.pbx.recordings import Recordings
from callgate.pbx.sealing import Sealer
from callgate.pbx.spool import NotRecorded, Side
from callgate.prompts import names
from callgate.prompts.catalogue import Catalogue

log = structlog.stdlib.get_logger()


_OBJECTING = (On.OBJECTED, On.HEARD)
"""Two ways to say the same: either is answered by the one commit."""


class Pbx(Protocol):
    """What a pilot does to Asterisk over AMI. None of it raises: what cannot be done is logged and raises an alarm."""

    async def hang_up(self, channel: str) -> None: ...

    async def stop_recording(self, channel: str) -> None: ...

    async def pause_recording(self, channel: str, *, paused: bool) -> bool: ...


class Later(Protocol):
    """Keeps what the office could not take now, durably, until it can (P5)."""

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened to the call. `done` is resolved with whether it is committed."""

    on: On
    by: str = ""
    done: asyncio.Future[bool] | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What every pilot of a node shares."""

    office: Office
    catalogue: Callable[[], Catalogue]
    recordings: Recordings
    pbx: Pbx
    live: Live
    later: Later
    clock: Callable[[], datetime]


class Pilot:
    """The task of one call."""

    def __init__(self, decision: Decision, uniqueid: str, agent: str, tools: Tools) -> None:
        self.decision = decision
        self.uniqueid = uniqueid
        self.agent = agent
        self.state = State.ALLOWED
        self.dialled = False
        self.legs: set[str] = set()
        self.callee: str | None = None
        self.callee_channel = ""
        self.agent_gone = False
        self.accompanied = False
        self.recorder_due = False
        self.objected = False
        self.withdrew = False
        self.born = tools.clock()
        self.ended_at: datetime | None = None
        self.interview: Interview | None = None
        self._tools = tools
        self._queue: asyncio.Queue[Signal] = asyncio.Queue()
        self._current = Signal(On.DIALLED)
        self._pressed: list[tuple[On, asyncio.Future[bool]]] = []
        self._suppressed_by = Reason.CLEAR
        self._recording = False
        self._sealed = False
        self._sealing: asyncio.Task[None] | None = None
        self.closing: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """The CALLGATE_ID."""
        return self.decision.call

    @property
    def is_open(self) -> bool:
        """Whether the call is not over."""
        return self.state is not State.CLOSED

    @property
    def is_interviewed(self) -> bool:
        """Whether the callee's channel runs callgate's script, and nothing else, until callgate lets it go."""
        return self.interview is not None and self.interview.is_open

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done: the call is closed, and what was recorded of it is sealed."""
        closing = self.closing
        return closing is not None and closing.done() and not closing.cancelled() and closing.exception() is None

    @property
    def wants_recording(self) -> bool:
        """Whether there is, or will be, a recording of this call in the spool that is to be kept."""
        return self._recording

    def claims(self, channel: str) -> bool:
        """Whether the recorder that starts on this channel is callgate's own, begun with consent: one, and once."""
        claimed = self.recorder_due and channel == self.callee_channel
        if claimed:
            self.recorder_due = False
        return claimed

    def signal(self, on: On, by: str = "") -> None:
        """Something happened."""
        self._queue.put_nowait(Signal(on, by))

    async def ask(self, on: On, by: str) -> bool:
        """Something happened that wants to be committed; whether it is."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Signal(on, by, done))
        return await done

    def ringing(self, uniqueid: str, channel: str) -> None:
        """The guard let this leg ring."""
        self.legs.add(uniqueid)
        self.callee_channel = channel
        self.dialled = True
        self.signal(On.DIALLED)

    async def answered(self, interview: Interview, callee: str) -> None:
        """The callee's channel asks what is to become of it. Returns when it was told.

        A call has one callee: whoever answers besides is dropped.
        """
        if self.interview is not None or self.state in (State.LEAVING, State.CLOSED):
            await interview.dismiss(names.Agent.NOTICE_FAILED)
            return
        self.interview, self.callee, self.callee_channel = interview, callee, interview.channel
        self.signal(On.ANSWERED)
        if self.agent_gone:  # while the callee's channel waited for whoever takes the call up
            self.signal(On.AGENT_LEFT)
        await interview.over.wait()

    async def run(self) -> None:
        """Fly the call. Ends by cancellation: a closed call still takes an objection by voice."""
        while True:
            await self._take(await self._queue.get())

    async def _take(self, signal: Signal) -> None:
        self._current = signal
        taken = call.step(self.state, signal.on)
        before, self.state = self.state, taken.state
        if taken.state is not before:
            self._tools.live.tell("call", **self._facts(), stage=taken.state, on=signal.on)
        if signal.done is not None:
            self._pressed.append((signal.on, signal.done))
        for effect in taken.effects:
            try:
                await _EFFECTS[effect](self)
            except Exception as error:
                failed = {"error": type(error).__name__, "place": place_of(error)}
                log.error("effect-failed", call=self.id, effect=effect, state=self.state, **failed)
                if effect not in (Do.HANG_UP, Do.CLOSE, Do.NOTE_UNEXPECTED):
                    self.signal(On.FAILED)
        if self._pressed and self.state is not State.OBJECTING:
            self._resolve(*On, committed=False)

    def _facts(self) -> dict[str, Json]:
        decision = self.decision
        return {
            "call": self.id,
            "number": decision.masked,
            "campaign": decision.campaign,
            "controller": decision.controller,
            "centre": decision.centre,
            "agent": self.agent,
        }

    def _how_far(self) -> list[Json]:
        played = self.interview.played if self.interview else []
        return [{"prompt": part.name, "ms": part.milliseconds, "whole": part.whole} for part in played]

    def _resolve(self, *of: On, committed: bool) -> None:
        """Answer everyone who waits for one of these: two keys at the same instant may say the same."""
        for on, pressed in self._pressed:
            if on in of and not pressed.done():
                pressed.set_result(committed)
        self._pressed = [waiting for waiting in self._pressed if waiting[0] not in of]

    # What is written down.

    async def _record(self, kind: Kind, **facts: Json) -> None:
        """Note a fact; one that the office cannot take now is kept for later."""
        try:
            await self._tools.office.record(kind, self.id, facts)
        except NotCommitted:
            self._tools.later.keep("record", {"kind": kind, "call": self.id, "facts": facts})

    async def _look_up(self) -> None:
        try:
            reason = await self._tools.office.answered(self.id)
        except NotCommitted:
            reason = Reason.LEDGER_UNAVAILABLE
        self._suppressed_by = reason
        self.signal(On.CLEARED if reason is Reason.CLEAR else On.SUPPRESSED)

    async def _commit_consent(self) -> None:
        heard = self.interview.heard if self.interview else None
        if heard is None:
            self.signal(On.UNCOMMITTED)
            return
        try:
            await self._tools.office.consent(self.id, heard)
        except NotCommitted:
            self._alarm("consent-not-committed")
            self.signal(On.UNCOMMITTED)
        else:
            self.signal(On.COMMITTED)

    async def _commit_objection(self) -> None:
        committed = await self._object(self._current.by or "key")
        self.signal(On.COMMITTED if committed else On.UNCOMMITTED)

    async def _commit_heard(self) -> None:
        self._resolve(*_OBJECTING, committed=await self._object(self._current.by or "agent"))

    async def _object(self, by: str) -> bool:
        if self.objected:  # by another way, or before: it is in force
            self._tools.live.tell("objection", **self._facts(), by=by)
            return True
        self.objected = True
        try:
            await self._tools.office.object(self.id, by)
        except NotCommitted:
            self.objected = False
            self._tools.later.keep("object", {"call": self.id, "by": by})
            self._alarm("objection-not-committed")
            return False
        self._tools.live.tell("objection", **self._facts(), by=by)
        return True

    async def _commit_withdrawal(self) -> None:
        by = self._current.by or "key"
        again, self.withdrew = self.withdrew, True
        try:
            await self._tools.office.withdraw(self.id, by)
        except NotCommitted:
            self.withdrew = again
            self._tools.later.keep("withdraw", {"call": self.id, "by": by})
            self._resolve(On.WITHDREW, committed=False)
        else:
            if not again:
                self._tools.live.tell("withdrawal", **self._facts())
            self._resolve(On.WITHDREW, committed=True)

    async def _note_refusal(self) -> None:
        await self._record(Kind.REFUSAL, answer=self._current.on, played=self._how_far())

    async def _note_dropped(self) -> None:
        reason = self._suppressed_by if self._current.on is On.SUPPRESSED else None
        await self._record(Kind.DROPPED, on=self._current.on, reason=reason, played=self._how_far())

    async def _note_unexpected(self) -> None:
        log.warning("unexpected", call=self.id, state=self.state, on=self._current.on)
        await self._record(Kind.ALARM, alarm="unexpected", on=self._current.on, state=self.state)

    async def _close(self) -> None:
        self.ended_at = self._tools.clock()
        if self.interview is not None:
            self.interview.over.set()
        self.closing = asyncio.create_task(self._finish(self._sealing))

    async def _finish(self, sealing: asyncio.Task[None] | None) -> None:
        """Close the call once its recording is sealed: what is not closed is taken up again after a crash."""
        if sealing is not None:
            await asyncio.wait({sealing})
        try:
            await self._tools.office.close(self.id, {})
        except NotCommitted:
            self._tools.later.keep("close", {"call": self.id})

    def _alarm(self, what: str) -> None:
        """Something that a person must look at, on the live page and, though the ledger may be away, in the ledger."""
        log.error("alarm", alarm=what, call=self.id)
        self._tools.live.tell("alarm", alarm=what, **self._facts())
        about = {key: said for key, said in self._facts().items() if key not in ("call", "number")}
        with suppress(OSError):
            self._tools.later.keep("record", {"kind": Kind.ALARM, "call": self.id, "facts": {"alarm": what, **about}})

    # What the callee hears.

    async def _play(self, part: Part) -> None:
        if self.interview is None:
            self.signal(On.FAILED)
            return
        if part is Part.QUESTION:
            await self._record(Kind.NOTICE, prompts=[asdict(played) for played in self.interview.played])
        self.interview.begin(part, self.signal)

    async def _choose(self) -> None:
        self.signal(On.GOES_ON if self.decision.manner.goes_on else On.ENDS)

    async def _connect(self) -> None:
        if self.interview is None or not self.interview.is_open:
            self.signal(On.FAILED)
            return
        if self.decision.record:
            thanks = names.Callee.THANKS_RECORDING if self._recording else names.Callee.THANKS_NO_RECORDING
            await self._say(thanks)
        await self.interview.connect()
        await self._record(Kind.CONNECTED, recording=self._recording)

    async def _say(self, name: str) -> None:
        """Say something that is not the notice: the call does not hang on it."""
        if self.interview is not None and self.interview.is_open:
            try:
                await self.interview.say(self._tools.catalogue().prompt(name, self.interview.language))
            except RemoteError as error:
                log.info("not-said", call=self.id, prompt=name, error=str(error))

    async def _part(self, name: str, *, committed: bool) -> None:
        """Thank or admit: in the interview by voice; in mid-call the dialplan says it, once it knows."""
        self._resolve(*_OBJECTING, committed=committed)
        await self._say(name)

    async def _apologise(self) -> None:
        if self.interview is not None:
            await self.interview.stop()
            await self._say(names.Callee.APOLOGY)

    async def _hang_up(self) -> None:
        interview = self.interview
        if interview is not None and interview.is_open:
            try:
                await interview.dismiss(self._why())
            except RemoteError as error:
                log.info("hung-up-already", call=self.id, error=str(error))
        elif self._current.on is not On.COMMITTED and self.callee_channel:
            # The key's own dialplan hangs up after its thanks; everything else is hung up from here.
            await self._tools.pbx.hang_up(self.callee_channel)

    def _why(self) -> str:
        """The prompt that tells the agent why the callee is gone."""
        match self._current.on:
            case On.COMMITTED:
                return names.Agent.CALLEE_OBJECTED
            case On.ENDS:
                return names.Agent.CALLEE_DECLINED
            case On.SUPPRESSED if self._suppressed_by is Reason.OBJECTION:
                return names.Agent.CALLEE_OBJECTED
            case On.SUPPRESSED:
                return names.blocked(self._suppressed_by)
            case _:
                return names.Agent.NOTICE_FAILED

    # The recording.

    async def _start_recording(self) -> None:
        self._recording = True  # before there is a file, which would be an orphan
        self.recorder_due = True  # and before AMI tells of it
        self._recording = started = await self._begin_recording()
        self.recorder_due = self.recorder_due and started
        if started:
            await self._record(Kind.RECORDING_STARTED)
        self.signal(On.RECORDED if started else On.UNRECORDED)

    async def _begin_recording(self) -> bool:
        """Whether MixMonitor started. Where it may not, the call goes on unrecorded."""
        if self.interview is None:
            return False
        recordings = self._tools.recordings
        if hindrance := await recordings.hindrance(self.id):
            self._alarm(hindrance)
            return False
        files = (str(recordings.path_for(self.id, side)) for side in (Side.CALLEE, Side.AGENT))
        try:
            started = await self.interview.record(*files)
        except RemoteError as error:
            log.info("not-recorded", call=self.id, error=str(error))
            started = False
        if not started:
            self._alarm("recording-not-started")
        return started

    async def _pause_recording(self) -> None:
        """Silence in the recording from now on. One that Asterisk cannot pause is stopped."""
        if await self._tools.pbx.pause_recording(self.callee_channel, paused=True):
            await self._record(Kind.RECORDING_PAUSED, why=self._current.on, by=self._current.by)
            self._resolve(On.PAUSED, committed=True)
        else:
            self._alarm("recording-not-paused")
            self.signal(On.UNPAUSED)

    async def _resume_recording(self) -> None:
        if await self._tools.pbx.pause_recording(self.callee_channel, paused=False):
            await self._record(Kind.RECORDING_RESUMED, why=self._current.on, by=self._current.by)
            self._resolve(On.RESUMED, committed=True)
        else:
            self._alarm("recording-not-resumed")

    async def _say_unrecorded(self) -> None:
        self._resolve(On.PAUSED, committed=True)

    async def _stop_recording(self) -> None:
        if self.callee_channel:
            await self._tools.pbx.stop_recording(self.callee_channel)

    async def _destroy_recording(self) -> None:
        if self._sealing is not None:
            self._sealing.cancel()
            await asyncio.wait({self._sealing})
        if self._recording:
            self._recording = False
            overheard = self._current.on is On.OVERHEARD
            if overheard:
                self._alarm("recording-overheard")
            existed = await self._tools.recordings.destroy(self.id)
            why = "overheard" if overheard else "withdrawn"
            await self._record(Kind.RECORDING_DESTROYED, why=why, existed=existed)

    async def _keep_recording(self) -> None:
        """Seal in a task of its own: Asterisk may take its time to close the file, and a closed call still listens."""
        if self._recording and self._sealing is None:
            self._sealing = asyncio.create_task(self._seal())

    async def _seal(self) -> None:
        sealer = Sealer(self._tools.office, self._tools.recordings, self._tools.clock)
        try:
            sealed = await sealer.seal(self.decision, self.agent, self._alarm, committed=self._sealed)
        except NotRecorded as error:
            log.error("recording-missing", call=self.id, error=str(error))
            self._alarm("recording-missing")
            return
        if sealed is not None:
            self._tools.live.tell("sealed", **self._facts(), seconds=round(sealed.seconds, 1))

    def restore(
        self,
        *,
        connected: bool,
        recording: bool,
        paused: bool,
        callee: str,
        callee_channel: str,
        sealed: bool = False,
        dialled: bool = True,
        parting: bool = True,
    ) -> None:
        """Take a live call up again after a restart.

        One that was not connected waits for its callee's channel to ask, and then hears the notice from its beginning.
        Where more was said than the notice (`parting`), or where nobody asks again, it ends.
        """
        self._recording = recording
        self._sealed = sealed
        self.dialled = dialled or bool(callee)
        self.callee, self.callee_channel = callee, callee_channel
        self.legs = {callee} if callee else set()
        if connected and recording:
            self.state = State.PAUSED if paused else State.RECORDING
        elif connected:
            self.state = State.TALKING
        elif parting:
            self.state = State.LEAVING
        else:
            self.state = State.RINGING if self.dialled else State.ALLOWED
        self._tools.live.tell("call", **self._facts(), stage=self.state, on="taken-up")

    def insist(self) -> None:
        """After a gap in AMI nobody knows what Asterisk took in: what is paused is paused once more."""
        if self.state in WITH_RECORDING:
            self.recorder_due = False
        if self.state in (State.PAUSED, State.PAUSED_ACCOMPANIED):
            self.signal(On.PAUSED, "reconciliation")
        elif self.state is State.ACCOMPANIED:
            self.signal(On.JOINED, "reconciliation")


_EFFECTS: Final[Mapping[Do, Callable[[Pilot], Awaitable[None]]]] = {
    Do.NOTE_DIALLED: lambda pilot: pilot._record(Kind.DIALLED),
    Do.LOOK_UP: Pilot._look_up,
    Do.IDENTIFY: lambda pilot: pilot._play(Part.IDENTIFICATION),
    Do.ASK: lambda pilot: pilot._play(Part.QUESTION),
    Do.COMMIT_CONSENT: Pilot._commit_consent,
    Do.START_RECORDING: Pilot._start_recording,
    Do.CHOOSE: Pilot._choose,
    Do.CONNECT: Pilot._connect,
    Do.DECLINE: lambda pilot: pilot._part(names.Callee.DECLINED, committed=False),
    Do.COMMIT_OBJECTION: Pilot._commit_objection,
    Do.COMMIT_HEARD: Pilot._commit_heard,
    Do.THANK: lambda pilot: pilot._part(names.Callee.OBJECTED, committed=True),
    Do.ADMIT: lambda pilot: pilot._part(names.Callee.DROPPED, committed=False),
    Do.APOLOGISE: Pilot._apologise,
    Do.PAUSE_RECORDING: Pilot._pause_recording,
    Do.RESUME_RECORDING: Pilot._resume_recording,
    Do.SAY_UNRECORDED: Pilot._say_unrecorded,
    Do.STOP_RECORDING: Pilot._stop_recording,
    Do.DESTROY_RECORDING: Pilot._destroy_recording,
    Do.CONFIRM_WITHDRAWAL: Pilot._commit_withdrawal,
    Do.HANG_UP: Pilot._hang_up,
    Do.NOTE_REFUSAL: Pilot._note_refusal,
    Do.NOTE_ABANDONED: lambda pilot: pilot._record(Kind.ABANDONED, played=pilot._how_far()),
    Do.NOTE_DROPPED: Pilot._note_dropped,
    Do.NOTE_UNEXPECTED: Pilot._note_unexpected,
    Do.KEEP_RECORDING: Pilot._keep_recording,
    Do.CLOSE: Pilot._close,
}
