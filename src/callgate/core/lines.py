"""On which line of a TOML file a key stands, so that an error can name its place.

`tomllib` reads values and forgets lines. This reads lines and forgets values: it follows table headers and the keys
below them, which is enough for the files that people write.
"""

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*\[(\[)?\s*(?P<keys>[^\[\]]+?)\s*\](\])?\s*(#.*)?$")
_KEY = re.compile(
    r"^\s*(?P<key>(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="
)
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(double or single or bare for double, single, bare in _PART.findall(dotted))


def index(text: str) -> dict[Path, int]:
    """Every table and key of the file → the line, from 1, on which it is first named."""
    found: dict[Path, int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            keys = _parts(header["keys"])
            table = keys
            if header[1]:
                counts[keys] = counts.get(keys, -1) + 1
                table = (*keys, counts[keys])
            for depth in range(1, len(keys) + 1):
                found.setdefault(keys[:depth], number)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key["key"]))
            for depth in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:depth], number)
    return found


def line_of(found: dict[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the nearest table above it that the file names."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in found:
            return found[path[:depth]]
    return None
