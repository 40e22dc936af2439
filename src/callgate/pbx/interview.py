"""What is said to a callee between answer and bridge, and which keys they pressed meanwhile.

One AGI session on the callee's channel. The dialplan put an absolute timeout on the channel, so that a callgate which
hangs cannot hold a callee; each prompt extends it by its own length.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog

from callgate.boundary import Heard, Played
from callgate.core import consent
from callgate.core.call import On
from callgate.core.consent import Answer, Manner, Part
from callgate.core.dialplan import Variable, connect
from callgate.core.faults import place_of
from callgate.pbx.agi import ChannelGone, PeerGone, RemoteError, Session
from callgate.prompts.catalogue import Notice, Prompt

log = structlog.stdlib.get_logger()

SAMPLES_PER_MS = 8
"""Prompts are 8 kHz."""

SLACK_S = 2
"""What the channel's timeout has over the length of a prompt."""

_ANSWERS = {
    Answer.AGREED: On.AGREED,
    Answer.REFUSED: On.REFUSED,
    Answer.OBJECTED: On.OBJECTED,
    Answer.SWITCHED: On.SWITCHED,
}
_BOUNDED = (Answer.REPEATED, Answer.SWITCHED)


@dataclass(frozen=True, slots=True)
class Speech:
    """What can be said to a callee, and how they are asked.

    `notice` is by language, and `language` the one to begin with; `offers` says by key, each in its own language, which
    key changes to it. They are for the keys of `manner.languages`.
    """

    notice: Callable[[str], Notice]
    language: str
    manner: Manner
    offers: Mapping[str, Prompt]


class Interview:
    """The notice and the question on one callee's channel."""

    def __init__(
        self,
        session: Session,
        speech: Speech,
        wake: Callable[[str], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._speech = speech
        self._wake = wake
        self._clock = clock
        self._leaving = False
        self._took: Counter[Answer] = Counter()
        self._task: asyncio.Task[None] | None = None
        self.language = speech.language
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
            except Exception as error:
                # Whatever it was, the notice was not heard: the callee is dropped, and nobody waits for an answer.
                log.warning("not-heard", part=part, error=type(error).__name__, place=place_of(error))
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
        notice = self._speech.notice(self.language)
        for prompt in (notice.identification, *(self._speech.offers[key] for key in self._others())):
            answer = await self._play(prompt, Part.IDENTIFICATION)
            if answer is not Answer.NOTHING:
                return _ANSWERS[answer]
        return On.IDENTIFIED

    async def _ask(self) -> On:
        question = self._speech.notice(self.language).question
        if question is None:
            return On.UNASKED
        left = self._speech.manner.times
        while left:
            answer = await self._play(question, Part.QUESTION)
            if answer is Answer.NOTHING:
                answer = await self._await_answer(question)
            if answer in _ANSWERS:
                return _ANSWERS[answer]
            if answer is Answer.NOTHING:
                left -= 1
        return On.SILENT

    def _others(self) -> dict[str, str]:
        """The other languages that can be had, by key."""
        return {key: code for key, code in self._speech.manner.languages.items() if code != self.language}

    async def _play(self, prompt: Prompt, part: Part) -> Answer:
        """Play a part to its end, or to a key that means something. Raises `RemoteError` where it was not played."""
        position = 0
        while not self._leaving:
            await self._extend(prompt.seconds)
            played = await self._session.stream_file(
                prompt.path, consent.listened_keys(part, self._others()), position, lasts_s=prompt.seconds
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
            answer = await self._take(played.digit or "", part, milliseconds)
            if answer is not Answer.NOTHING:
                self._note(prompt, milliseconds, whole=False)
            if answer is Answer.REPEATED:
                position = 0
            elif answer is not Answer.NOTHING:
                self._press(played.digit or "")
                return answer
        raise RemoteError("the notice was stopped")

    async def _await_answer(self, question: Prompt) -> Answer:
        patience = self._speech.manner.answer_s
        deadline = monotonic() + patience
        await self._extend(patience)
        while not self._leaving and (left := deadline - monotonic()) > 0:
            key = await self._session.wait_for_digit(round(left * 1000))
            answer = await self._take(key or "", Part.QUESTION, question.seconds * 1000)
            if answer is not Answer.NOTHING:
                self._press(key or "")
                return answer
        return Answer.NOTHING

    async def _take(self, key: str, part: Part, milliseconds: float) -> Answer:
        """What a key means, with the language changed to the one that it asks for."""
        others = self._others()
        answer = consent.read(key, part, round(milliseconds), others)
        if answer in _BOUNDED:
            self._took[answer] += 1
            if self._took[answer] > consent.REPEATS:
                return Answer.NOTHING
        if answer is Answer.SWITCHED:
            self.language = others[key]
            # What the dialplan says to the callee in mid-call is said in it too.
            await self._session.set_variable(Variable.CALLEE_LANGUAGE, self.language)
        return answer

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
        is no third, mixed one. Asterisk puts silence where one side has none, so the two stay in step. The channel
        keeps the recorder's id, by which it alone is stopped.
        """
        options = f"r({callee})t({agent})i({Variable.RECORDER})"
        return await self._session.execute("MixMonitor", "", options) == 0

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
