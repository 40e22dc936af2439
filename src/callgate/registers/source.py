"""The bytes of a file, plain or compressed, or of standard input, in chunks.

What a file is shows in its first bytes, whatever its name says. Compressed data is unpacked as it is read: how much one
read may yield is bounded, and so is how many times larger than the file the content may be, so that a small file that
unpacks to a disk full of nothing is refused early.
"""

import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from callgate.registers.errors import FileRefused, Flaw

CHUNK = 1 << 20
"""Bytes at a time."""
MOST_TIMES = 200
"""How many times larger than the file its content may be; lists of numbers come to 3 to 20 times."""
UNCOUNTED = 64 << 20
"""Bytes of content up to which that is not asked."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"

OnBytes = Callable[[int], None]


@contextmanager
def chunks(file: str, member: str | None, on_bytes: OnBytes) -> Iterator[Iterator[bytes]]:
    """The content of `file`, or of standard input where it is `-`; of a zip file its only member, or the one named.

    `on_bytes` hears how many bytes of the file itself were read. Raises OSError, and `FileRefused`, which may also come
    while the chunks are read.
    """
    if file == "-":
        yield _content(sys.stdin.buffer, member, on_bytes)
        return
    with Path(file).open("rb") as opened:
        yield _content(opened, member, on_bytes)


def _content(file: BinaryIO, member: str | None, on_bytes: OnBytes) -> Iterator[bytes]:
    first = file.read(CHUNK)
    if first.startswith(_ZIP):
        if not file.seekable():
            raise FileRefused("a zip file cannot be read from a pipe; name the file instead of -")
        yield from _zipped(file, member, on_bytes)
        return
    if member is not None:
        raise FileRefused(f"there is no member {member!r}: this is no zip file")
    raw = _raw(first, file, on_bytes)
    yield from _gunzipped(raw) if first.startswith(_GZIP) else raw


def _raw(first: bytes, file: BinaryIO, on_bytes: OnBytes) -> Iterator[bytes]:
    chunk = first
    while chunk:
        on_bytes(len(chunk))
        yield chunk
        chunk = file.read(CHUNK)


def _gunzipped(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Every member of a gzip file (RFC 1952), of which there may be several in a row."""
    unpack = zlib.decompressobj(wbits=31)
    packed = unpacked = 0
    for chunk in raw:
        packed += len(chunk)
        rest = chunk
        while rest:
            if unpack.eof:
                unpack = zlib.decompressobj(wbits=31)
            try:
                content = unpack.decompress(rest, CHUNK)
            except zlib.error:
                raise FileRefused("the gzip file is damaged; fetch it again", Flaw.DAMAGED) from None
            unpacked += len(content)
            _bounded(unpacked, packed)
            if content:
                yield content
            rest = unpack.unconsumed_tail or unpack.unused_data
    while not unpack.eof:
        content = unpack.decompress(b"", CHUNK)
        if not content and not unpack.eof:
            raise FileRefused("the gzip file ends before its end; fetch it again", Flaw.DAMAGED)
        yield content


def _zipped(file: BinaryIO, member: str | None, on_bytes: OnBytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            info = _member(archive, member)
            if info.flag_bits & 1:
                raise FileRefused(f"{info.filename!r} is encrypted; unpack it first")
            unpacked = 0
            with archive.open(info) as content:
                while chunk := content.read(CHUNK):
                    unpacked += len(chunk)
                    _bounded(unpacked, info.compress_size)
                    yield chunk
            on_bytes(info.compress_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise FileRefused(
            "the zip file is damaged, or packed in an unusual way; fetch it again, or unpack it", Flaw.DAMAGED
        ) from None


def _member(archive: zipfile.ZipFile, wanted: str | None) -> zipfile.ZipInfo:
    files = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    shown = ", ".join(sorted(files)[:10]) or "none"
    if wanted is not None:
        if wanted not in files:
            raise FileRefused(f"the zip file has no member {wanted!r}; there are {shown}")
        return files[wanted]
    if len(files) != 1:
        raise FileRefused(f"the zip file has {len(files)} members; say which with --member: {shown}")
    return next(iter(files.values()))


def _bounded(unpacked: int, packed: int) -> None:
    if unpacked > UNCOUNTED and unpacked > MOST_TIMES * packed:
        raise FileRefused(
            f"the content is more than {MOST_TIMES} times as large as the file, as no list of numbers is; unpack it"
            " first if it is one"
        )
