"""What a text file is: its encoding, how its lines end, and what stands between its fields, from its first bytes.

Everything behind works on ASCII and takes other characters as they come, so only what is not ASCII-compatible is
recoded: UTF-16, which spreadsheets write as "Unicode text".
"""

import codecs
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from callgate.core.records import Shape, split
from callgate.registers.errors import FileRefused, Flaw

SAMPLE = 1 << 16
"""Bytes that are looked at."""
DELIMITERS = b";,\t|"

_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def as_ascii_superset(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content without its byte-order mark, and UTF-16 as UTF-8. Raises `FileRefused` for broken UTF-16."""
    first = next(chunks, b"")
    while 0 < len(first) < 4 and (more := next(chunks, b"")):
        first += more
    wide = _WIDE.get(first[:2])
    if wide is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decode = codecs.getincrementaldecoder(wide)()
    try:
        for chunk in chain([first[2:]], chunks):
            yield decode.decode(chunk).encode()
        decode.decode(b"", final=True)
    except UnicodeError:
        raise FileRefused("the file begins as UTF-16 and does not go on so; fetch it again", Flaw.DAMAGED) from None


def shape_of(sample: bytes, delimiter: int | None = None, quotes: bool = True) -> Shape:
    """How the records of a file are written, from its first `SAMPLE` bytes; `delimiter` where it is known."""
    line_end = b"\r"[0] if b"\r" in sample and b"\n" not in sample else b"\n"[0]
    found = delimiter if delimiter is not None else _delimiter(sample, line_end)
    return Shape(found, quotes and found is not None, line_end, _encoding(sample))


def _encoding(sample: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _delimiter(sample: bytes, line_end: int) -> int | None:
    """The sign that stands equally often in most lines, the first among them if there is such; None where none does."""
    best: tuple[bool, int, int] | None = None
    for delimiter in DELIMITERS:
        shape = Shape(delimiter, quotes=True, line_end=line_end)
        records, _ = split(sample[:SAMPLE], shape, last=True)
        stand = [
            int(((records.delimiters >= start) & (records.delimiters < end)).sum())
            for start, end in zip(records.starts[:100], records.ends[:100], strict=True)
            if end > start
        ]
        if not stand:
            continue
        often, lines = Counter(stand).most_common(1)[0]
        found = (stand[0] == often, lines)
        if often and (best is None or found > best[:2]):
            best = (*found, delimiter)
    return best[2] if best else None
