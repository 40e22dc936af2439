"""Stand-ins for what a pilot reaches: an office, a PBX and an interview that note what is asked of them, in order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from callgate.boundary import Decision, Heard, LateBlock, NotCommitted, OpenCall
from callgate.core.call import On
from callgate.core.consent import Part
from callgate.core.events import Json, Kind
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason
from callgate.live import Live
from callgate.pbx.interview import Interview
from callgate.pbx.recordings import Recordings
from callgate.pilot import Pilot, Tools
from callgate.prompts.catalogue import Catalogue, Prompt

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


class FakeOffice:
    """Commits everything, but for what is in `refuses`."""

    def __init__(self, done: list[str], refuses: set[str]) -> None:
        self.done = done
        self.refuses = refuses
        self.owed: list[tuple[str, Mapping[str, Json]]] = []

    def _do(self, what: str) -> None:
        if what in self.refuses:
            raise NotCommitted(what)
        self.done.append(what)

    async def decide(self, request: CallRequest) -> Decision:
        self._do("decide")
        return DECISION

    async def answered(self, call: str) -> Reason:
        self._do("answered")
        return Reason.OBJECTION if "clear" in self.refuses else Reason.CLEAR

    async def consent(self, call: str, heard: Heard) -> None:
        self._do("consent")

    async def withdraw(self, call: str, by: str) -> None:
        self._do("withdraw")

    async def object(self, call: str, by: str) -> None:
        self._do("object")

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        self._do(str(kind))

    async def close(self, call: str, facts: dict[str, Json]) -> None:
        self._do("close")

    async def late(self, blocks: Sequence[LateBlock]) -> None:
        for block in blocks:
            self._do(f"late {block.key}")

    async def open_calls(self, pbx: str) -> Sequence[OpenCall]:
        return []

    def keep(self, operation: str, facts: Mapping[str, Json]) -> None:
        self.owed.append((operation, facts))


class FakePbx:
    """Notes what is done to Asterisk."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    async def hang_up(self, channel: str) -> None:
        self.done.append("ami hang up")

    async def stop_recording(self, channel: str) -> None:
        self.done.append("ami stop recording")


class FakeCatalogue:
    """Every prompt there is, by its name."""

    def prompt(self, name: str, language: str) -> Prompt:
        return Prompt(name=name, language=language, text="", path=f"/{language}/{name}", seconds=1.0, sha256="0" * 64)


class FakeInterview:
    """A callee's channel; parts are ended by the test, with `report`."""

    def __init__(self, done: list[str]) -> None:
        import asyncio  # noqa: PLC0415 - the event wants the running loop

        self.done = done
        self.over = asyncio.Event()
        self.channel = "PJSIP/carrier-1"
        self.heard: Heard | None = HEARD
        self.played: list[object] = []
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

    async def record(self, path: str) -> bool:
        self.done.append("MixMonitor")
        return True

    async def connect(self) -> None:
        self.done.append("connect")
        self.over.set()

    async def dismiss(self, tell_agent: str) -> None:
        self.done.append(f"dismiss {tell_agent}")
        self.over.set()


class Flight:
    """A pilot with its stand-ins; `done` is everything that was done, in order."""

    def __init__(self, folder: Path, *refuses: str) -> None:
        self.done: list[str] = []
        self.office = FakeOffice(self.done, set(refuses))
        self.live = Live(lambda: NOW)
        self.recordings = Recordings(folder / "spool", folder / "sealed")
        (folder / "spool").mkdir(parents=True, exist_ok=True)
        tools = Tools(
            office=self.office,
            catalogue=lambda: cast(Catalogue, FakeCatalogue()),
            recordings=self.recordings,
            pbx=FakePbx(self.done),
            live=self.live,
            later=self.office,
            clock=lambda: NOW,
        )
        self.pilot = Pilot(DECISION, "1.1", "alice", tools)
        self.interview = FakeInterview(self.done)

    def answer(self) -> None:
        """The callee's phone rings and is answered."""
        self.pilot.ringing("1.2", "PJSIP/carrier-1")
        self.pilot.interview = cast(Interview, self.interview)
        self.pilot.callee, self.pilot.callee_channel = "1.2", self.interview.channel
        self.pilot.signal(On.ANSWERED)
