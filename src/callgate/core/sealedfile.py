"""The format of a sealed recording, to the byte. Pure: bytes in, bytes out.

    8            magic, `CGATEREC`
    1            version of the format, 1
    4            length of the header, big-endian
    so many      the header: JSON, see `Header`
    the chunks   65,536 bytes of the recording each, the last 0 to 65,536; each with its tag of 16 bytes after it

A chunk is AES-256-GCM (NIST SP 800-38D) under a key that seals this one file and nothing else. Its nonce is its number,
from 0, as 12 bytes big-endian, which is why the key may never seal a second file. Its associated data is the SHA-256 of
everything before the first chunk, its number in 8 bytes, and one byte that says whether it is the last. So a chunk that
was changed, moved, left out or brought from another file does not open, and neither does a file that was cut off or
to which something was added: what is then at its end was not sealed as the last. Chunks open by themselves, so a part
can be heard without what is before it.

The header is not secret and holds nothing of a person: `key` is the file's own key, wrapped under a key of the person's
that only the office has (`stores/ledger/vault.py`). To destroy that one is to destroy the recording.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 65_536
TAG = 16
KEY_BYTES = 32
FORMAT = "callgate-recording-1"
"""What events and proofs call this format."""

_MAGIC = b"CGATEREC\x01"
_LENGTH = struct.Struct(">I")
_AAD = struct.Struct(">32sQ?")
LONGEST_HEADER = 4096
PREFIX = len(_MAGIC) + _LENGTH.size
"""So many bytes say how long the head is."""


_CALL = re.compile(r"[0-9A-Za-z-]+", re.ASCII)


def is_call(text: str) -> bool:
    """Whether the text may be a CALLGATE_ID: letters, digits and dashes."""
    return _CALL.fullmatch(text) is not None


def checked(call: str) -> str:
    """The CALLGATE_ID, which becomes a part of file names. Raises ValueError for what is none."""
    if not is_call(call):
        raise ValueError("a CALLGATE_ID is letters, digits and dashes")
    return call


def file_name(call: str) -> str:
    """The name of a call's sealed file. Raises ValueError for what is no CALLGATE_ID."""
    return f"{checked(call)}.sealed"


class NotSealed(Exception):
    """The bytes are no sealed recording, or not as they were sealed; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a sealed file says of itself. `at` is when it was sealed; `subject` and `key` are hexadecimal."""

    call: str
    controller: str
    campaign: str
    at: str
    subject: str
    key: str

    def encode(self) -> bytes:
        """Everything that stands before the first chunk."""
        said = json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()
        if len(said) > LONGEST_HEADER:
            raise ValueError(f"a header of {len(said)} bytes is longer than {LONGEST_HEADER}")
        return _MAGIC + _LENGTH.pack(len(said)) + said

    @property
    def sealed_at(self) -> datetime:
        """When it was sealed: an aware time."""
        return datetime.fromisoformat(self.at)


def head_length(start: bytes) -> int:
    """How many bytes stand before the first chunk, from the first `PREFIX` of a file. Raises `NotSealed`."""
    if len(start) < PREFIX or start[: len(_MAGIC)] != _MAGIC:
        raise NotSealed("it does not begin like a sealed recording of a format that this callgate knows")
    (length,) = _LENGTH.unpack_from(start, len(_MAGIC))
    if length > LONGEST_HEADER:
        raise NotSealed(f"its header is said to have {length} bytes, and {LONGEST_HEADER} are the most")
    return PREFIX + int(length)


def decode(head: bytes) -> Header:
    """The header, from everything before the first chunk. Raises `NotSealed`."""
    if len(head) != head_length(head):
        raise NotSealed("its header is cut off")
    try:
        header = Header(**json.loads(head[PREFIX:]))
        bytes.fromhex(header.subject + header.key)
        right = all(isinstance(value, str) for value in asdict(header).values()) and header.sealed_at.tzinfo is not None
    except (ValueError, TypeError, RecursionError):
        right = False
    if not right:
        raise NotSealed("its header cannot be read")
    return header


class _Cipher:
    """Seals and opens the chunks of one file."""

    def __init__(self, key: bytes, head: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a recording's key has {KEY_BYTES} bytes, not {len(key)}")
        self._aead = AESGCM(key)
        self._head = hashlib.sha256(head).digest()

    def seal(self, number: int, plain: bytes, *, last: bool) -> bytes:
        return self._aead.encrypt(number.to_bytes(12), plain, _AAD.pack(self._head, number, last))

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._aead.decrypt(number.to_bytes(12), sealed, _AAD.pack(self._head, number, last))
        except InvalidTag:
            raise NotSealed(f"chunk {number} is not as it was sealed, or the file was cut off or added to") from None


class Sealing:
    """Seals one file: `head`, then what `update` gives for each piece of the recording, then `finish`."""

    def __init__(self, key: bytes, header: Header) -> None:
        self.head = header.encode()
        self._cipher = _Cipher(key, self.head)
        self._held = bytearray()
        self._number = 0

    def update(self, plain: bytes) -> bytes:
        """The chunks that are full. The last of what is known is held back: it may be the end."""
        self._held += plain
        return b"".join(self._full())

    def _full(self) -> Iterator[bytes]:
        while len(self._held) > CHUNK:
            yield self._next(CHUNK, last=False)

    def finish(self) -> bytes:
        """The last chunk, which may be empty."""
        return self._next(CHUNK, last=True)

    def _next(self, count: int, *, last: bool) -> bytes:
        sealed = self._cipher.seal(self._number, bytes(self._held[:count]), last=last)
        del self._held[:count]
        self._number += 1
        return sealed


class Opening:
    """Opens the chunks of a file of `size` bytes that begins with `head`. Raises `NotSealed` where that cannot be."""

    def __init__(self, key: bytes, head: bytes, size: int) -> None:
        self._cipher = _Cipher(key, head)
        self._start = len(head)
        body = size - len(head)
        self.chunks = -(-body // (CHUNK + TAG))
        self.size = body - self.chunks * TAG
        """Bytes of the recording."""
        if self.chunks < 1 or body - (self.chunks - 1) * (CHUNK + TAG) < TAG:
            raise NotSealed("it is cut off")

    def place(self, number: int) -> tuple[int, int]:
        """From where in the file to where the chunk stands."""
        at = self._start + number * (CHUNK + TAG)
        return at, min(at + CHUNK + TAG, self._start + self.size + self.chunks * TAG)

    def chunk(self, number: int, sealed: bytes) -> bytes:
        """The recording's bytes from `number * CHUNK` on. Raises `NotSealed`."""
        return self._cipher.open(number, sealed, last=number == self.chunks - 1)

    def needed(self, start: int, end: int) -> Iterator[tuple[int, slice]]:
        """Which chunks hold the bytes from `start` up to `end` of the recording, and which part of each is meant."""
        end = min(end, self.size)
        for number in range(start // CHUNK, -(-end // CHUNK) if start < end else 0):
            at = number * CHUNK
            yield number, slice(max(start - at, 0), min(end - at, CHUNK))
