"""Stand-ins for what a pilot reaches: an office, a PBX and an interview that note what is asked of them, in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from callgate.boundary import Decision, Heard, LateBlock, NotCommitted, OpenCall, RecordingKey, Said
from callgate.core.call import On
from callgate.core.calledback import CalledBack
from callgate.core.consent import Part
from callgate.core.events import Json, Kind
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason
from callgate.live import Live
from callgate.node.company import Company
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.reception import Reception
from callgate.node.recorders import Recorders
from callgate.node.recovery import Recovery
from callgate.node.strays import Strays
from callgate.node.watch import Watch
from callgate.pbx.agi import Played, RemoteError, Request, Session
from callgate.pbx.ami import ActionRefused, Link, Message
from callgate.pbx.bridges import Bridges
from callgate.pbx.channels import Channels
from callgate.pbx.guard import Guard
from callgate.pbx.interview import Interview
from callgate.pbx.recordings import Recordings
from callgate.pbx.whole import ORDERS
from callgate.pilot import Pilot, Signal, Tools
from callgate.prompts.catalogue import Catalogue, Notice, Prompt

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DECISION = Decision(
    call="c1",
    reason=Reason.CLEAR,
    allowed=True,
    detail="",
    digits="33199001234",
    masked="+33 ••• 34",
    campaign="spring",
    controller="acme",
    centre="brussels",
    callee_language="fr",
    agent_language="en",
    record=True,
)
HEARD = Heard((), "1", NOW, 0.0, "PJSIP/carrier-1")
RECORDING_KEY = b"r" * 32


class FakeOffice:
    """Commits everything, but for what is in `refuses`."""

    def __init__(self, done: list[str], refuses: set[str]) -> None:
        self.done = done
        self.refuses = refuses
        self.decision = DECISION
        self.found = Reason.CLEAR
        self.open: list[OpenCall] = []
        self.meanwhile: list[Said] = []
        self.asked: list[tuple[list[str], int | None]] = []
        self.owed: list[tuple[str, Mapping[str, Json]]] = []

    async def _do(self, what: str) -> None:
        await asyncio.sleep(0)  # as a ledger does: others have their turn
        if what in self.refuses:
            raise NotCommitted(what)
        self.done.append(what)

    async def decide(self, request: CallRequest) -> Decision:
        await self._do("decide")
        return self.decision

    async def answered(self, call: str) -> Reason:
        await self._do("answered")
        return self.found

    async def consent(self, call: str, heard: Heard) -> None:
        await self._do("consent")

    async def withdraw(self, call: str, by: str) -> None:
        await self._do("withdraw")

    async def object(self, call: str, by: str) -> None:
        await self._do("object")

    async def called_back(self, called: str, caller: str) -> CalledBack | None:
        number = f"+{caller}" if caller else None
        return CalledBack(("spring",), ("acme",), "fr", number) if called == "3225550199" else None

    async def object_calling_back(self, called: str, caller: str) -> None:
        await self._do("object calling back")

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        await self._do(str(kind))

    async def recording_key(self, call: str) -> RecordingKey | None:
        await asyncio.sleep(0)
        if "recording key" in self.refuses:
            raise NotCommitted("recording key")
        return None if "erased" in self.refuses else RecordingKey(RECORDING_KEY, "5b" * 16, "aa" * 60)

    async def close(self, call: str, facts: dict[str, Json]) -> None:
        await self._do("close")

    async def late(self, blocks: Sequence[LateBlock]) -> Sequence[LateBlock]:
        for block in blocks:
            await self._do(f"late {block.key}")
        return [] if "late again" in self.refuses else blocks

    async def open_calls(self, pbx: str) -> Sequence[OpenCall]:
        await self._do("open calls")
        return self.open

    async def said(self, calls: Sequence[str], after: int | None) -> tuple[int, Sequence[Said]]:
        await asyncio.sleep(0)
        self.asked.append((list(calls), after))
        return (after or 0) + 1, [one for one in self.meanwhile if one.call in calls]

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None:
        if "keep" in self.refuses:
            raise OSError("no space left on device")
        self.owed.append((operation, facts))


class FakePbx:
    """Notes what is done to Asterisk."""

    def __init__(self, done: list[str]) -> None:
        self.done = done
        self.breaks = False

    async def hang_up(self, channel: str) -> None:
        self.done.append("ami hang up")

    async def stop_recording(self, channel: str) -> None:
        self.done.append("ami stop recording")

    async def pause_recording(self, channel: str, *, paused: bool) -> bool:
        if self.breaks:
            return False
        self.done.append("ami pause recording" if paused else "ami resume recording")
        return True


class FakeCatalogue:
    """Every prompt there is, by its name."""

    def prompt(self, name: str, language: str) -> Prompt:
        return Prompt(name=name, language=language, text="", path=f"/{language}/{name}", seconds=1.0, sha256="0" * 64)

    def callback(self, campaign: str, language: str) -> Prompt:
        return self.prompt(f"callback/{campaign}", language)

    def notice(self, campaign: str, centre: str, language: str) -> Notice:
        return Notice(self.prompt("identification", language), self.prompt("question", language))

    def offers(self, campaign: str, languages: Mapping[str, str]) -> tuple[Prompt, ...]:
        return tuple(self.prompt(f"language/{key}", code) for key, code in languages.items())


class FakeInterview:
    """A callee's channel; parts are ended by the test, with `report`."""

    def __init__(self, done: list[str]) -> None:
        self.done = done
        self.over = asyncio.Event()
        self.channel = "PJSIP/carrier-1"
        self.heard: Heard | None = HEARD
        self.played: list[object] = []
        self.language = "fr"
        self.breaks = False
        self.report: Callable[[On], None] = lambda _: None

    @property
    def is_open(self) -> bool:
        return not self.over.is_set()

    def begin(self, part: Part, report: Callable[[On], None]) -> None:
        self.done.append(f"play {part}")
        self.report = report

    async def stop(self) -> None:
        self.done.append("stop prompt")

    async def say(self, prompt: Prompt) -> None:
        self.done.append(f"say {prompt.name}")

    async def record(self, callee: str, agent: str) -> bool:
        if self.breaks:
            raise RemoteError("gone")
        self.done.append("MixMonitor")
        return True

    async def connect(self) -> None:
        self.done.append("connect")
        self.over.set()

    async def dismiss(self, tell_agent: str) -> None:
        self.done.append(f"dismiss {tell_agent}")
        self.over.set()


