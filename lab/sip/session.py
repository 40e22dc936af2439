"""One call as SIP sees it: INVITE to BYE, with its audio (RFC 3261 sections 9, 13, 14, 15; RFC 3311).

Theory of operation. A `Session` is told of every message of its call and acts at once; it has no task of its own.
What happened is kept (`responses`, `requests`, `answered_at`, `ended`), and each change beats the `Pulse`. Whoever
waits for something looks at what is kept, and again at each beat: so nothing that came early is missed, and there is
one way to wait. A wait ends with `CallEnded` when the call does, and with `TimeoutError`, which says what did happen.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from lab.sip.dialog import Dialog
from lab.sip.facts import By, CallEnded, Ended, Invite, Refused, Reply
from lab.sip.media import Media, Metronome
from lab.sip.message import Field, Message, Request, Response, Uri
from lab.sip.sdp import Direction, NotAcceptable
from lab.sip.transaction import ALLOW, Client, Server, Transactions
from lab.sip.udp import Address

SDP = "application/sdp"


class Pulse:
    """Wakes everybody who waits for it now."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        self._event.set()
        self._event.clear()

    async def wait(self) -> None:
        await self._event.wait()


@dataclass(frozen=True, slots=True)
class Line:
    """What a call uses of its phone."""

    contact: Uri
    transactions: Transactions
    metronome: Metronome
    telephone_events: bool = True


