"""SIP messages: one datagram in, one value out, and back (RFC 3261 sections 7, 19, 20, 25). No IO, no clock.

Theory of operation. Over UDP a datagram is a message. `parse` gives a `Request` or a `Response`, or raises `BadMessage`
(the peer's fault); after that every header that a dialog needs is there and has been read, so nothing later can fail on
it. `encode` refuses what would break out of its line with `Unsendable` (our fault). Everything else goes out exactly as
given: the tests dial user parts that no telephone would, and what the gate makes of them is the point.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self, TypeVar

Field = tuple[str, str]
"""A header's name and value."""

_COMPACT: Final = {
    "c": "Content-Type",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "t": "To",
    "v": "Via",
}
_NEEDED: Final = ("Via", "From", "To", "Call-ID", "CSeq")
_BREAKS: Final = re.compile(r"[\r\n\0]")
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_ELEMENT: Final = re.compile(rf'(?:{_QUOTED}|<[^>]*>|[^,"<])+')
_PARAMETER: Final = re.compile(rf";\s*([^;=\s]+)\s*(?:=\s*({_QUOTED}|[^;]*))?")
_NAME_ADDR: Final = re.compile(rf"\s*({_QUOTED}|[^<\"]*?)\s*<([^>]*)>(.*)", re.DOTALL)
_URI: Final = re.compile(
    r"sips?:(?:(?P<user>.*)@)?(?P<host>\[[^\]]*\]|[^:;?@]*)(?::(?P<port>\d{1,5}))?", re.I | re.DOTALL
)
_CSEQ: Final = re.compile(r"(\d{1,10})\s+(\S+)")


class BadMessage(ValueError):  # what it is, not that it is an error
    """What arrived is not a SIP message that we understand."""


class Unsendable(ValueError):
    """A value that would break out of its line: CR, LF or NUL."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI as far as a phone needs it; `user` is as on the wire, not unescaped. The port defaults to 5060."""

    text: str
    user: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _URI.match(text)
        if not found:
            raise BadMessage(f"not a SIP URI: {text[:40]!r}")
        port = int(found["port"] or 5060)
        if port > 65535:
            raise BadMessage(f"not a port: {port}")
        # The last @ ends the user part: RFC 3261 wants any earlier one escaped, and not everyone does it.
        return cls(text, found["user"] or "", found["host"], port)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact and their like: `"display" <uri>;parameters` (RFC 3261 section 20.10)."""

    display: str
    uri: Uri
    parameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _NAME_ADDR.match(text)
        if found:
            display, uri, rest = found.groups()
        else:
            # Without brackets, parameters belong to the header and not to the URI.
            bare, semicolon, rest = text.strip().partition(";")
            display, uri, rest = "", bare, semicolon + rest
        return cls(_unquote(display), Uri.parse(uri), parameters(rest))

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag")


def parameters(text: str) -> dict[str, str]:
    """The `;name=value` pairs of a header's value; names in lower case."""
    return {name.lower(): _unquote(value.strip()) for name, value in _PARAMETER.findall(text)}


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' else text


class Headers(tuple[Field, ...]):
    """The header fields in their order; names compare without case."""

    __slots__ = ()

    def get(self, name: str, default: str = "") -> str:
        """The first value under that name."""
        return next((value for key, value in self if key.lower() == name.lower()), default)

    def all(self, name: str) -> list[str]:
        """Every value under that name, lists taken apart (RFC 3261 section 7.3.1)."""
        joined = (value for key, value in self if key.lower() == name.lower())
        return [element.strip() for value in joined for element in _ELEMENT.findall(value) if element.strip()]

    def copied(self, name: str) -> list[Field]:
        """The fields of that name, whole, to be copied into another message."""
        return [(key, value) for key, value in self if key.lower() == name.lower()]


