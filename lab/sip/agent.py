"""A SIP telephone: one UDP address, many calls at once.

Theory of operation. Every datagram is parsed, matched to its transaction, and given to its call by Call-ID and tag; a
new INVITE is first written down in `invites`, then becomes a `Call`, and `on_invite` decides about it in a task of its
own. What the tests ask is "what exactly reached this phone", so nothing is dropped unseen: what cannot be read is kept
in `unreadable`. A failure in `on_invite` ends its call and is raised by `stop`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import quote

from lab.sip.call import Call
from lab.sip.dialog import Dialog
from lab.sip.facts import CallEnded, Invite
from lab.sip.media import Metronome
from lab.sip.message import BadMessage, Response, Uri, parse
from lab.sip.sdp import NotAcceptable
from lab.sip.session import Line, Pulse
from lab.sip.transaction import ALLOW, Server, Transactions, new_tag
from lab.sip.udp import Address, Udp

FAREWELL = 1.0
"""Seconds that `stop` waits for the peers to agree to the end of calls."""

OnInvite = Callable[[Call], Awaitable[None]]


class UserAgent:
    """A phone at `host`:`port` (0: a free one). Without `on_invite` it is out (480). `t1` is RFC 3261's, in seconds.

    With `telephone_events` off, the calls that begin from then on know no keys by RFC 4733.
    """

    def __init__(
        self, host: str, port: int = 5060, *, user: str = "phone", on_invite: OnInvite | None = None, t1: float = 0.5
    ) -> None:
        self.host, self.port, self.user = host, port, user
        self.on_invite = on_invite
        self.telephone_events = True
        self.invites: list[Invite] = []
        self.calls: list[Call] = []
        self.unreadable: list[bytes] = []
        self._t1 = t1
        self._by_id: dict[str, Call] = {}
        self._pulse = Pulse()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[Exception] = []

    async def start(self) -> None:
        """Listens. Raises OSError when the address is taken."""
        self._udp = Udp(self.host, self.port, self._arrived)
        self.port = self._udp.address[1]
        contact = Uri.parse(f"sip:{self.user}@{self.host}:{self.port}")
        self._transactions = Transactions(self._udp.send, t1=self._t1)
        self._line = Line(contact, self._transactions, Metronome())

    async def stop(self) -> None:
        """Hangs up and closes. Raises what the callbacks raised, as an ExceptionGroup."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await asyncio.gather(*(call.hangup() for call in self.calls), return_exceptions=True)
        for call in self.calls:
            call.vanish()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._transactions.close()
        self._udp.close()
        if self._errors:
            raise ExceptionGroup(f"{self.user} failed in on_invite", self._errors)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def dial(
        self,
        user: str,
        proxy: Address,
        *,
        headers: Mapping[str, str] | None = None,
        caller: str | None = None,
        display: str = "",
    ) -> Call:
        """Calls `user` through `proxy`, and returns as soon as the INVITE has left.

        `user` goes into the Request-URI exactly as given, whatever it holds; into To it goes escaped, so that it is the
        Request-URI that the peer has to make sense of. Raises Unsendable for CR, LF and NUL.
        """
        host, port = proxy
        name = f'"{display}" ' if display else ""
        dialog = Dialog(
            call_id=f"{secrets.token_hex(12)}@{self.host}",
            local=f"{name}<sip:{caller or self.user}@{self.host}>;tag={new_tag()}",
            remote=f"<sip:{quote(user, safe='*+#')}@{host}>",
            target=f"sip:{user}@{host}:{port}",
            contact=self._line.contact,
        )
        call = self._admit(dialog)
        try:
            call.place(proxy, headers or {})
        except ValueError:
            call.vanish()
            raise
        return call

    async def until_invites(self, count: int, within: float) -> Invite:
        """Waits until that many INVITEs have come in all; gives the last of them. Raises TimeoutError."""
        try:
            async with asyncio.timeout(within):
                while len(self.invites) < count:
                    await self._pulse.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.user} got {len(self.invites)} INVITEs within {within} s, not {count}") from None
        return self.invites[count - 1]

    def _admit(self, dialog: Dialog) -> Call:
        call = Call(replace(self._line, telephone_events=self.telephone_events), dialog)
        self.calls.append(call)
        self._by_id[dialog.call_id] = call
        return call

    def _arrived(self, data: bytes, source: Address) -> None:
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive (RFC 5626 section 3.5.1)
        try:
            message = parse(data)
        except BadMessage:
            self.unreadable.append(data)
            return
        call = self._by_id.get(message.call_id)
        if call and call.vanished:
            return
        if isinstance(message, Response):
            self._transactions.answered(message)
        elif server := self._transactions.requested(message, source):
            self._requested(server, call)

    def _requested(self, server: Server, call: Call | None) -> None:
        request = server.request
        tag = request.recipient.tag
        if call and (tag == call.dialog.tag or request.method == "CANCEL"):
            call.received(server)
        elif request.method == "ACK":
            pass  # of what we have forgotten; an ACK has no answer
        elif tag or request.method == "CANCEL":
            server.respond(481)
        elif request.method == "INVITE":
            self._invited(server)
        elif request.method == "OPTIONS":
            server.respond(200, headers=[("Allow", ALLOW)])
        else:
            server.respond(405, headers=[("Allow", ALLOW)])

    def _invited(self, server: Server) -> None:
        invite = Invite(asyncio.get_running_loop().time(), server.source, server.request)
        self.invites.append(invite)
        self._pulse.beat()
        if self.on_invite is None:
            server.respond(480)
            return
        server.respond(100)
        call = self._admit(Dialog.accepted(server.request, server.tag, self._line.contact))
        try:
            call.take(invite, server)
        except NotAcceptable:
            server.respond(488)
            call.vanish()
            return
        task = asyncio.create_task(self._decide(self.on_invite, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _decide(self, on_invite: OnInvite, call: Call) -> None:
        try:
            await on_invite(call)
        except CallEnded:
            pass  # the caller left while the callee was about something: that is how calls go
        except Exception as error:
            self._errors.append(error)
            await call.hangup()
