"""The audio of one call: a socket, what it sends, and what reached it.

Theory of operation. One `Metronome` per phone beats every 20 ms by the loop's clock, late beats being made up for, so
that no call drifts. At each beat every `Sender` sends one packet: the next of a key's events, else of what is being
played, else of the tone or silence behind it. All of that was encoded beforehand: a beat only cuts bytes. A `Receiver`
keeps what comes as bytes and decodes on demand; while somebody waits for a sound, arrivals are gathered for a moment
before he is told, so that the decoding is done some twenty times a second and not for each packet.
"""

import asyncio
import itertools
import secrets
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from lab.audio import RATE, Codec, Samples, encode, silence
from lab.sip import rtp, sdp
from lab.sip.rtp import PACKET, Arrival, Digit
from lab.sip.sdp import Description, Direction
from lab.sip.udp import Address, Udp

BEAT = PACKET / RATE
GATHER = 0.05
"""Seconds that arrivals are gathered before a waiter looks at them."""

KEY_PAUSE = 4
"""Beats of audio after a key: 80 ms, for an exchange needs 45 ms to tell two apart (AST_MIN_DTMF_GAP, channel.c)."""


_SEQUENCES = itertools.count(secrets.randbits(16), 4096)
"""Where the next stream's sequence begins: 80 s ahead of the one before. Debian's Asterisk leaves out of a recording
who is heard after somebody whose packets had higher numbers (docs/recordings.md); here nobody is."""


class MediaError(RuntimeError):
    """Something was asked of a call's audio that was not agreed with the peer."""


class Metronome:
    """Calls each of its members every 20 ms."""

    def __init__(self) -> None:
        self._members: list[Callable[[], None]] = []
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Callable[[], None]) -> None:
        self._members.append(member)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next = loop.time() + BEAT
            self._timer = loop.call_at(self._next, self._beat)

    def remove(self, member: Callable[[], None]) -> None:
        if member in self._members:
            self._members.remove(member)
        if not self._members and self._timer:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next <= loop.time():
            for member in self._members:
                member()
            self._next += BEAT
        self._timer = loop.call_at(self._next, self._beat)


class _Sound:
    """Samples that leave packet by packet, encoded when the codec is known; `done` is set after the last."""

    def __init__(self, samples: Samples, *, endless: bool = False) -> None:
        padding = -len(samples) % PACKET
        self._samples = np.pad(samples, (0, padding))
        self._encoded: dict[Codec, bytes] = {}
        self._place = 0
        self._endless = endless
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def next(self, codec: Codec) -> bytes:
        if codec not in self._encoded:
            self._encoded[codec] = encode(self._samples, codec)
        payload = self._encoded[codec][self._place : self._place + PACKET]
        self._place += PACKET
        if self._place >= len(self._samples):
            self._place = 0
            if not self._endless:
                self.end(played=True)
        return payload

    def end(self, *, played: bool) -> None:
        if not self.done.done():
            self.done.set_result(played)


@dataclass(slots=True)
class _Key:
    """A key on its way: for how many beats it is down, how many have gone, when it began, and whether it was sent."""

    name: str
    beats: int
    done: asyncio.Future[bool]
    gone: int = 0
    began: float = 0.0


