"""FastAGI without IO: bytes in, values out.

Theory of operation (line numbers are those of Asterisk 22.10.1). Asterisk connects, sends a head of `agi_name: value`
lines that an empty line ends (res_agi.c 2483), and then answers each command line with one reply: a line, or, to a
command of wrong usage, a text framed by `520-` and `520 `. Between replies comes, at any time, the line `HANGUP` when
the caller has left (res_agi.c 4369, 4488). `Reader` turns those bytes into `Request`, `Reply` and `HangUp`; `command`
turns words into the one line that Asterisk's parser takes apart into the same words again.

Neither direction is believed. Asterisk writes what an agent dialled, and what a caller calls itself, into the head as
it is, so a dialled `%0A` starts a header of the agent's own: a header that comes twice, an argument out of its order,
a line that is no reply are errors. And of what we send, whatever stands behind a line feed, or behind the 8,191st
byte, would run as a command of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from callgate.pbx.agi.errors import LocalError, RemoteError

MAX_COMMAND: Final = 8191
"""Bytes of a command with its line feed: fgets into AGI_BUF_LEN (res_agi.c 1551, 4416). More is the next command."""

MAX_WORDS: Final = 127
"""Words of a command. One more makes parse_args write behind its array (MAX_ARGS, res_agi.c 1548, 4174)."""

_FIRST_LINE: Final = "agi_network: yes"
_REQUIRED: Final = frozenset(
    f"agi_{name}" for name in ("request", "channel", "uniqueid", "callerid", "extension", "context", "language")
)
_REPLY: Final = re.compile(r"200 result=(-?[0-9]{1,10})(?: \((.*)\))?(?: endpos=(-?[0-9]{1,19}))?")
_REFUSAL: Final = re.compile(r"(510|511|520) .*")
_UNSENDABLE: Final = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, from setup_env (res_agi.c 2483). What may be a person's number is kept out of `repr`.

    `script` is the path of the URL without its first slash and its query, `callerid` is None where Asterisk knows none.
    `variables` holds every header but the arguments under its own name, `agi_type` and so on.
    """

    script: str
    arguments: tuple[str, ...] = field(repr=False)
    channel: str = field(repr=False)
    uniqueid: str
    callerid: str | None = field(repr=False)
    extension: str = field(repr=False)
    context: str
    language: str
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What Asterisk answered to one command.

    `code` is 200, 510 (no such command), 511 (not on a dead channel) or 520 (wrong usage, its text dropped). `data` is
    what stood in parentheses, `endpos` a position in samples; both only where the command has one.
    """

    code: int
    result: int = 0
    data: str | None = field(default=None, repr=False)
    endpos: int | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    """The line `HANGUP`: the channel is dead, or the AGI application is about to end."""


Event = Request | Reply | HangUp


class Reader:
    """One connection's bytes, in chunks of any size, as events.

    `max_line` counts bytes without the line feed, `max_lines` the lines of a head, and of a usage text.
    """

    def __init__(self, max_line: int = 1024, max_lines: int = 128) -> None:
        self._max_line = max_line
        self._max_lines = max_lines
        self._rest = b""
        self._headers: dict[str, str] = {}
        self._usage_lines = 0
        self._in_head = True

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises RemoteError, after which the reader is of no more use. Nothing of a chunk with an error in it is
        returned: what came along with it is not to be believed either.
        """
        whole, line_feed, self._rest = (self._rest + data).rpartition(b"\n")
        if b"\0" in data:
            raise RemoteError("the peer sent a NUL byte; this port is for Asterisk's FastAGI")
        if max(len(self._rest), *map(len, whole.split(b"\n"))) > self._max_line:
            raise RemoteError(f"the peer sent a line of more than {self._max_line} bytes")
        # A caller's name may come in any encoding, and is no reason to lose the call.
        lines = iter(whole.decode(errors="replace").split("\n") if line_feed else ())
        events: list[Event | None] = [self._take_head(lines) if self._in_head else None]
        events += [self._take(line) for line in lines]
        return [event for event in events if event is not None]

    def _take_head(self, lines: Iterator[str]) -> Request | None:
        """Take the lines of the head, and no other; the request, where they end it."""
        headers = self._headers
        for place, line in enumerate(lines, len(headers) + 1):
            if not line:
                self._in_head = False
                return _request(headers)
            name, colon, value = line.partition(": ")
            if place == 1 and line != _FIRST_LINE:
                raise RemoteError(f"the first line is not {_FIRST_LINE!r}; this port is for Asterisk's FastAGI")
            if place > self._max_lines:
                raise RemoteError(f"the peer sent a head of more than {self._max_lines} lines")
            if not colon or not name.startswith("agi_"):
                raise RemoteError(f"line {place} of the head is no 'agi_name: value'")
            if name in headers:
                raise RemoteError(f"line {place} of the head repeats a header; did someone dial a line feed?")
            headers[name] = value
        return None

    def _take(self, line: str) -> Event | None:
        if line == "HANGUP":
            return HangUp()
        return self._take_usage(line) if self._usage_lines else self._take_reply(line)

    def _take_reply(self, line: str) -> Reply | None:
        if match := _REPLY.fullmatch(line):
            result, data, endpos = match.groups()
            return Reply(200, int(result), data, None if endpos is None else int(endpos))
        if match := _REFUSAL.fullmatch(line):
            return Reply(int(match[1]))
        if line.startswith("520-"):
            self._usage_lines = 1
            return None
        raise RemoteError("the peer sent a line that is no reply; did a variable hold a line feed?")

    def _take_usage(self, line: str) -> Reply | None:
        self._usage_lines += 1
        if self._usage_lines > self._max_lines:
            raise RemoteError(f"the peer sent a usage text of more than {self._max_lines} lines")
        if not line.startswith("520 "):
            return None
        self._usage_lines = 0
        return Reply(520)


