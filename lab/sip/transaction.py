"""SIP transactions over UDP: one request, its answers, and what is sent again when nothing comes (RFC 3261 section 17).

Theory of operation. A `Client` is a request of ours: it repeats it after T1, 2 T1, 4 T1 … until an answer comes, and
after 64 T1 answers itself with 408. A `Server` is a request of the peer: a repeated request gets the last answer again,
and a final answer to an INVITE is repeated until the ACK. Both then stay for 64 T1, to absorb what the network still
holds. What belongs to no transaction is a new `Server`, and handed up.

RFC 3261 leaves the 2xx of an INVITE and its ACK to the dialog; RFC 6026 shows that the transaction must know them. So a
Server repeats every final answer, and the call tells it of the ACK that it saw; a Client hands up each 2xx, repeated or
not, and the call acknowledges each.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Final

from lab.sip.message import Field, Headers, Request, Response
from lab.sip.udp import Address

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY"

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    603: "Decline",
}

OnResponse = Callable[[Response], None]


def new_branch() -> str:
    return "z9hG4bK" + secrets.token_hex(8)


def new_tag() -> str:
    return secrets.token_hex(6)


def reply(
    request: Request, status: int, *, tag: str | None, headers: Iterable[Field] = (), sdp: bytes = b""
) -> Response:
    """An answer to `request` (RFC 3261 section 8.2.6.2). `tag` is ours, and is added where To has none."""
    to = request.headers.get("To")
    if tag and request.recipient.tag is None:
        to = f"{to};tag={tag}"
    fields = [
        *request.headers.copied("Via"),
        *request.headers.copied("Record-Route"),
        ("From", request.headers.get("From")),
        ("To", to),
        ("Call-ID", request.call_id),
        ("CSeq", request.headers.get("CSeq")),
        *headers,
        *([("Content-Type", "application/sdp")] if sdp else ()),
    ]
    return Response(status=status, reason=REASONS.get(status, "Rejected"), headers=Headers(fields), body=sdp)


def same_hop(request: Request, method: str, to: str) -> Request:
    """An ACK of a rejection, or a CANCEL: the INVITE's own branch, target and number (sections 9.1 and 17.1.1.3)."""
    number, _ = request.cseq
    fields = [
        *request.headers.copied("Via")[:1],
        *request.headers.copied("Route"),
        ("Max-Forwards", "70"),
        ("From", request.headers.get("From")),
        ("To", to),
        ("Call-ID", request.call_id),
        ("CSeq", f"{number} {method}"),
    ]
    return Request(method=method, uri=request.uri, headers=Headers(fields))