class WatchedQueue(asyncio.Queue[Signal]):
    """A pilot's queue that knows whether its pilot waits for what comes next, and so is done with what came before."""

    waiting = False

    async def get(self) -> Signal:
        self.waiting = True
        try:
            return await super().get()
        finally:
            self.waiting = False


class Flight:
    """A pilot with its stand-ins; `done` is everything that was done, in order."""

    def __init__(self, folder: Path, *refuses: str, decision: Decision = DECISION) -> None:
        self.done: list[str] = []
        self.office = FakeOffice(self.done, set(refuses))
        self.live = Live(lambda: NOW)
        self.pbx = FakePbx(self.done)
        self.recordings = Recordings(folder / "spool", folder / "sealed")
        (folder / "spool").mkdir(mode=0o700, parents=True, exist_ok=True)
        tools = Tools(
            office=self.office,
            catalogue=lambda: cast(Catalogue, FakeCatalogue()),
            recordings=self.recordings,
            pbx=self.pbx,
            live=self.live,
            later=self.office,
            clock=lambda: NOW,
        )
        self.pilot = Pilot(decision, "1.1", "alice", tools)
        self.queue = self.pilot._queue = WatchedQueue()
        self.interview = FakeInterview(self.done)

    def answer(self) -> None:
        """The callee's phone rings and is answered."""
        self.pilot.ringing("1.2", "PJSIP/carrier-1")
        self.pilot.interview = cast(Interview, self.interview)
        self.pilot.callee, self.pilot.callee_channel = "1.2", self.interview.channel
        self.pilot.signal(On.ANSWERED)


def message(event: str, **headers: str | tuple[str, ...]) -> Message:
    """An AMI event, with everything that Asterisk writes of a channel where it is of one."""
    values = {name.lower(): (value,) if isinstance(value, str) else value for name, value in headers.items()}
    order = max(ORDERS.get(event.lower(), ()), key=len, default=())
    fields = {name: values.pop(name, () if name.endswith("chanvariable") else ("",)) for name in order}
    whole = {name: _variables(value) if name.endswith("chanvariable") else value for name, value in fields.items()}
    return Message({"event": (event,), **whole, **values})


