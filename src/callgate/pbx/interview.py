"""What is said to a callee between answer and bridge, and which keys they pressed meanwhile.

One AGI session on the callee's channel. The dialplan put an absolute timeout on the channel, so that a callgate which
hangs cannot hold a callee; each prompt extends it by its own length.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic

from callgate.boundary import Heard, Played
from callgate.core import consent
from callgate.core.call import On
from callgate.core.consent import Answer, Part
from callgate.core.dialplan import Variable, connect
from callgate.pbx.agi import ChannelGone, PeerGone, RemoteError, Session
from callgate.prompts.catalogue import Notice, Prompt

SAMPLES_PER_MS = 8
"""Prompts are 8 kHz."""

ANSWER_MS = 4_000
"""How long a callee has for an answer after the question has ended."""

SLACK_S = 2
"""What the channel's timeout has over the length of a prompt."""

_ANSWERS = {Answer.AGREED: On.AGREED, Answer.REFUSED: On.REFUSED, Answer.OBJECTED: On.OBJECTED}


class Interview:
    """The notice and the question on one callee's channel."""

    def __init__(
        self,
        session: Session,
        notice: Notice,
        wake: Callable[[str], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._notice = notice
        self._wake = wake
        self._clock = clock
        self._leaving = False
        self._task: asyncio.Task[None] | None = None
        self.played: list[Played] = []
        self.heard: Heard | None = None
        self.over = asyncio.Event()

    @property
    def channel(self) -> str:
        """The callee's channel."""
        return self._session.request.channel

    @property
    def is_open(self) -> bool:
        """Whether the dialplan still waits for our word."""
        return not self.over.is_set()

    def begin(self, part: Part, report: Callable[[On], None]) -> None:
        """Play one part and report what came of it, without holding up what else happens to the call."""
        work = self._identify if part is Part.IDENTIFICATION else self._ask

        async def run() -> None:
            try:
                on = await work()
            except (ChannelGone, PeerGone):
                on = On.ENDED  # with AGIEXITONHANGUP, Asterisk closes the connection when the callee hangs up
            except RemoteError:
                on = On.FAILED
            report(on)

        self._task = asyncio.create_task(run())

    async def stop(self) -> None:
        """Stop what plays: the channel is woken by a key that no telephone has, queued on it over AMI."""
        self._leaving = True
        if self._task is not None and not self._task.done():
            await self._wake(consent.WAKE)
            await asyncio.wait({self._task}, timeout=1)

    async def _identify(self) -> On:
        answer = await self._play(self._notice.identification, Part.IDENTIFICATION)
        return On.IDENTIFIED if answer is Answer.NOTHING else _ANSWERS[answer]

    async def _ask(self) -> On:
        question = self._notice.question
        if question is None:
            return On.UNASKED
        answer = await self._play(question, Part.QUESTION)
        if answer is Answer.NOTHING:
            answer = await self._await_answer(question)
        return _ANSWERS.get(answer, On.SILENT)

    async def _play(self, prompt: Prompt, part: Part) -> Answer:
        """Play a part to its end, or to a key that means something. Raises `RemoteError` where it was not played."""
        position = 0
        while not self._leaving:
            await self._extend(prompt.seconds)
            played = await self._session.stream_file(
                prompt.path, consent.listened_keys(part), position, lasts_s=prompt.seconds
            )
            if played.failed:
                # A hang-up reads as a failure too; on a channel that is gone, the next command says so.
                await self._extend(SLACK_S)
                raise RemoteError(f"the prompt {prompt.name} was not played")
            if played.finished:
                self._note(prompt, prompt.seconds * 1000, whole=True)
                return Answer.NOTHING
            position = played.endpos
            milliseconds = position / SAMPLES_PER_MS
            answer = consent.read(played.digit or "", part, round(milliseconds))
            if answer is not Answer.NOTHING:
                self._note(prompt, milliseconds, whole=False)
                self._press(played.digit or "")
                return answer
        raise RemoteError("the notice was stopped")

    async def _await_answer(self, question: Prompt) -> Answer:
        deadline = monotonic() + ANSWER_MS / 1000
        await self._extend(ANSWER_MS / 1000)
        while not self._leaving and (left := deadline - monotonic()) > 0:
            key = await self._session.wait_for_digit(round(left * 1000))
            answer = consent.read(key or "", Part.QUESTION, round(question.seconds * 1000))
            if answer is not Answer.NOTHING:
                self._press(key or "")
                return answer
        return Answer.NOTHING

    def _note(self, prompt: Prompt, milliseconds: float, *, whole: bool) -> None:
        self.played.append(Played(prompt.name, prompt.language, prompt.sha256, prompt.text, round(milliseconds), whole))

    def _press(self, key: str) -> None:
        self.heard = Heard(tuple(self.played), key, self._clock(), monotonic(), self.channel)

    async def say(self, prompt: Prompt) -> None:
        """Play a prompt that asks nothing."""
        await self._extend(prompt.seconds)
        await self._session.stream_file(prompt.path, lasts_s=prompt.seconds)

    async def record(self, callee: str, agent: str) -> bool:
        """Start MixMonitor on the callee's channel; whether it said that it started.

        What the channel says goes into one file (`r`, receive) and what it is sent into another (`t`, transmit); there
        is no third, mixed one. Asterisk puts silence where one side has none, so the two stay in step.
        """
        return await self._session.execute("MixMonitor", "", f"r({callee})t({agent})") == 0

    async def connect(self) -> None:
        """Let the dialplan bridge the two."""
        await self._session.set_variable(Variable.HEARD, connect(self._session.request.uniqueid))
        self.over.set()

    async def dismiss(self, tell_agent: str) -> None:
        """Hang the callee up; the agent hears the prompt `tell_agent`."""
        try:
            await self._session.set_variable(Variable.TELL, tell_agent)
        finally:
            self.over.set()

    async def _extend(self, seconds: float) -> None:
        await self._session.set_variable("TIMEOUT(absolute)", f"{seconds + SLACK_S:.1f}")
