"""A dialog: what every request of one call has in common (RFC 3261 section 12). No IO."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from lab.sip.message import Field, Headers, NameAddr, Request, Response, Uri
from lab.sip.transaction import new_branch
from lab.sip.udp import Address


@dataclass(slots=True)
class Dialog:
    """`local` and `remote` are From's and To's values of what we send; `target` is its Request-URI, as on the wire."""

    call_id: str
    local: str
    remote: str
    target: str
    contact: Uri
    routes: list[str] = field(default_factory=list)
    number: int = 0

    @classmethod
    def accepted(cls, invite: Request, tag: str, contact: Uri) -> Self:
        """The dialog of an INVITE that we got, with our tag."""
        target = invite.contact.uri.text if invite.contact else invite.sender.uri.text
        local = invite.headers.get("To") + f";tag={tag}"
        routes = invite.headers.all("Record-Route")
        return cls(invite.call_id, local, invite.headers.get("From"), target, contact, routes)

    def established(self, response: Response) -> None:
        """Takes the peer's side from an answer to our INVITE (section 12.1.2)."""
        self.remote = response.headers.get("To")
        self.routes = response.headers.all("Record-Route")[::-1]
        if response.contact:
            self.target = response.contact.uri.text

    @property
    def tag(self) -> str | None:
        """Ours."""
        return NameAddr.parse(self.local).tag

    @property
    def replaces(self) -> str:
        """This dialog as the peer's other side names it (RFC 3891 section 3): its To is our From."""
        return f"{self.call_id};to-tag={NameAddr.parse(self.remote).tag};from-tag={self.tag}"

    @property
    def next_hop(self) -> Address:
        """Where requests go. Names are not resolved: everybody in the lab says addresses."""
        first = self.routes[0].strip("<>") if self.routes else self.target
        uri = Uri.parse(first)
        return uri.host, uri.port

    def request(self, method: str, *, headers: Iterable[Field] = (), body: bytes = b"", kind: str = "") -> Request:
        """The next request of ours; `kind` is the body's Content-Type."""
        self.number += 1
        return self._request(method, self.number, [*headers, *([("Content-Type", kind)] if body else ())], body)

    def ack(self, number: int) -> Request:
        """The ACK of the 2xx that answered the INVITE of that number: a transaction of its own (section 13.2.2.4)."""
        return self._request("ACK", number, [], b"")

    def _request(self, method: str, number: int, headers: list[Field], body: bytes) -> Request:
        fields = [
            ("Via", f"SIP/2.0/UDP {self.contact.host}:{self.contact.port};branch={new_branch()};rport"),
            *(("Route", route) for route in self.routes),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", f"<{self.contact.text}>"),
            *headers,
        ]
        return Request(method=method, uri=self.target, headers=Headers(fields), body=body)
