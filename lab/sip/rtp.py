"""RTP packets, telephone-event packets, and what a row of received ones amounts to (RFC 3550, RFC 4733). Pure.

Theory of operation. A phone keeps every packet as it came, with its time of arrival; nothing is decoded until somebody
asks. `timeline` then lays the audio out on the wall clock. Packets arrive in clumps, so a packet's place is not its
arrival but its timestamp, counted from the first packet of its run; a run ends when source or payload clock jumps away
from the wall clock by more than `JUMP`. What did not arrive is silence.
"""

import struct
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from lab.audio import RATE, Codec, Samples, decode, silence
from lab.sip.udp import Address

PACKET: Final = 160
"""Samples in a packet: 20 ms."""

JUMP: Final = 0.1
"""Seconds that arrival and timestamp may disagree; more is a new beginning. Above a busy machine's delays."""

EVENTS: Final = "0123456789*#ABCD"
"""Keys by event code (RFC 4733 table 7)."""

_HEADER: Final = struct.Struct("!BBHII")
_EVENT: Final = struct.Struct("!BBH")
_END: Final = 0x80
_VOLUME: Final = 10
"""Of a key, in -dBm0."""


@dataclass(frozen=True, slots=True)
class Packet:
    kind: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def build(kind: int, *, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    return _HEADER.pack(0x80, kind | marker << 7, sequence, timestamp, ssrc) + payload


def parse(data: bytes) -> Packet | None:
    """One packet, without its extension and padding; None for what is not RTP version 2 (and so for RTCP)."""
    if len(data) < _HEADER.size:
        return None
    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start, end = _HEADER.size + 4 * (flags & 0x0F), len(data)
    if flags & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if flags & 0x20:
        end -= data[-1]
    # RTCP's types 192 to 223 look like these with a marker (RFC 5761 section 4).
    if flags >> 6 != 2 or 64 <= kind & 0x7F <= 95 or start > end:
        return None
    return Packet(kind & 0x7F, bool(kind & 0x80), sequence, timestamp, ssrc, data[start:end])


def event(key: str, duration: int, *, end: bool) -> bytes:
    """The payload that says that `key` has been down for `duration` samples."""
    return _EVENT.pack(EVENTS.index(key), (_END if end else 0) | _VOLUME, duration)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet as it came: when, in seconds of the loop's clock, and from where."""

    at: float
    source: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that the peer pressed: when its first packet arrived, and for how many milliseconds it was down."""

    key: str
    at: float
    ms: int


def digits(arrivals: Iterable[Arrival], event_types: Container[int]) -> list[Digit]:
    """The keys in telephone-events. All packets of one key carry the timestamp of its beginning."""
    found: dict[tuple[int, int], Digit] = {}
    for arrival in arrivals:
        packet = parse(arrival.data)
        if packet is None or packet.kind not in event_types or len(packet.payload) < _EVENT.size:
            continue
        code, _, duration = _EVENT.unpack_from(packet.payload)
        if code >= len(EVENTS):
            continue
        name = (packet.ssrc, packet.timestamp)
        known = found.get(name, Digit(EVENTS[code], arrival.at, 0))
        found[name] = Digit(known.key, known.at, max(known.ms, duration * 1000 // RATE))
    return list(found.values())


def timeline(arrivals: Iterable[Arrival], start: float, end: float) -> Samples:
    """What was heard from `start` to `end`, in seconds of the loop's clock; gaps are silence."""
    heard = silence(max(0.0, end - start))
    run: tuple[int, int, int] | None = None  # the source, and the first packet's timestamp and place
    for arrival in arrivals:
        packet = parse(arrival.data)
        if packet is None or packet.kind not in _CODECS:
            continue
        arrived = round((arrival.at - start) * RATE)
        place = run[2] + _ahead(packet.timestamp, run[1]) if run else arrived
        if run is None or packet.ssrc != run[0] or abs(place - arrived) > JUMP * RATE:
            run, place = (packet.ssrc, packet.timestamp, arrived), arrived
        samples = decode(packet.payload, _CODECS[packet.kind])
        first, last = max(place, 0), min(place + len(samples), len(heard))
        if first < last:
            heard[first:last] = samples[first - place : last - place]
    return heard


_CODECS: Final = {int(codec): codec for codec in Codec}


def _ahead(timestamp: int, of: int) -> int:
    """The distance between two 32-bit timestamps, the short way round."""
    return (timestamp - of + 0x80000000) % 0x100000000 - 0x80000000
