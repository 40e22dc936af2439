"""The phone and the carrier of `bench.sip` in calls that are answered: both ends speak until the callee hangs up.

    agent's phone ── INVITE ──► PBX ── INVITE ──► carrier: 200 at once, and BYE after `hold` seconds
                  ◄── 200, BYE ──                 audio both ways from the first answer with an SDP on

What ungated calls do from the first second on, gated ones do once the callee has heard the notice; a call is as long
for the callee in either case.
"""

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from subprocess import PIPE, Popen
from types import TracebackType

from bench.sip import ACK, ANSWER_WITHIN_S, Attempt, Line, arrived
from bench.voices import PORT
from lab.place import REPOSITORY, Address, Place

_HEADERS = ("Via", "From", "To", "Call-ID", "CSeq")
_AUDIO = re.compile(rb"\r\nc=IN IP4 ([0-9.]+)\r\n.*?m=audio ([0-9]+) ", re.DOTALL)
_CONTACT = re.compile(rb"\r\nContact: <([^>]+)>")
_NUMBER = re.compile(rb"INVITE sip:([0-9]+)@")
PHONE, CARRIER = 0, 1


@dataclass(frozen=True, slots=True)
class _Request:
    """What an answer to it repeats."""

    raw: bytes

    def header(self, name: str) -> str:
        found = re.search(rf"\r\n{name}: ([^\r]*)".encode(), self.raw)
        return found[1].decode() if found else ""

    def answer(self, more: str = "", body: str = "") -> bytes:
        to = self.header("To")
        kept = "".join(f"{name}: {self.header(name)}\r\n" for name in _HEADERS if name != "To")
        tag = "" if ";tag=" in to else ";tag=callee"
        head = f"SIP/2.0 200 OK\r\n{kept}To: {to}{tag}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        return (head + body).encode()


class TalkingLine(Line):
    """A line whose callees answer while `talks` is asked of it, and are busy otherwise."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._hold: float | None = None
        self._ends = (place.brussels, place.carrier)
        self._answered: set[bytes] = set()
        command = (sys.executable, "-m", "bench.voices", ",".join(end.host for end in self._ends))
        self._voices = Popen(command, stdin=PIPE, cwd=REPOSITORY)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        self._voices.communicate()

    async def talks(self, prefix: str, numbers: Sequence[str], rate: float, hold: float) -> list[Attempt]:
        """As `calls`, where callees answer, speak for `hold` seconds and hang up.

        The status of a call that both ends had is 200.
        """
        self._hold, self._patience = hold, ANSWER_WITHIN_S + hold
        try:
            return await self.calls(prefix, numbers, rate)
        finally:
            self._hold, self._patience = None, ANSWER_WITHIN_S

    def _at_phone(self) -> None:
        for data, _, sender in arrived(self._phone):
            request = _Request(data)
            call = request.header("Call-ID").encode()
            attempt = self._calls.get(call)
            if data.startswith(b"BYE "):
                self._phone.sendto(request.answer(), sender)
                if attempt is not None:
                    self._over(attempt, call, 200 if call in self._answered else 487)
            elif attempt is not None and data.startswith(b"SIP/2.0 ") and "INVITE" in request.header("CSeq"):
                self._heard(attempt, call, request)

    def _heard(self, attempt: Attempt, call: bytes, response: _Request) -> None:
        status = int(response.raw[8:11])
        if 180 <= status < 300 and (audio := _AUDIO.search(response.raw)):
            self._speak(PHONE, audio, call.decode())
        if status < 200:
            return
        contact = _CONTACT.search(response.raw)
        to = ACK.format(
            dialled=attempt.dialled,
            pbx=self._pbx,
            phone=self._phone_address,
            call=call.decode(),
            to=response.header("To"),
        )
        if status < 300 and contact:
            # The ACK of a 2xx is a transaction of its own, to where the 2xx says: RFC 3261, 13.2.2.4.
            to = to.replace(f"sip:{attempt.dialled}@{self._pbx}", contact[1].decode(), 1).replace("z9hG4bK", "z9hG4bKa")
            self._answered.add(call)
        else:
            self._over(attempt, call, status)
        self._phone.sendto(to.encode(), self._pbx)

    def _over(self, attempt: Attempt, call: bytes, status: int) -> None:
        self._answered.discard(call)
        self._tell(f"- phone-{call.decode()}")
        attempt.status = status
        self._changed.set()

    def _at_carrier(self) -> None:
        if self._hold is None:
            super()._at_carrier()
            return
        for data, at, sender in arrived(self._carrier):
            request = _Request(data)
            if (rings := _NUMBER.match(data)) and (attempt := self._expected.get(rings[1])) is not None:
                if attempt.rang is None:
                    attempt.rang = at
                    self._pick_up(request, sender)
            elif data.startswith(b"BYE "):
                self._tell(f"- carrier-{request.header('Call-ID')}")
                self._carrier.sendto(request.answer(), sender)

    def _pick_up(self, invite: _Request, sender: Address) -> None:
        end = self._ends[CARRIER]
        offer = (
            f"v=0\r\no=- 1 1 IN IP4 {end.host}\r\ns=-\r\nc=IN IP4 {end.host}\r\nt=0 0\r\nm=audio {PORT} RTP/AVP 0\r\n"
        )
        more = f"Contact: <sip:callee@{end}>\r\nContent-Type: application/sdp\r\n"
        self._carrier.sendto(invite.answer(more, offer), sender)
        if audio := _AUDIO.search(invite.raw):
            self._speak(CARRIER, audio, invite.header("Call-ID"))
        asyncio.get_running_loop().call_later(self._hold or 0, self._hang_up, invite, sender)

    def _hang_up(self, invite: _Request, sender: Address) -> None:
        call, contact = invite.header("Call-ID"), _CONTACT.search(invite.raw)
        self._tell(f"- carrier-{call}")
        if contact is None:
            return
        bye = (
            f"BYE {contact[1].decode()} SIP/2.0\r\nVia: SIP/2.0/UDP {self._ends[CARRIER]};branch=z9hG4bKb{call}\r\n"
            f"From: {invite.header('To')};tag=callee\r\nTo: {invite.header('From')}\r\nCall-ID: {call}\r\n"
            "CSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        self._carrier.sendto(bye.encode(), sender)

    def _speak(self, mouth: int, audio: "re.Match[bytes]", call: str) -> None:
        who = ("phone", "carrier")[mouth]
        self._tell(f"+ {mouth} {audio[1].decode()} {audio[2].decode()} {who}-{call}")

    def _tell(self, line: str) -> None:
        assert self._voices.stdin is not None
        self._voices.stdin.write(f"{line}\n".encode())
        self._voices.stdin.flush()
