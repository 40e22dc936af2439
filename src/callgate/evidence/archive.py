"""The archive of a bundle: a zip whose comment is a signature of every byte before it.

It is written under another name and takes its own only once it is whole and on disk; nothing of an export that failed
stays behind.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callgate.core.events import Json
from callgate.evidence.verifier import READ_BYTES, SEAL_BYTES, SEALED_AS
from callgate.stores.ledger.checkpoints import public_key

MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)
"""The archive tells no time but that in its manifest."""
_SPLICE_BYTES = 1 << 20


class Member:
    """A file of the archive while it is written."""

    def __init__(self, into: BinaryIO) -> None:
        self._into = into
        self._digest = hashlib.sha256()

    def write(self, some: bytes) -> None:
        """Write on."""
        self._digest.update(some)
        self._into.write(some)

    def hexdigest(self) -> str:
        """The SHA-256 of what was written."""
        return self._digest.hexdigest()


class Archive:
    """A bundle while it is written: one file after the other, the manifest last."""

    def __init__(self, into: zipfile.ZipFile) -> None:
        self._zip = into
        self._digests: dict[str, str] = {}

    @contextmanager
    def file(self, name: str, *, packed: bool = True) -> Iterator[Member]:
        """Write a file of any size."""
        info = zipfile.ZipInfo(name, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as opened:
            member = Member(opened)  # type: ignore[arg-type]  # it is written to, and typed as IO[bytes]
            yield member
        self._digests[name] = member.hexdigest()

    def put(self, name: str, content: bytes | str, *, packed: bool = True) -> None:
        """Write a small file."""
        with self.file(name, packed=packed) as member:
            member.write(content.encode() if isinstance(content, str) else content)

    def splice(self, name: str, source: BinaryIO, *, packed: bool = True) -> None:
        """Write what another file holds, from its beginning."""
        source.seek(0)
        with self.file(name, packed=packed) as member:
            while some := source.read(_SPLICE_BYTES):
                member.write(some)

    def end(self, said: dict[str, Json]) -> None:
        """Write the manifest: what is said of the bundle, and the SHA-256 of every file."""
        text = json.dumps({**said, "files": self._digests}, indent=1, sort_keys=True, ensure_ascii=False)
        self._zip.writestr(zipfile.ZipInfo(MANIFEST, _DATE), f"{text}\n", zipfile.ZIP_DEFLATED)


def refuse_another(to: Path) -> None:
    """Raises FileExistsError where the file is there already, and FileNotFoundError where its folder is not."""
    if to.exists():
        raise FileExistsError(f"{to} is there already; name another file, or take it away")
    if not to.parent.is_dir():
        raise FileNotFoundError(f"{to.parent} is no folder; make it first")


@contextmanager
def written(to: Path, signing: bytes) -> Iterator[Archive]:
    """A new bundle at `to`, for its owner only, sealed with the ledger's key. Raises FileExistsError, OSError."""
    refuse_another(to)
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                yield Archive(packed)
                packed.comment = bytes(SEAL_BYTES)
            _seal(file, signing)
            os.fsync(file.fileno())
        os.link(part, to)  # unlike a rename it never takes the place of another file
        _sync(to.parent)
    finally:
        part.unlink(missing_ok=True)


def _seal(file: BinaryIO, signing: bytes) -> None:
    """Put the signature into the room that was left for it."""
    left = file.seek(0, os.SEEK_END) - SEAL_BYTES
    file.seek(0)
    digest = hashlib.sha256()
    while left and (some := file.read(min(left, READ_BYTES))):
        digest.update(some)
        left -= len(some)
    signature = Ed25519PrivateKey.from_private_bytes(signing).sign(SEALED_AS + digest.digest())
    file.write(f"callgate-evidence 1 {public_key(signing).hex()} {signature.hex()}\n".encode())
    file.flush()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lines(rows: Sequence[object]) -> bytes:
    """Rows as JSON, one a line."""
    return b"".join(
        json.dumps(row, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode() + b"\n" for row in rows
    )
