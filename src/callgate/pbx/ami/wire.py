r"""The Asterisk Manager Interface on the wire: bytes in, messages out, and actions into bytes. No IO.

The peer greets with one line, `Asterisk Call Manager/11.0.0`, and then sends messages. A message is lines, `Name:
value` and a CR LF each, and an empty line ends it. A name may repeat (`ChanVariable`, `Output`). A message with
`Response` answers the action whose `ActionID` it carries; one with `Event` is news, or an item of a list that an
action asked for.

What reading takes care of:

- Messages are cut out of the bytes before anything is decoded, so a character that arrives in two TCP segments stays
  whole. What is not UTF-8 becomes U+FFFD.
- A message is bounded (`MESSAGE_LIMIT`). A longer one is dropped whole and reported in its place as `Dropped`,
  because an event that is missing is a gap that somebody has to close. Lines have no limit of their own: `AppData`
  may be long.
- The first of several headers with one name is the one that counts. Asterisk does not escape all that a caller or a
  dialplan supplied (manager_channels.c, channel_newexten: `AppData`), and a CR LF in there must not replace what
  stands before it.
- Only CR LF ends a line. A bare LF is part of a value.

What writing takes care of: a CR or LF inside a value would begin another header or a second action, so it is refused,
and so is whatever Asterisk would cut, drop or split.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from callgate.pbx.ami.errors import LocalError

MESSAGE_LIMIT: Final = 64 * 1024
"""Bytes of one incoming message, without the empty line that ends it."""

LINE_LIMIT: Final = 1022
"""Bytes of one outgoing line. With its CR LF it fills the 1,024 that Asterisk reads into (manager.c, get_input)."""

HEADER_LIMIT: Final = 128
"""Lines of one outgoing action: AST_MAX_MANHEADERS in Asterisk's manager.h."""

Fields = Mapping[str, str | Sequence[str]]
"""The headers of an action; a sequence of values repeats the header."""

_EOL: Final = b"\r\n"
_END: Final = b"\r\n\r\n"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OURS: Final = frozenset({"action", "actionid"})
_ESCAPE: Final = re.compile(r"\\([abfnrtv\\'\"?])")
_UNESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Banner:
    """The line with which the peer greets, such as `Asterisk Call Manager/11.0.0`."""

    text: str

    @property
    def is_ami(self) -> bool:
        """Whether this is a manager interface, and so a peer that may be told our secret."""
        return self.text.startswith("Asterisk Call Manager/")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message longer than `MESSAGE_LIMIT` was here."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A reply, or an event where it has `Event`. Names are looked up whatever their case.

    `headers` maps each name, in lower case, to its values in the order in which they came. The repr shows no value but
    that of `Event` or `Response`: the others hold people's numbers, and a repr ends up in logs.
    """

    headers: Mapping[str, tuple[str, ...]]

    def __getitem__(self, name: str) -> str:
        """The first value of a header, or KeyError."""
        return self.headers[name.lower()][0]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.headers

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, or `default` where there is none."""
        return self.headers.get(name.lower(), (default,))[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in the order in which they came."""
        return self.headers.get(name.lower(), ())

    def variables(self, name: str) -> dict[str, str]:
        """The channel variables in `ChanVariable: NAME=value`, `DestChanVariable: NAME=value` and the like.

        Which variables those are says `channelvars` in manager.conf. Asterisk escapes their values as C does
        (manager_channels.c, ast_manager_build_channel_state_string_prefix); here they are as they were set.
        """
        pairs = (value.partition("=") for value in self.all(name))
        return {variable: unescape(value) for variable, _, value in pairs}

    def __repr__(self) -> str:
        kind = "Event" if "event" in self.headers else "Response"
        return f"<Message {kind}={self.get(kind)!r}>"


Frame = Banner | Message | Dropped


class Framer:
    """Cuts what the peer sends into frames, however TCP cut it: `feed` it each piece."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # no delimiter begins before this offset, so no byte is searched twice
        self._oversized = False
        self._greeted = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Never raises, and holds at most one message's worth of bytes."""
        self._buffer += data
        frames: list[Frame] = []
        while (piece := self._cut(_END if self._greeted else _EOL)) is not None:
            if isinstance(piece, Dropped):
                frames.append(piece)
            elif not self._greeted:
                frames.append(Banner(piece.decode(errors="replace")))
            elif headers := _headers(piece):
                frames.append(Message(headers))
            self._greeted = True
        return frames

    def _cut(self, delimiter: bytes) -> bytes | Dropped | None:
        end = self._buffer.find(delimiter, self._scanned)
        if end < 0:
            partial = len(delimiter) - 1  # so many bytes at the end may begin the delimiter
            if len(self._buffer) > MESSAGE_LIMIT + partial:
                self._oversized = True
                del self._buffer[:-partial]
            self._scanned = max(0, len(self._buffer) - partial)
            return None
        oversized = self._oversized or end > MESSAGE_LIMIT
        piece = Dropped() if oversized else bytes(self._buffer[:end])
        del self._buffer[: end + len(delimiter)]
        self._scanned, self._oversized = 0, False
        return piece


def _headers(raw: bytes) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for line in raw.decode(errors="replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.lower(), value.removeprefix(" ")
            headers[name] = (*headers[name], value) if name in headers else (value,)
    return headers


def unescape(text: str) -> str:
    r"""What Asterisk wrote with C escapes (`\n`, `\"`, `\\` …), as it was.

    It does so for channel variables, caller names and the `Value` of VarSet (utils.c, ast_escape_c_alloc).
    """
    return _ESCAPE.sub(lambda escape: _UNESCAPED.get(escape[1], escape[1]), text) if "\\" in text else text


def encode(action: str, action_id: str, fields: Fields) -> bytes:
    """An action as it goes on the wire.

    `ActionID` stands before the fields, so that Asterisk can name the action even where it chokes on a field. Raises
    LocalError, which names the header and never its value, where Asterisk would read something else than was meant.
    """
    lines = [_line("Action", action), _line("ActionID", action_id)]
    for name, values in fields.items():
        if name.lower() in _OURS:
            raise LocalError(f"the header {name!r} of {action} is set by the client; leave it out")
        lines += [_line(name, value) for value in ((values,) if isinstance(values, str) else values)]
    if len(lines) > HEADER_LIMIT:
        raise LocalError(f"{action} has {len(lines)} lines and Asterisk takes {HEADER_LIMIT}; split it")
    return b"".join(lines) + _EOL


def _line(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise LocalError(f"{name!r} is no header name; use letters, digits and hyphens")
    if forbidden := [label for label, char in (("CR", "\r"), ("LF", "\n"), ("NUL", "\0")) if char in value]:
        raise LocalError(f"the value of {name} contains {', '.join(forbidden)}; take it out, it would end the line")
    if name.lower() == "variable" and "," in value:
        # Asterisk would read `A=1,B=2` as two variables (manager.c, man_do_variable_value).
        raise LocalError("the value of Variable contains a comma, which would set a second variable; repeat the header")
    try:
        line = f"{name}: {value}".encode()
    except UnicodeEncodeError as error:
        raise LocalError(f"the value of {name} is not text that UTF-8 can carry; it was decoded wrongly") from error
    if len(line) > LINE_LIMIT:
        raise LocalError(f"the line {name} has {len(line)} bytes and Asterisk takes {LINE_LIMIT}; shorten the value")
    return line + _EOL
