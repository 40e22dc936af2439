"""A phone and a carrier that do one thing: time how long a PBX takes from the agent's INVITE to the carrier's.

A call here is INVITE, 100, perhaps 183, and 486 Busy from the carrier, passed on and acknowledged (RFC 3261, 17.1.1.3).
It ends by itself within milliseconds, so that many can be placed and nothing but their set-up costs anything.

Both ends stand in this process and read one clock. An INVITE is dated just before it is sent; one that arrives carries
the kernel's own receive time (SO_TIMESTAMPNS, socket(7)), so that it does not count how late this process gets to it.
Nothing is sent twice: on loopback nothing is lost, and a call that stays without an answer is a failure that we want to
see. lab.sip is the complete phone, with audio, and too heavy for this.
"""

import asyncio
import re
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

from lab.place import Address, Place

SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; Python does not name it."""
TIMESPEC = struct.Struct("@qq")
BUFFER = 4 << 20
ANSWER_WITHIN_S = 3.0
"""How long after the last INVITE of a run the last answer is waited for."""

_TO = re.compile(rb"\r\nTo: ([^\r]*)")
_CALL = re.compile(rb"\r\nCall-ID: ([^\r]*)")
_RINGS = re.compile(rb"INVITE sip:([0-9]+)@")
_COPIED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq): [^\r]*", re.MULTILINE)

OFFER = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
INVITE = (
    "INVITE sip:{dialled}@{pbx} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {phone};branch=z9hG4bK{call}\r\n"
    "From: <sip:agent@{phone}>;tag={call}\r\n"
    "To: <sip:{dialled}@{pbx}>\r\n"
    "Call-ID: {call}\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:agent@{phone}>\r\n"
    "Max-Forwards: 70\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
    "{offer}"
)
ACK = (
    "ACK sip:{dialled}@{pbx} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {phone};branch=z9hG4bK{call}\r\n"
    "From: <sip:agent@{phone}>;tag={call}\r\n"
    "To: {to}\r\n"
    "Call-ID: {call}\r\n"
    "CSeq: 1 ACK\r\n"
    "Max-Forwards: 70\r\n"
    "Content-Length: 0\r\n"
    "\r\n"
)


@dataclass(slots=True)
class Attempt:
    """One call: what was dialled, when its INVITE left, when one reached the carrier (ns), and its final status."""

    dialled: str
    sent: int
    rang: int | None = None
    status: int | None = None

    @property
    def setup_ms(self) -> float | None:
        """From the agent's INVITE to the carrier's; None when the carrier saw nothing."""
        return None if self.rang is None else (self.rang - self.sent) / 1e6


class Line:
    """An agent's phone and the carrier, on the addresses of one lab."""

    def __init__(self, place: Place) -> None:
        self._pbx = place.sip
        self._phone_address = place.brussels
        self._phone = _socket(place.brussels)
        self._carrier = _socket(place.carrier)
        self._names = count(1)
        self._calls: dict[bytes, Attempt] = {}
        self._expected: dict[bytes, Attempt] = {}
        self._changed = asyncio.Event()
        self._patience = ANSWER_WITHIN_S

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._phone, self._at_phone)
        loop.add_reader(self._carrier, self._at_carrier)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for end in (self._phone, self._carrier):
            loop.remove_reader(end)
            end.close()

    async def calls(self, prefix: str, numbers: Sequence[str], rate: float) -> list[Attempt]:
        """Dial `prefix` and each of `numbers` (E.164 digits), `rate` a second, and return once all have ended.

        A number must be free again before it is dialled again: it is by its number that the carrier's INVITE is known.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        placed = []
        for at, number in enumerate(numbers):
            if (pause := start + at / rate - loop.time()) > 0:
                await asyncio.sleep(pause)
            elif at % 16 == 0:
                await asyncio.sleep(0)
            placed.append(self._dial(prefix, number))
        try:
            async with asyncio.timeout(self._patience):
                while any(attempt.status is None for attempt in placed):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass  # those without a status are the caller's to judge
        self._calls.clear()
        self._expected.clear()
        return placed

    def _dial(self, prefix: str, number: str) -> Attempt:
        call = f"{id(self):x}-{next(self._names)}"
        offer = OFFER.format(host=self._phone_address.host)
        invite = INVITE.format(
            dialled=prefix + number,
            pbx=self._pbx,
            phone=self._phone_address,
            call=call,
            length=len(offer),
            offer=offer,
        ).encode()
        attempt = Attempt(prefix + number, 0)
        self._calls[call.encode()] = attempt
        self._expected[number.encode()] = attempt
        attempt.sent = time.time_ns()
        self._phone.sendto(invite, self._pbx)
        return attempt

    def _at_phone(self) -> None:
        for data, _, _ in arrived(self._phone):
            name, to = _CALL.search(data), _TO.search(data)
            if not data.startswith(b"SIP/2.0 ") or name is None or to is None or (status := int(data[8:11])) < 200:
                continue
            attempt = self._calls.get(name[1])
            if attempt is None:
                continue
            ack = ACK.format(
                dialled=attempt.dialled,
                pbx=self._pbx,
                phone=self._phone_address,
                call=name[1].decode(),
                to=to[1].decode(),
            )
            self._phone.sendto(ack.encode(), self._pbx)
            attempt.status = status
            self._changed.set()

    def _at_carrier(self) -> None:
        for data, at, sender in arrived(self._carrier):
            rings = _RINGS.match(data)
            if rings is None:
                continue
            attempt = self._expected.get(rings[1])
            if attempt is not None and attempt.rang is None:
                attempt.rang = at
            head = b"\r\n".join(
                line + (b";tag=carrier" if line.startswith(b"To:") else b"") for line in _COPIED.findall(data)
            )
            self._carrier.sendto(b"SIP/2.0 486 Busy Here\r\n" + head + b"\r\nContent-Length: 0\r\n\r\n", sender)


def _socket(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.bind(address)
    return made


def arrived(end: socket.socket) -> Iterator[tuple[bytes, int, Address]]:
    """What has come in: packet, when it did (ns since 1970, the kernel's), and from where."""
    while True:
        try:
            data, ancillary, _, sender = end.recvmsg(8192, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            return
        (stamp,) = (value for level, kind, value in ancillary if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS))
        seconds, nanoseconds = TIMESPEC.unpack(stamp)
        yield data, seconds * 1_000_000_000 + nanoseconds, Address(*sender)
