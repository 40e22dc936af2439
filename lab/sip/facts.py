"""What a phone remembers of its calls, and the two ways in which a call disappoints whoever drives it."""

from dataclasses import dataclass
from enum import StrEnum

from lab.sip.message import Headers, Request, Uri
from lab.sip.udp import Address


class By(StrEnum):
    """Who ended a call."""

    US = "us"
    PEER = "peer"
    NOBODY = "nobody"  # it timed out


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: the final status of its INVITE (0 for none), the Q.850 cause that the peer gave, and when."""

    by: By
    status: int
    cause: int | None
    at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to our INVITE, at a moment of the loop's clock."""

    at: float
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE that reached us: when (loop's clock), from where, and what it said."""

    at: float
    source: Address
    request: Request

    @property
    def user(self) -> str:
        """Whom it calls: the user part of the Request-URI, as on the wire."""
        return Uri.parse(self.request.uri).user

    @property
    def caller(self) -> str:
        """The user part of From."""
        return self.request.sender.uri.user

    @property
    def display(self) -> str:
        """The name in From."""
        return self.request.sender.display

    @property
    def identity(self) -> str:
        """P-Asserted-Identity (RFC 3325), as on the wire; empty without."""
        return self.headers.get("P-Asserted-Identity")

    @property
    def headers(self) -> Headers:
        return self.request.headers


class CallEnded(Exception):
    """The call ended before what was waited for."""

    def __init__(self, ended: Ended, waiting_for: str) -> None:
        super().__init__(
            f"the call ended before {waiting_for}: by {ended.by}, status {ended.status}, Q.850 {ended.cause}"
        )
        self.ended = ended


class Refused(Exception):
    """The peer refused a request within the call."""