class Session:
    """See the module's text. Made by a `UserAgent`. `invite` is what called us, None when we called."""

    def __init__(self, line: Line, dialog: Dialog) -> None:
        self.invite: Invite | None = None
        self.responses: list[Reply] = []
        self.requests: list[Request] = []
        self.answered_at: float | None = None
        self.ended: Ended | None = None
        self.vanished = False
        self.dialog = dialog
        self._line = line
        self._pulse = Pulse()
        self.media = Media(line.contact.host, line.metronome, self._pulse.beat, telephone_events=line.telephone_events)
        self._client: Client | None = None
        self._server: Server | None = None
        self._sdp = b""
        self._cancelled = False
        self._acks: dict[int, bytes] = {}
        self._unacknowledged: dict[int, Server] = {}
        self._proposing = False

    # What the phone does.

    def place(self, proxy: Address, headers: Mapping[str, str]) -> None:
        """Calls: sends the INVITE, with our offer."""
        request = self.dialog.request("INVITE", headers=headers.items(), body=self.media.offer(), kind=SDP)
        self._client = self._line.transactions.start(request, proxy, self._invite_answered)

    def take(self, invite: Invite, server: Server) -> None:
        """Is called: takes the INVITE and its offer. Raises NotAcceptable."""
        self.invite = invite
        self._server = server
        self._sdp = self.media.answer(server.request.body, Direction.SENDRECV)

    def received(self, server: Server) -> None:
        """Acts on a request of the peer within the call."""
        request = server.request
        if request.method == "ACK":
            self._acknowledged(request)
            return
        self.requests.append(request)
        match request.method:
            case "BYE":
                server.respond(200)
                self._end(By.PEER, self._status(), request.cause)
            case "CANCEL":
                self._cancel_received(server)
            case "INVITE" | "UPDATE" if not self.ended:
                self._proposed(server)
            case "INFO" | "NOTIFY" | "OPTIONS" if not self.ended:
                server.respond(200)
            case "INVITE" | "UPDATE" | "INFO" | "NOTIFY" | "OPTIONS":
                server.respond(481)
            case _:
                server.respond(405, headers=[("Allow", ALLOW)])
        self._pulse.beat()

    # What its user does.

    async def ring(self) -> None:
        """180 to the caller."""
        self._incoming().respond(180, headers=self._contact())

    async def progress(self) -> None:
        """183 with our description: early media, both ways."""
        self._incoming().respond(183, headers=self._contact(), sdp=self._sdp)

    async def answer(self) -> None:
        """Takes the call; done when the caller has acknowledged it. Raises CallEnded."""
        server = self._incoming()
        if self.answered_at is not None:
            raise RuntimeError("this call is answered already")
        if self.ended:
            raise CallEnded(self.ended, "it was answered")
        self.answered_at = self._now()
        self._accept(server, self._sdp)
        self._pulse.beat()
        await self.until(lambda: not self._unacknowledged, 65 * self._line.transactions.t1, "an ACK")

    async def reject(self, status: int = 486, headers: Mapping[str, str] | None = None) -> None:
        """Turns the call away."""
        self._incoming().respond(status, headers=list((headers or {}).items()))
        self._end(By.US, status)

    async def hangup(self) -> None:
        """Ends the call as fits its state, and is done when the peer has agreed: BYE, CANCEL, or 486."""
        if self.ended:
            return
        if self.answered_at is not None:
            self._end(By.US, self._status())
            await self.request("BYE")
        elif self._client:
            self._cancelled = True
            if self.responses:
                self._client.cancel()
            await self.until(lambda: self.ended is not None, 65 * self._line.transactions.t1, "the end")
        else:
            await self.reject()

    def vanish(self) -> None:
        """Answers and sends nothing more, as a phone whose cable is pulled."""
        self.vanished = True
        self._end(By.US, self._status())
        self._line.transactions.abandon(self.dialog.call_id)

    async def hold(self) -> None:
        """Puts the peer on hold: a re-INVITE with sendonly. Raises Refused."""
        await self._propose(Direction.SENDONLY)

    async def resume(self) -> None:
        """Takes the peer back from hold. Raises Refused."""
        await self._propose(Direction.SENDRECV)

    async def transfer(self, user: str, consulted: "Session | None" = None) -> None:
        """Hands the peer over to `user` (REFER, RFC 3515), or to the peer of a call that we `consulted` (RFC 3891).

        Raises Refused. The peer ends this call once it has somebody else.
        """
        host, port = self.dialog.next_hop
        replaces = f"?Replaces={quote(consulted.dialog.replaces, safe='')}" if consulted else ""
        response = await self.request("REFER", headers={"Refer-To": f"<sip:{user}@{host}:{port}{replaces}>"})
        if not 200 <= response.status < 300:
            raise Refused(f"the peer answered {response.status} {response.reason} to REFER")

    @property
    def held(self) -> bool:
        """Whether the peer has put us on hold."""
        return self.media.held

    async def request(
        self, method: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", kind: str = ""
    ) -> Response:
        """Sends any request within the call, and gives its final answer; `kind` is the body's Content-Type."""
        request = self.dialog.request(method, headers=(headers or {}).items(), body=body, kind=kind)
        return await self._line.transactions.ask(request, self.dialog.next_hop, self._acknowledge)

    # Waiting.

    async def until(self, reached: Callable[[], bool], within: float, what: str) -> None:
        """Waits for what can be seen on the call. Raises TimeoutError after `within` seconds, and CallEnded."""
        try:
            async with asyncio.timeout(within):
                while not reached():
                    if self.ended:
                        raise CallEnded(self.ended, what)
                    await self._pulse.wait()
        except TimeoutError:
            raise TimeoutError(f"no {what} within {within} s; {self._so_far()}") from None

    async def until_response(self, status: int, within: float) -> Reply:
        """Waits for an answer of that status to our INVITE."""
        await self.until(lambda: any(reply.status == status for reply in self.responses), within, f"{status}")
        return next(reply for reply in self.responses if reply.status == status)

    async def until_answered(self, within: float) -> None:
        await self.until(lambda: self.answered_at is not None, within, "answer")

    async def until_ended(self, within: float) -> Ended:
        await self.until(lambda: self.ended is not None, within, "end")
        assert self.ended
        return self.ended

    def _so_far(self) -> str:
        said = ", ".join(f"{reply.status} {reply.reason}" for reply in self.responses) or "nothing"
        state = "ended" if self.ended else "not answered" if self.answered_at is None else "answered"
        packets = len(self.media.receiver.arrivals)
        return f"the call is {state}, the peer said {said}, and sent {packets} packets of audio"

    # The INVITE that began it.

    def _invite_answered(self, response: Response) -> None:
        assert self._client
        if self.answered_at is None and not self._client.timed_out:
            self.responses.append(Reply(self._now(), response.status, response.reason))
        if response.status < 200:
            self._progressed(response)
        elif response.status < 300:
            self._taken(response)
        elif not self.ended:
            by = By.NOBODY if self._client.timed_out else By.US if self._cancelled else By.PEER
            self._end(by, response.status, response.cause)
        self._pulse.beat()

    def _progressed(self, response: Response) -> None:
        if response.body:
            self._agree(response)
        if self._cancelled and len(self.responses) == 1:
            # The CANCEL had to wait for this (section 9.1).
            assert self._client
            self._client.cancel()

    def _taken(self, response: Response) -> None:
        if self.answered_at is None:
            self.answered_at = self._now()
            self.dialog.established(response)
            self._acknowledge(response)
            agreed = self._agree(response)
            if self._cancelled or self.ended or not agreed:
                # The answer and our change of mind crossed (section 15), or its description cannot be used.
                self._end(By.US, response.status)
                bye = self.dialog.request("BYE")
                self._line.transactions.start(bye, self.dialog.next_hop, lambda _: None)
        else:
            self._acknowledge(response)

    def _agree(self, answer: Message) -> bool:
        try:
            self.media.accept(answer.body)
        except NotAcceptable:
            return False
        return True

    def _incoming(self) -> Server:
        if self._server is None:
            raise RuntimeError("this call is ours: only the one who is called rings, answers or rejects")
        return self._server

    def _cancel_received(self, cancel: Server) -> None:
        server = self._server
        if server is None or server.request.branch != cancel.request.branch:
            cancel.respond(481)
            return
        cancel.respond(200)
        if server.final is None:
            server.respond(487)
            self._end(By.PEER, 487, cancel.request.cause)

    # What follows it.

    def _proposed(self, server: Server) -> None:
        """A re-INVITE or an UPDATE: a new offer, or only a sign of life (RFC 3261 section 14.2, RFC 3311)."""
        if self._proposing:
            server.respond(491)
            return
        answer = b""
        try:
            if server.request.body:
                answer = self.media.answer(server.request.body, Direction.SENDRECV)
        except NotAcceptable:
            server.respond(488)
            return
        if server.request.method == "INVITE":
            self._accept(server, answer or self.media.offer())
        else:
            server.respond(200, headers=self._contact(), sdp=answer)

    async def _propose(self, direction: Direction) -> None:
        self._proposing = True
        try:
            response = await self.request("INVITE", body=self.media.offer(direction), kind=SDP)
        finally:
            self._proposing = False
        if not 200 <= response.status < 300:
            raise Refused(f"the peer answered {response.status} {response.reason} to a re-INVITE with {direction}")
        self._agree(response)

    def _accept(self, server: Server, description: bytes) -> None:
        """200 to an INVITE; without its ACK the call is over (section 13.3.1.4)."""
        number, _ = server.request.cseq
        self._unacknowledged[number] = server
        headers = [*self._contact(), ("Allow", ALLOW)]
        server.respond(200, headers=headers, sdp=description, on_lost=lambda: self._end(By.NOBODY, 200))

    def _acknowledged(self, request: Request) -> None:
        number, _ = request.cseq
        server = self._unacknowledged.pop(number, None)
        if server:
            server.acknowledged()
            if request.body:
                self._agree(request)
        self._pulse.beat()

    def _acknowledge(self, response: Response) -> None:
        number, method = response.cseq
        if method == "INVITE":
            # A repeated 2xx gets the same ACK again (section 13.2.2.4).
            ack = self._acks.setdefault(number, self.dialog.ack(number).encode())
            self._line.transactions.send(ack, self.dialog.next_hop)

    def _contact(self) -> list[Field]:
        return [("Contact", f"<{self._line.contact.text}>")]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _status(self) -> int:
        """The final status of the INVITE so far."""
        if self.answered_at is not None:
            return 200
        return self.responses[-1].status if self.responses and self.responses[-1].status >= 200 else 0

    def _end(self, by: By, status: int, cause: int | None = None) -> None:
        if self.ended is None:
            self.ended = Ended(by, status, cause, self._now())
            self.media.close()
            self._pulse.beat()
