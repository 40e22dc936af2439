"""A call as the person at the phone has it: to speak, to press keys, to listen.

All times are the event loop's clock; all audio is 8 kHz 16-bit samples. A wait takes `within` in seconds and raises
TimeoutError after it, CallEnded when the call ends first. `since` makes a wait look at what came after that moment too;
without it, it begins to listen now.
"""

import asyncio
from collections.abc import Callable

import numpy as np

from lab import audio
from lab.audio import Samples
from lab.sip.facts import CallEnded, Refused
from lab.sip.media import BEAT, KEY_PAUSE, MediaError
from lab.sip.rtp import Digit
from lab.sip.session import Session

LIVE_TONE = 0.35
"""Seconds of a tone that `until_hears` wants: more than `audio.has_tone`, so that who asks afterwards finds it too."""

LOOK_BACK = 1.0
"""Seconds before what is new that a judge gets to see again, since a sound may lie across."""


class Call(Session):
    """One call of a `UserAgent`."""

    # Speaking.

    def play(self, samples: Samples) -> asyncio.Future[bool]:
        """Plays once; the future says whether it was played to its end."""
        return self.media.sender.play(samples)

    def tone(self, hz: int, level: float = -15.0) -> None:
        """Sends a tone of `level` dBFS from now on. One second of whole periods is repeated, and has no seam."""
        self.media.sender.background(audio.tone(hz, 1.0, level))

    def silence(self) -> None:
        """Sends silence from now on, as in the beginning."""
        self.media.sender.background(audio.silence(BEAT))

    async def press(self, key: str, ms: int = 160) -> float:
        """Presses a key (RFC 4733), and lets it go. Gives the moment it began."""
        if self.media.sender.event_type is None:
            raise MediaError("no telephone-event was agreed with the peer: use press_info or press_inband")
        began = await self.media.sender.press(key, ms)
        if began is None:
            raise self._over(f"the key {key} was sent")
        return began

    async def press_info(self, key: str, ms: int = 160) -> None:
        """Presses a key by SIP INFO. Raises Refused."""
        body = f"Signal={key}\r\nDuration={ms}\r\n".encode()
        response = await self.request("INFO", body=body, kind="application/dtmf-relay")
        if not 200 <= response.status < 300:
            raise Refused(f"the peer answered {response.status} {response.reason} to INFO")

    async def press_inband(self, key: str, ms: int = 160) -> None:
        """Presses a key as its two tones in the audio."""
        pause = audio.silence(KEY_PAUSE * BEAT)
        if not await self.play(np.concatenate((audio.dtmf(key, ms / 1000), pause))) and self.ended:
            raise self._over(f"the key {key} was sent")

    def _over(self, waiting_for: str) -> CallEnded:
        assert self.ended
        return CallEnded(self.ended, waiting_for)

    # Listening.

    def heard(self) -> Samples:
        """What came from answer to end (or now): sample n came n / 8000 s after the answer. Empty when not answered."""
        if self.answered_at is None:
            return audio.silence(0)
        return self.heard_between(self.answered_at, self._until_when())

    def heard_early(self) -> Samples:
        """What came before the answer, from its first packet on."""
        first = self.media.receiver.first()
        end = self._until_when() if self.answered_at is None else self.answered_at
        return audio.silence(0) if first is None else self.heard_between(first, end)

    def heard_between(self, start: float, end: float) -> Samples:
        """What came between two moments."""
        return self.media.receiver.heard(start, end)

    @property
    def received_digits(self) -> list[Digit]:
        """The keys that came by RFC 4733."""
        return self.media.receiver.digits()

    async def until_digits(self, keys: str, within: float) -> None:
        """Waits until these keys have come, one after the other, anywhere in the call."""
        await self.until(lambda: keys in "".join(digit.key for digit in self.received_digits), within, f"keys {keys}")

    async def until_hears(
        self, what: float | Callable[[Samples], bool], within: float, *, since: float | None = None
    ) -> None:
        """Waits for a tone of `what` Hz, or for audio that `what` says yes to; it sees the last second at least."""
        if callable(what):
            await self._listen(what, within, "what it listens for", since)
        else:
            hz = what
            await self._listen(
                lambda samples: audio.has_tone(samples, hz, LIVE_TONE), within, f"tone of {hz} Hz", since
            )

    async def until_speech(self, within: float, *, since: float | None = None) -> None:
        """Waits until somebody speaks."""
        await self._listen(lambda samples: bool(audio.speech_spans(samples)), within, "speech", since)

    async def until_silence(self, seconds: float, within: float) -> None:
        """Waits until nothing louder than `audio.FLOOR` has come for so long; what came before this wait counts too."""
        waiting_since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(within):
                # It cannot have been silent for long enough before `left` has passed, whatever comes meanwhile.
                while (left := self._sound_ended(seconds, waiting_since) + seconds - self._now()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(left)
        except TimeoutError:
            raise TimeoutError(f"no silence of {seconds} s within {within} s; {self._so_far()}") from None
        if self.ended:
            raise self._over("it was silent")

    def _sound_ended(self, seconds: float, waiting_since: float) -> float:
        """When the last sound in the last `seconds` ended; without one, when these or our listening began."""
        now = self._now()
        listening_since = min(waiting_since, self.media.receiver.first() or waiting_since)
        begin = max(now - seconds, listening_since)
        return begin + audio.sound_ends(self.heard_between(begin, now))

    async def _listen(self, judge: Callable[[Samples], bool], within: float, what: str, since: float | None) -> None:
        begin = looked = self._now() if since is None else since

        def noticed() -> bool:
            nonlocal looked
            start, looked = max(begin, looked - LOOK_BACK), self._now()
            return judge(self.heard_between(start, looked))

        await self.until(noticed, within, what)

    def _until_when(self) -> float:
        return self.ended.at if self.ended else self._now()