def _variables(given: tuple[str, ...]) -> tuple[str, ...]:
    known = {value.partition("=")[0]: value for value in ("CALLGATE_ID=", "CALLGATE_TOKEN=", *given)}
    return tuple(known.values())


WHOLE = Played(digit=None, endpos=8_000, finished=True, failed=False)


def pressed(key: str, ms: int) -> Played:
    """A prompt that a key stopped after so many milliseconds."""
    return Played(digit=key, endpos=ms * 8, finished=False, failed=False)


class FakeSession:
    """An AGI session: `plays` is how its prompts end (whole, once it is empty), `keys` what is pressed afterwards."""

    def __init__(
        self, script: str, *arguments: str, uniqueid: str = "1.1", channel: str = "PJSIP/brussels-1", now: float = 0
    ) -> None:
        self.request = Request(script, arguments, channel, uniqueid, "alice", "s", "callgate", "en", {})
        self.peer = "127.0.0.1"
        self.now = now
        self.plays: deque[Played | Exception] = deque()
        self.keys: deque[str | Exception] = deque()
        self.offsets: list[int] = []
        self.heard: list[str] = []
        self.variables: dict[str, str] = {}
        self.executed: list[tuple[str, ...]] = []
        self.deleted: list[str] = []
        self.breaks = False

    async def stream_file(self, path: str, escape: str = "", offset: int = 0, *, lasts_s: float = 15.0) -> Played:
        await asyncio.sleep(0)
        self.offsets.append(offset)
        self.heard.append(path)
        ended = self.plays.popleft() if self.plays else WHOLE
        if isinstance(ended, Exception):
            raise ended
        return ended

    async def wait_for_digit(self, ms: int) -> str | None:
        await asyncio.sleep(0)
        if not self.keys:
            self.now += ms / 1000
            return None
        key = self.keys.popleft()
        if isinstance(key, Exception):
            raise key
        return key

    async def set_variable(self, name: str, value: str) -> None:
        await asyncio.sleep(0)
        self.variables[name] = value

    async def execute(self, application: str, *args: str) -> int:
        self.executed.append((application, *args))
        return 0

    async def database_del(self, family: str, key: str) -> None:
        await asyncio.sleep(0)
        if self.breaks:
            raise RemoteError("gone")
        self.deleted.append(key)

    def monotonic(self) -> float:
        """The time that only `wait_for_digit` lets pass."""
        return self.now


def as_session(session: FakeSession) -> Session:
    return cast(Session, session)


class FakeLink:
    """AMI: `acts` is what was done, `kept` what DBGetTree answers, `status` what Status does.

    Each channel has one MixMonitor, whose file is `wrote`; it can be stopped once.
    """

    def __init__(self) -> None:
        self.up = True
        self.acts: list[tuple[str, str]] = []
        self.kept: list[Message] | Exception = []
        self.status: list[Message] = []
        self.bridges: list[Message] = []
        self.wrote = ""

    async def act(self, action: str, fields: Mapping[str, str]) -> Message:
        await asyncio.sleep(0)
        if action == "Getvar":
            return Message({"value": (self.wrote,)})
        if action == "StopMixMonitor" and (action, fields["Channel"]) in self.acts:
            raise ActionRefused(action, "Could not stop monitoring channel")
        self.acts.append((action, fields["Channel"]))
        return Message({})

    async def collect(self, action: str, fields: Mapping[str, str]) -> list[Message]:
        if action == "Status":
            return self.status
        if action == "BridgeList":
            return self.bridges
        if isinstance(self.kept, Exception):
            raise self.kept
        return self.kept


TOKEN_KEY = b"k" * 32