def _request(headers: dict[str, str]) -> Request:
    if missing := _REQUIRED - headers.keys():
        raise RemoteError(f"the head lacks {', '.join(sorted(missing))}")
    callerid = headers["agi_callerid"]
    return Request(
        script=_script(headers["agi_request"]),
        arguments=_take_arguments(headers),
        channel=headers["agi_channel"],
        uniqueid=headers["agi_uniqueid"],
        callerid=None if callerid == "unknown" else callerid,
        extension=headers["agi_extension"],
        context=headers["agi_context"],
        language=headers["agi_language"],
        variables=MappingProxyType(headers),
    )


def _take_arguments(headers: dict[str, str]) -> tuple[str, ...]:
    names = [name for name in headers if name.startswith("agi_arg_")]
    if names != [f"agi_arg_{place}" for place in range(1, len(names) + 1)]:
        raise RemoteError("the arguments of the head are out of order; did someone dial a line feed?")
    return tuple([headers.pop(name) for name in names])


def _script(url: str) -> str:
    _, scheme, address = url.partition("://")
    if not scheme:
        raise RemoteError("agi_request is no URL like agi://host/script")
    return address.partition("/")[2].partition("?")[0]


def command(*words: str) -> bytes:
    r"""The line that Asterisk's parse_args (res_agi.c 4158) takes apart into exactly these words.

    Every word is quoted, the first too: a line that begins with `failure` ends the script (res_agi.c 4442). In
    quotes, a backslash makes the next character plain, whichever it is, so `"` and `\` are all that needs one.

    Raises LocalError for what no line can say: a line feed, carriage return or NUL, too many words, too many bytes.
    """
    if not 1 <= len(words) <= MAX_WORDS:
        raise LocalError(f"a command has 1 to {MAX_WORDS} words, not {len(words)}")
    line = " ".join([_quoted(word) for word in words])
    if _UNSENDABLE.search(line):
        raise LocalError(f"an argument of {words[0]!r} holds a line feed, carriage return or NUL; take it out first")
    try:
        encoded = line.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise LocalError(f"an argument of {words[0]!r} is not text that UTF-8 can hold") from error
    if len(encoded) > MAX_COMMAND:
        raise LocalError(f"{words[0]!r} would be a line of {len(encoded)} bytes; Asterisk reads {MAX_COMMAND}")
    return encoded


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
