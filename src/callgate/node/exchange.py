"""What callgate does to Asterisk over AMI, and how it says that something is wrong.

Nothing here raises: an action that fails is an alarm, and what depends on it has its answer in the dialplan.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from callgate.boundary import NotCommitted, Office
from callgate.core.events import Json, Kind
from callgate.core.faults import place_of
from callgate.live import Live
from callgate.pbx.ami import ActionRefused, Link, Message
from callgate.pbx.ami import RemoteError as AmiError
from callgate.pbx.ami.errors import NotConnected
from callgate.pilot import Later

T = TypeVar("T")

log = structlog.stdlib.get_logger()

RECORDERS = 8
"""More recorders than this on one channel are somebody starting them as fast as they are stopped."""

UNTIL_ACTIONS_S = (0.1, 0.2, 0.4, 0.8)
"""What is waited for the session of actions where that of events is back before it."""


class Exchange:
    """One PBX, to act on. `link` is attached once it exists: it has the node as its listener."""

    def __init__(self, office: Office, live: Live, later: Later) -> None:
        self._office = office
        self._live = live
        self._later = later
        self._jobs: set[asyncio.Task[None]] = set()
        self.link: Link | None = None

    @property
    def up(self) -> bool:
        """Whether callgate sees the PBX and can act on it."""
        return self.link is not None and self.link.up

    async def hang_up(self, channel: str) -> None:
        """Hang a channel up, as a call that is rejected (Q.850 cause 21)."""
        await self.act("Hangup", {"Channel": channel, "Cause": "21"})

    async def stop_latest_recorder(self, channel: str) -> None:
        """Stop the MixMonitor of a channel that began last."""
        await self.act("StopMixMonitor", {"Channel": channel})

    async def stop_recording(self, channel: str) -> None:
        """Stop every MixMonitor of a channel: Asterisk stops the latest, and refuses when there is none."""
        for _ in range(RECORDERS):
            if not await self.act("StopMixMonitor", {"Channel": channel}):
                return
        self.alarm("recorders-without-end", endpoint=channel.rpartition("-")[0])

    async def pause_recording(self, channel: str, *, paused: bool) -> bool:
        """Have every MixMonitor of a channel write silence, or what is said again; whether Asterisk did."""
        state = "1" if paused else "0"
        return await self.act("MixMonitorMute", {"Channel": channel, "Direction": "both", "State": state})

    async def variable(self, channel: str, name: str) -> str:
        """The value of a channel's variable, empty where it cannot be had."""
        try:
            if self.link is not None:
                return (await self.link.act("Getvar", {"Channel": channel, "Variable": name})).get("Value")
        except AmiError as error:
            log.info("ami-not-answered", action="Getvar", error=type(error).__name__)
        return ""

    async def ask(self, action: str, fields: Mapping[str, str]) -> list[Message]:
        """What a list action answers, nothing where it cannot be had."""
        link = self.link
        try:
            return await _patiently(lambda: link.collect(action, fields)) if link is not None else []
        except AmiError as error:
            log.info("ami-not-answered", action=action, error=type(error).__name__)
            return []

    async def press(self, channel: str, key: str) -> None:
        """Queue a key on a channel as if its far end had pressed it."""
        await self.act("PlayDTMF", {"Channel": channel, "Digit": key, "Receive": "true"})

    async def act(self, action: str, fields: Mapping[str, str]) -> bool:
        """Do one thing; whether it was done. A refusal means that there was nothing left to do it to."""
        link = self.link
        try:
            if link is None:
                raise AmiError("no link")  # noqa: TRY301 - the one place that handles it
            await _patiently(lambda: link.act(action, fields))
        except ActionRefused as error:
            log.info("ami-refused", action=action, reason=error.reason)
        except AmiError as error:
            self.alarm("ami-action-failed", action=action, error=type(error).__name__)
        else:
            return True
        return False

    def alarm(self, alarm: str, **facts: Json) -> None:
        """Something that a person must look at: in the log, on the live page and in the ledger. No numbers."""
        log.error("alarm", alarm=alarm, **facts)
        self._live.tell("alarm", alarm=alarm, **facts)
        self.background(self.note(Kind.ALARM, {"alarm": alarm, **facts}))

    async def note(self, kind: Kind, facts: dict[str, Json]) -> None:
        """Enter a fact that belongs to no call; one that the office cannot take now is kept for later."""
        try:
            await self._office.record(kind, None, facts)
        except NotCommitted:
            self._later.keep("record", {"kind": kind, "call": None, "facts": facts})

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something without holding up the events that follow."""
        task = asyncio.create_task(work)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background-failed", error=type(error).__name__, place=place_of(error))

    async def stop(self) -> None:
        """End what is under way."""
        for task in self._jobs:
            task.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)


async def _patiently(send: Callable[[], Awaitable[T]]) -> T:
    """Of the two sessions that of events may be back first: what was never sent may be sent a moment later."""
    for pause in UNTIL_ACTIONS_S:
        try:
            return await send()
        except NotConnected:
            await asyncio.sleep(pause)
    return await send()