class Desk:
    """A node beside a PBX that is not there: the office, AMI and the AGI sessions are stand-ins, all else is real."""

    def __init__(self, folder: Path, *refuses: str) -> None:
        self.done: list[str] = []
        self.now = NOW
        self.office = FakeOffice(self.done, set(refuses))
        self.live = Live(lambda: NOW)
        self.link = FakeLink()
        self.exchange = Exchange(self.office, self.live, self.office)
        self.exchange.link = cast(Link, self.link)
        self.recordings = Recordings(folder / "spool", folder / "sealed")
        (folder / "spool").mkdir(mode=0o700, parents=True)
        tools = Tools(
            office=self.office,
            catalogue=lambda: cast(Catalogue, FakeCatalogue()),
            recordings=self.recordings,
            pbx=self.exchange,
            live=self.live,
            later=self.office,
            clock=lambda: self.now,
        )
        self.channels = Channels()
        self.fleet = Fleet(tools)
        emergency = {"112": "112", "0112": "112"}
        guard = Guard(
            trunks=["PJSIP/carrier"],
            emergency=emergency,
            key=TOKEN_KEY,
            known=self.fleet.allowed,
            clock=lambda: self.now,
        )
        self.bridges = Bridges(self.channels)
        self.company = Company(self.channels, self.bridges, self.fleet)
        self.guarded = folder / "monitor"
        self.on_pause: Callable[[], object] = lambda: None
        self.guarded.mkdir()
        self.recorders = Recorders(
            channels=self.channels,
            fleet=self.fleet,
            company=self.company,
            exchange=self.exchange,
            strays=Strays([self.guarded], self.exchange, lambda: self.now, self.pause),
        )
        self.watch = Watch(
            channels=self.channels,
            bridges=self.bridges,
            fleet=self.fleet,
            company=self.company,
            recorders=self.recorders,
            guard=guard,
            exchange=self.exchange,
            live=self.live,
        )
        self.recovery = Recovery(
            "pbx", tools=tools, channels=self.channels, fleet=self.fleet, watch=self.watch, exchange=self.exchange
        )
        self.recovery.settled = True
        self.reception = Reception(
            "pbx",
            emergency,
            TOKEN_KEY,
            tools=tools,
            fleet=self.fleet,
            channels=self.channels,
            exchange=self.exchange,
            recovery=self.recovery,
            opens=self.opens,
        )

    async def opens(self) -> None:
        """It is open, or it is not."""

    async def pause(self, _: float) -> None:
        """Time passes; `on_pause` is what happens meanwhile."""
        self.on_pause()
        await asyncio.sleep(0)

    async def ask(self, session: FakeSession) -> FakeSession:
        """Let a FastAGI session be served to its end."""
        async with asyncio.timeout(5):
            await self.reception.handlers[session.request.script](as_session(session))
        return session

    async def gate(self, dialled: str = "0033199001234") -> list[str]:
        """The agent dials; the fields of the answer."""
        await self.watch.on_event(message("Newchannel", uniqueid="1.1", channel="PJSIP/brussels-1"))
        session = await self.ask(FakeSession("gate", dialled, "spring", "brussels"))
        return session.variables["CALLGATE_ANSWER"].split("|")

    async def ring(self, token: str, digits: str = "33199001234", leg: str = "1.2") -> None:
        """A leg on the trunk begins to ring."""
        await self.watch.on_event(
            message(
                "DialBegin",
                uniqueid="1.1",
                channel="PJSIP/brussels-1",
                destuniqueid=leg,
                destchannel=f"PJSIP/carrier-{leg}",
                dialstring=f"{digits}@carrier",
                destchanvariable=("CALLGATE_ID=c1", f"CALLGATE_TOKEN={token}"),
            )
        )

    async def hang_up(self, uniqueid: str) -> None:
        """AMI tells that a channel is gone."""
        await self.watch.on_event(message("Hangup", uniqueid=uniqueid))

    async def quiet(self) -> None:
        """Let everything that is under way come to its end."""
        await until(lambda: not self.exchange._jobs and all(pilot._queue.empty() for pilot in self.fleet.all()))

    def alarms(self) -> list[object]:
        """The alarms on the live page."""
        return [happening.facts["alarm"] for happening in self.live.after(0) if happening.what == "alarm"]

    async def stop(self) -> None:
        """End the pilots and what is under way."""
        await self.fleet.stop(grace_s=0)
        await self.exchange.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Let everything run until `holds`."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in turns of the loop
            await asyncio.sleep(0)
