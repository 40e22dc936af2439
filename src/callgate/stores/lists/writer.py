"""Writes a national list to disk, streaming: a block of its numbers is in memory at a time, and the index.

The file appears under its name whole or not at all, and is on the disk when the writing returns. `listfile` has its
form.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from callgate.stores.errors import ListRefused
from callgate.stores.lists.cutting import Numbers, cut
from callgate.stores.lists.file import ALIGNMENT, COUNTS, HEADER_LIMIT, MAGIC, ListFile, ListVersion, open_list


def write_list(path: Path, of: ListVersion, blocks: Iterable[Numbers]) -> ListFile:
    """Write a list, replacing what `path` was once the new file is safe on disk.

    `blocks` are E.164 digits as integers, strictly increasing over all blocks, of any length each. Raises `ListRefused`
    where they do not increase, and what `blocks` raises; then the old file stays.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for part in _parts(of, blocks):
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    _sync_directory(path.parent)
    return open_list(path)


def _parts(of: ListVersion, blocks: Iterable[Numbers]) -> Iterator[bytes]:
    yield MAGIC
    header = json.dumps(of.to_fields(), sort_keys=True).encode()
    if len(header) > HEADER_LIMIT - ALIGNMENT:
        raise ListRefused(f"the source of {of.id} takes {len(of.source)} characters to tell; tell it in fewer")
    yield header + b" " * (-(len(MAGIC) + len(header) + 1) % ALIGNMENT) + b"\n"
    bases, shapes = [np.empty(0, np.uint64)], [np.empty(0, np.uint16)]
    count = 0
    for part in cut(blocks):
        yield part.offsets
        bases.append(part.bases)
        shapes.append(part.shapes)
        count += part.count
    yield np.concatenate(bases).astype("<u8").tobytes()
    yield np.concatenate(shapes).astype("<u2").tobytes()
    yield COUNTS.pack(count, sum(map(len, bases)))


def _sync_directory(path: Path) -> None:
    """Make the renaming itself durable."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