@dataclass(frozen=True, kw_only=True)
class Message:
    """What requests and responses share."""

    headers: Headers
    body: bytes = b""

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    @cached_property
    def sender(self) -> NameAddr:
        return NameAddr.parse(self.headers.get("From"))

    @cached_property
    def recipient(self) -> NameAddr:
        return NameAddr.parse(self.headers.get("To"))

    @cached_property
    def contact(self) -> NameAddr | None:
        value = self.headers.all("Contact")
        return NameAddr.parse(value[0]) if value and value[0] != "*" else None

    @cached_property
    def cseq(self) -> tuple[int, str]:
        """The sequence number and the method that it counts."""
        found = _CSEQ.fullmatch(self.headers.get("CSeq"))
        if not found:
            raise BadMessage(f"not a CSeq: {self.headers.get('CSeq')[:40]!r}")
        return int(found[1]), found[2]

    @cached_property
    def branch(self) -> str:
        """What names the transaction, from the topmost Via."""
        via = self.headers.all("Via")
        return parameters(via[0]).get("branch", "") if via else ""

    @property
    def call_id(self) -> str:
        return self.headers.get("Call-ID")

    @property
    def cause(self) -> int | None:
        """The Q.850 cause of the Reason header (RFC 3326), if it has one."""
        for reason in self.headers.all("Reason"):
            if reason.upper().startswith("Q.850"):
                cause = parameters(reason).get("cause", "")
                return int(cause) if re.fullmatch(r"[0-9]{1,3}", cause) else None
        return None

    def encode(self) -> bytes:
        """The datagram. Raises Unsendable."""
        lines = [self.start_line, *(f"{name}: {value}" for name, value in self.headers)]
        for line in lines:
            if _BREAKS.search(line):
                raise Unsendable(f"CR, LF or NUL in {line[:40]!r}: leave it out, or escape it")
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    method: str
    uri: str

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"


@dataclass(frozen=True, kw_only=True)
class Response(Message):
    status: int
    reason: str

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


_Any = TypeVar("_Any", Request, Response)


def parse(data: bytes) -> Request | Response:
    """One datagram. Raises BadMessage.

    Bytes that are not UTF-8 are kept as surrogates, so that `encode` gives them back.
    """
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        raise BadMessage("no empty line after the headers")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    if broken := next((line for line in (start, *lines) if _BREAKS.search(line)), None):
        # An answer copies headers, and could not be sent.
        raise BadMessage(f"CR, LF or NUL in {broken[:40]!r}")
    headers = Headers(_field(line) for line in lines)
    body = _whole(body, headers)
    headers = Headers(field for field in headers if field[0].lower() != "content-length")  # `encode` counts anew
    # The parts that may hold spaces are the URI of a request and the phrase of a response.
    first, _, rest = start.partition(" ")
    if first == "SIP/2.0":
        status, _, reason = rest.partition(" ")
        if not re.fullmatch(r"[1-6]\d\d", status):
            raise BadMessage(f"not a status: {status[:40]!r}")
        return _checked(Response(status=int(status), reason=reason, headers=headers, body=body))
    uri, _, version = rest.rpartition(" ")
    if version != "SIP/2.0" or not uri:
        raise BadMessage(f"neither a request nor a response: {start[:40]!r}")
    return _checked(Request(method=first, uri=uri, headers=headers, body=body))


def _field(line: str) -> Field:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not name:
        raise BadMessage(f"not a header: {line[:40]!r}")
    return _COMPACT.get(name.lower(), name), value.strip()


def _whole(body: bytes, headers: Headers) -> bytes:
    """The body as long as Content-Length says (RFC 3261 section 18.3)."""
    announced = headers.get("Content-Length", str(len(body)))
    if not re.fullmatch(r"[0-9]{1,5}", announced) or int(announced) > len(body):
        raise BadMessage(f"a body of {len(body)} bytes where Content-Length says {announced[:40]!r}")
    return body[: int(announced)]


def _checked(message: _Any) -> _Any:
    """The message, all that a dialog reads of it having been read once."""
    for name in _NEEDED:
        if not message.headers.get(name):
            raise BadMessage(f"no {name} header")
    if isinstance(message, Request):
        Uri.parse(message.uri)
    _ = message.sender, message.recipient, message.contact, message.cseq, message.branch
    return message