class _Repeat:
    """Sends now, and again at growing intervals, until stopped or until 64 T1 have passed."""

    def __init__(self, send: Callable[[], None], *, first: float, most: float, give_up: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._send, self._interval, self._most = send, first, most
        self._limit = loop.call_later(64 * first, self._expire, give_up)
        send()
        self._next = loop.call_later(first, self._again)

    def _again(self) -> None:
        self._send()
        self._interval = min(2 * self._interval, self._most)
        self._next = asyncio.get_running_loop().call_later(self._interval, self._again)

    def _expire(self, give_up: Callable[[], None]) -> None:
        self._next.cancel()
        give_up()

    def stop(self) -> None:
        self._next.cancel()
        self._limit.cancel()


class Client:
    """A request of ours."""

    def __init__(self, layer: "Transactions", request: Request, to: Address, on_response: OnResponse) -> None:
        self.request = request
        self.to = to
        self.final: Response | None = None
        self.timed_out = False
        self._layer, self._on_response = layer, on_response
        self._datagram = request.encode()
        most = layer.t1 * 64 if request.method == "INVITE" else layer.t2
        self._repeat = _Repeat(self._transmit, first=layer.t1, most=most, give_up=self.give_up)

    def _transmit(self) -> None:
        self._layer.send(self._datagram, self.to)

    def received(self, response: Response) -> None:
        """An answer, new or repeated."""
        success = 200 <= response.status < 300
        if self.request.method == "INVITE":
            self._repeat.stop()
            if response.status >= 300:
                self._layer.send(same_hop(self.request, "ACK", response.headers.get("To")).encode(), self.to)
        if self.final and not (success and self.request.method == "INVITE"):
            return
        if response.status >= 200:
            self._repeat.stop()
            self.final = response
            self._layer.linger(self)
        self._on_response(response)

    def cancel(self) -> None:
        """Takes an INVITE back once the peer has said anything at all (section 9.1). It ends with 487, or with 408."""
        self._layer.start(same_hop(self.request, "CANCEL", self.request.headers.get("To")), self.to, lambda _: None)
        self._layer.later(64 * self._layer.t1, self.give_up)

    def give_up(self) -> None:
        """No answer came: ours is 408 (section 8.1.3.1)."""
        self.stop()
        if self.final is None:
            self.timed_out = True
            self.final = reply(self.request, 408, tag=None)
            self._layer.linger(self)
            self._on_response(self.final)

    def stop(self) -> None:
        self._repeat.stop()


class Server:
    """A request of the peer. `tag` is the one that our answers put on To."""

    def __init__(self, layer: "Transactions", request: Request, source: Address) -> None:
        self.request = request
        self.source = source
        self.tag = request.recipient.tag or new_tag()
        self.final: Response | None = None
        self._layer = layer
        self._last = b""
        self._repeat: _Repeat | None = None

    def respond(
        self,
        status: int,
        *,
        headers: Iterable[Field] = (),
        sdp: bytes = b"",
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Answers; a second final answer is not sent. `on_lost` is called when no ACK comes within 64 T1."""
        if self.final:
            return
        tag = None if status == 100 else self.tag
        response = reply(self.request, status, tag=tag, headers=headers, sdp=sdp)
        self._last = response.encode()
        if status < 200:
            self._transmit()
            return
        self.final = response
        self._layer.linger(self)
        if self.request.method == "INVITE":
            layer = self._layer
            self._repeat = _Repeat(self._transmit, first=layer.t1, most=layer.t2, give_up=on_lost)
        else:
            self._transmit()

    def _transmit(self) -> None:
        # To where it came from, whatever Via says: RFC 3581, and Asterisk always asks for it.
        self._layer.send(self._last, self.source)

    def again(self, request: Request) -> None:
        """The peer repeated itself, or acknowledged a rejection."""
        if request.method == "ACK":
            self.acknowledged()
        elif self._last:
            self._transmit()

    def acknowledged(self) -> None:
        if self._repeat:
            self._repeat.stop()

    def stop(self) -> None:
        self.acknowledged()


_Key = tuple[str, str, Address]


class Transactions:
    """All transactions of one user agent. `t1` is the round-trip estimate in seconds (section 17.1.1.1)."""

    def __init__(self, send: Callable[[bytes, Address], None], *, t1: float = 0.5) -> None:
        self.send = send
        self.t1, self.t2 = t1, 8 * t1
        self._clients: dict[tuple[str, str], Client] = {}
        self._servers: dict[_Key, Server] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def start(self, request: Request, to: Address, on_response: OnResponse) -> Client:
        """Sends a request. `on_response` gets every new answer, and of an INVITE every 2xx."""
        client = Client(self, request, to, on_response)
        self._clients[request.branch, request.method] = client
        return client

    async def ask(self, request: Request, to: Address, on_success: OnResponse = lambda _: None) -> Response:
        """Sends a request; gives its final answer, a 408 of our own at the latest. `on_success` gets each 2xx."""
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def settle(response: Response) -> None:
            if 200 <= response.status < 300:
                on_success(response)
            if response.status >= 200 and not final.done():
                final.set_result(response)

        self.start(request, to, settle)
        return await final

    def answered(self, response: Response) -> None:
        """An answer arrived."""
        client = self._clients.get((response.branch, response.cseq[1]))
        if client:
            client.received(response)

    def requested(self, request: Request, source: Address) -> Server | None:
        """A request arrived; None when it was a repetition."""
        method = "INVITE" if request.method == "ACK" else request.method
        known = self._servers.get((request.branch, method, source))
        if known:
            known.again(request)
            return None
        server = Server(self, request, source)
        if request.method != "ACK":
            self._servers[request.branch, method, source] = server
        return server

    def linger(self, transaction: Client | Server) -> None:
        """Forgets a transaction, 64 T1 after its final answer (timers D, H, I, J, K, and L and M of RFC 6026)."""
        self.later(64 * self.t1, lambda: self._forget(transaction))

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls after `seconds`, unless closed before."""

        def run() -> None:
            self._timers.discard(handle)
            call()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)

    def _forget(self, transaction: Client | Server) -> None:
        request = transaction.request
        if isinstance(transaction, Client):
            self._clients.pop((request.branch, request.method), None)
        else:
            self._servers.pop((request.branch, request.method, transaction.source), None)

    def abandon(self, call_id: str) -> None:
        """Sends nothing more of one call; what was asked in it is answered with 408."""
        for client in [client for client in self._clients.values() if client.request.call_id == call_id]:
            client.give_up()
        for server in self._servers.values():
            if server.request.call_id == call_id:
                server.stop()

    def close(self) -> None:
        """Sends nothing more; what was asked is answered with 408."""
        for client in list(self._clients.values()):
            client.give_up()
        for server in self._servers.values():
            server.stop()
        for timer in self._timers:
            timer.cancel()
        self._clients.clear()
        self._servers.clear()
        self._timers.clear()
