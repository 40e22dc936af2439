"""Session descriptions of one audio stream, and the answer to an offer (RFC 4566, RFC 3264). No IO.

Theory of operation. An offer names addresses, payload types and a direction; the answer takes the first codec of the
offer that we have, keeps the offer's number for telephone-event, and turns the direction round. Everything else in a
description is passed over. An offer with more than one stream, or with no codec of ours, is `NotAcceptable`: 488.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lab.audio import RATE, Codec

EVENT_TYPE: Final = 101
"""The payload type under which we offer telephone-event; dynamic, but everybody's habit."""

_DIRECTION: Final = re.compile(r"sendrecv|sendonly|recvonly|inactive")
_RTPMAP: Final = re.compile(r"(\d+) telephone-event/8000(?:/1)?", re.IGNORECASE)


class NotAcceptable(ValueError):
    """A description that we cannot agree to."""


class Direction(StrEnum):
    """Who sends, seen by the one who writes it (RFC 4566 section 6)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def reversed(self) -> "Direction":
        """The same as seen from the other side."""
        turned = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
        return turned.get(self, self)


@dataclass(frozen=True, slots=True)
class Description:
    """What one side says of its audio. `event_type` is telephone-event's payload type, None without."""

    host: str
    port: int
    codecs: tuple[Codec, ...]
    event_type: int | None
    direction: Direction

    @property
    def codec(self) -> Codec:
        """The first choice."""
        return self.codecs[0]

    def encode(self, session: int, version: int) -> bytes:
        """The text; `version` grows with each description of a session that differs (RFC 3264 section 8)."""
        types = [*self.codecs, *([] if self.event_type is None else [self.event_type])]
        lines = [
            "v=0",
            f"o=- {session} {version} IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.host}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {' '.join(str(int(kind)) for kind in types)}",
            *(f"a=rtpmap:{int(codec)} {codec.name}/{RATE}" for codec in self.codecs),
            "a=ptime:20",
            f"a={self.direction}",
        ]
        if self.event_type is not None:
            lines += [f"a=rtpmap:{self.event_type} telephone-event/{RATE}", f"a=fmtp:{self.event_type} 0-15"]
        return "\r\n".join([*lines, ""]).encode()


def parse(data: bytes) -> Description:
    """Reads a description. Raises NotAcceptable."""
    lines = [line.partition("=")[::2] for line in data.decode("utf-8", "replace").splitlines()]
    media = [index for index, (kind, _) in enumerate(lines) if kind == "m"]
    if len(media) != 1:
        raise NotAcceptable(f"{len(media)} streams, where we have one of audio")
    session, stream = lines[: media[0]], lines[media[0] + 1 :]
    port, types = _media(lines[media[0]][1])
    # What the stream does not say, the session says for it.
    attributes = [value for kind, value in (*stream, *session) if kind == "a"]
    host = next((value.split()[-1] for kind, value in (*stream, *session) if kind == "c" and value.strip()), "")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", host):
        raise NotAcceptable(f"not an IPv4 address: {host[:40]!r}")
    direction = next((Direction(value) for value in attributes if _DIRECTION.fullmatch(value)), Direction.SENDRECV)
    if host == "0.0.0.0":  # how RFC 2543 put a call on hold
        direction = Direction.INACTIVE
    return Description(host, port, _codecs(types), _event_type(attributes, types), direction)


def answer(offer: Description, host: str, port: int, *, willing: Direction = Direction.SENDRECV) -> Description:
    """Our description in answer to `offer`; we do no more than `willing` and than what the offer leaves us."""
    theirs = offer.direction.reversed
    sends, receives = theirs.sends and willing.sends, theirs.receives and willing.receives
    direction = {
        (True, True): Direction.SENDRECV,
        (True, False): Direction.SENDONLY,
        (False, True): Direction.RECVONLY,
        (False, False): Direction.INACTIVE,
    }[sends, receives]
    return Description(host, port, (offer.codec,), offer.event_type, direction)


def _media(value: str) -> tuple[int, list[int]]:
    found = re.fullmatch(r"audio (\d{1,5})(?:/1)? RTP/AVP((?: \d{1,3})+)", value.strip())
    if not found or not 0 < int(found[1]) < 65536:
        raise NotAcceptable(f"not a stream of audio over RTP: {value[:40]!r}")
    return int(found[1]), [int(kind) for kind in found[2].split()]


def _codecs(types: list[int]) -> tuple[Codec, ...]:
    codecs = tuple(Codec(kind) for kind in types if kind in set(Codec))
    if not codecs:
        raise NotAcceptable(f"neither PCMU nor PCMA among the payload types {types}")
    return codecs


def _event_type(attributes: list[str], types: list[int]) -> int | None:
    for value in attributes:
        found = _RTPMAP.fullmatch(value.removeprefix("rtpmap:").strip())
        if found and int(found[1]) in types:
            return int(found[1])
    return None