class Sender:
    """One RTP stream: one source, one sequence, one clock for audio and keys (RFC 4733 section 2.2)."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.codec = Codec.PCMU
        self.event_type: int | None = None
        self.sending = False
        self._send = send
        self._sequence, self._timestamp = next(_SEQUENCES) & 0xFFFF, secrets.randbits(31)
        self._ssrc = secrets.randbits(32)
        self._marker = True
        self._background = _Sound(silence(BEAT), endless=True)
        self._sound: _Sound | None = None
        self._keys: deque[_Key] = deque()

    def background(self, samples: Samples) -> None:
        """What is sent, over and over, when nothing else is."""
        self._background = _Sound(samples, endless=True)
        self.stop_playing()

    def play(self, samples: Samples) -> asyncio.Future[bool]:
        """Plays over the background, in place of what was playing; the future says whether it came to its end."""
        self.stop_playing()
        self._sound = _Sound(samples)
        return self._sound.done

    def stop_playing(self) -> None:
        if self._sound:
            self._sound.end(played=False)
            self._sound = None

    async def press(self, key: str, ms: int) -> float | None:
        """Sends a key after those before it, and a pause; gives the time it began, None if it was cut short."""
        pressed = _Key(key, max(1, round(ms / 1000 / BEAT)), asyncio.get_running_loop().create_future())
        self._keys.append(pressed)
        return pressed.began if await pressed.done else None

    def beat(self) -> None:
        """20 ms have passed."""
        if self.sending:
            key = self._keys[0] if self._keys else None
            if key and key.gone < key.beats and self.event_type is not None:
                self._key_down(key, self.event_type)
            else:
                self._audio()
            if key:
                self._key_passes(key)
        else:
            self._marker = True  # what comes after a gap begins a talk spurt (RFC 3551 section 4.1)
        self._timestamp = (self._timestamp + PACKET) & 0xFFFFFFFF

    def _audio(self) -> None:
        sound = self._sound or self._background
        self._packet(self.codec, self._timestamp, sound.next(self.codec))
        if self._sound and self._sound.done.done():
            self._sound = None

    def _key_down(self, key: _Key, kind: int) -> None:
        """Every packet of a key carries the time it began; the last one goes three times (RFC 4733 section 2.5.1.4)."""
        if key.gone == 0:
            self._marker = True
            key.began = asyncio.get_running_loop().time()
        began = (self._timestamp - key.gone * PACKET) & 0xFFFFFFFF
        last = key.gone + 1 == key.beats
        payload = rtp.event(key.name, (key.gone + 1) * PACKET, end=last)
        for _ in range(3 if last else 1):
            self._packet(kind, began, payload)

    def _key_passes(self, key: _Key) -> None:
        key.gone += 1
        if key.gone == key.beats + KEY_PAUSE:
            self._keys.popleft()
            if not key.done.done():  # cancelled, when nobody waits any more
                key.done.set_result(True)

    def _packet(self, kind: int, timestamp: int, payload: bytes) -> None:
        self._send(
            rtp.build(
                kind,
                marker=self._marker,
                sequence=self._sequence,
                timestamp=timestamp,
                ssrc=self._ssrc,
                payload=payload,
            )
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._marker = False

    def close(self) -> None:
        """Nothing more is sent; keys that were not are told so."""
        self.sending = False
        self.stop_playing()
        for key in self._keys:
            if not key.done.done():
                key.done.set_result(False)
        self._keys.clear()


class Receiver:
    """What reached the socket. `on_news` is called shortly after something did."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        self.arrivals: list[Arrival] = []
        self.ports: set[int] = set()
        self.event_types = {sdp.EVENT_TYPE}
        self._on_news = on_news
        self._timer: asyncio.TimerHandle | None = None

    def arrived(self, data: bytes, source: Address) -> None:
        loop = asyncio.get_running_loop()
        self.arrivals.append(Arrival(loop.time(), source, data))
        if self._timer is None:
            self._timer = loop.call_later(GATHER, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._on_news()

    def _between(self, start: float, end: float) -> list[Arrival]:
        """Only from the peer: a port may still get what was meant for the call that had it before.

        The peer is known by its port alone: an Asterisk whose RTP is bound to all addresses sends from 127.0.0.1,
        whatever address it has put into its description.
        """
        first, last = (bisect_left(self.arrivals, moment, key=attrgetter("at")) for moment in (start, end))
        return [arrival for arrival in self.arrivals[first:last] if arrival.source[1] in self.ports]

    def heard(self, start: float, end: float) -> Samples:
        """The audio between two moments of the loop's clock."""
        return rtp.timeline(self._between(start, end), start, end)

    def first(self) -> float | None:
        """When the first packet came from the peer."""
        return next((arrival.at for arrival in self.arrivals if arrival.source[1] in self.ports), None)

    def digits(self) -> list[Digit]:
        return rtp.digits(self._between(0, float("inf")), self.event_types)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()


class Media:
    """A call's audio stream, from the first offer to the end."""

    def __init__(
        self, host: str, metronome: Metronome, on_news: Callable[[], None], *, telephone_events: bool = True
    ) -> None:
        self._telephone_events = telephone_events
        self.receiver = Receiver(on_news)
        self._udp = Udp.even(host, self.receiver.arrived)
        self.sender = Sender(self._transmit)
        self._metronome = metronome
        self._remote: Address | None = None
        self.held = False
        self._session, self._version = secrets.randbits(31), 0
        metronome.add(self.sender.beat)

    def _transmit(self, packet: bytes) -> None:
        if self._remote:
            self._udp.send(packet, self._remote)

    def offer(self, direction: Direction = Direction.SENDRECV) -> bytes:
        """Our offer: both codecs, μ-law first, and keys."""
        host, port = self._udp.address
        return self._encoded(Description(host, port, tuple(Codec), self._keys(sdp.EVENT_TYPE), direction))

    def answer(self, offer: bytes, willing: Direction) -> bytes:
        """Our answer to the peer's offer, which holds from now on. Raises NotAcceptable."""
        theirs = sdp.parse(offer)
        theirs = replace(theirs, event_type=self._keys(theirs.event_type))
        host, port = self._udp.address
        ours = sdp.answer(theirs, host, port, willing=willing)
        self._agree(theirs, sending=ours.direction.sends)
        return self._encoded(ours)

    def accept(self, answer: bytes) -> None:
        """The peer's answer to our offer holds from now on. Raises NotAcceptable."""
        theirs = sdp.parse(answer)
        self._agree(theirs, sending=theirs.direction.receives)

    def _keys(self, event_type: int | None) -> int | None:
        return event_type if self._telephone_events else None

    def _agree(self, theirs: Description, *, sending: bool) -> None:
        self._remote = (theirs.host, theirs.port)
        self.receiver.ports.add(theirs.port)
        self.sender.codec = theirs.codec
        self.sender.event_type = theirs.event_type
        if theirs.event_type is not None:
            self.receiver.event_types.add(theirs.event_type)
        self.sender.sending = sending
        self.held = not theirs.direction.receives

    def _encoded(self, description: Description) -> bytes:
        self._version += 1
        return description.encode(self._session, self._version)

    def close(self) -> None:
        self._metronome.remove(self.sender.beat)
        self.sender.close()
        self.receiver.close()
        self._udp.close()
