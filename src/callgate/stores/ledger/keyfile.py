"""The ledger's own secrets: one file, readable by callgate alone, of which a copy lies in another place.

    master NAME HEX    wraps the keys of people; the first makes new ones, the others still open old ones
    index HEX          finds a person's keys by their number
    signing HEX        signs checkpoints (Ed25519)

Each HEX is 64 hexadecimal digits. Without the masters nothing personal can be read any more; without the index key
nobody can be found by their number, nor erased.

The masters may come from the environment instead, where something else keeps them: `CALLGATE_LEDGER_KEY` holds
`NAME HEX`, the newest first, with commas between. Then the file has no `master` line: two places for one secret would
leave in doubt which of them is in force.
"""

import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from callgate.stores.encoding import BadKeyFile

ENVIRONMENT = "CALLGATE_LEDGER_KEY"
_MASTER = re.compile(r"([a-z0-9][a-z0-9-]{0,31}) ([0-9a-f]{64})", re.ASCII)
_LINE = re.compile(r"(?:master ([a-z0-9][a-z0-9-]{0,31})|(index)|(signing)) ([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """What the file holds. `masters` by name, the newest first; it is never empty."""

    path: Path
    masters: dict[str, bytes] = field(repr=False)
    index: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @property
    def newest(self) -> str:
        """The name of the master key under which new keys are wrapped."""
        return next(iter(self.masters))

    @property
    def fingerprint(self) -> str:
        """Tells this index key from every other, and nothing about it."""
        return hmac.digest(self.index, b"callgate ledger index", "sha256").hex()[:16]


def read_ledger_keys(path: Path, environment: Mapping[str, str] = os.environ) -> LedgerKeys:
    """Read the file, and the master keys from the environment where they are there. Raises `BadKeyFile`."""
    masters, single = _read_file(path)
    if (given := environment.get(ENVIRONMENT)) is not None:
        if masters:
            raise BadKeyFile(
                f"{path} has a master key, and {ENVIRONMENT} is set too; take one of the two away, so that it is clear"
                " which is in force"
            )
        masters = _masters(given)
    if not masters or len(single) < 2:
        raise BadKeyFile(
            f"{path}: a master key, an index key and a signing key are needed, each on its line; the master key may be"
            f" in {ENVIRONMENT} instead"
        )
    return LedgerKeys(path, masters, single["index"], single["signing"])


def _masters(given: str) -> dict[str, bytes]:
    """What the environment holds. Raises `BadKeyFile`, which tells nothing of it."""
    masters: dict[str, bytes] = {}
    for at, part in enumerate(given.split(","), 1):
        match = _MASTER.fullmatch(part.strip())
        if match is None or match[1] in masters:
            raise BadKeyFile(
                f"{ENVIRONMENT}, part {at}: a name that stands there once, a space and 64 hexadecimal digits"
            )
        masters[match[1]] = bytes.fromhex(match[2])
    return masters


def _read_file(path: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The master keys by name, and the others by what they are."""
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadKeyFile(
            f"{path} cannot be read ({error.__class__.__name__}); `callgate init` makes a file of the ledger's keys"
        ) from None
    if mode & stat.S_IRWXO:
        raise BadKeyFile(f"{path} is open to every user of this machine; chmod it to 0600")
    masters: dict[str, bytes] = {}
    single: dict[str, bytes] = {}
    for at, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadKeyFile(f"{path}, line {at}: `master NAME`, `index` or `signing` and 64 hexadecimal digits")
        into, name = (masters, match[1]) if match[1] else (single, match[2] or match[3])
        if name in into:
            raise BadKeyFile(f"{path}, line {at}: {name} stands there already; each name stands once")
        into[name] = bytes.fromhex(match[4])
    return masters, single


def write_new_ledger_keys(path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Make a file of fresh keys, for its owner only; without a master key where the environment has it.

    Raises FileExistsError rather than lose a key.
    """
    masters = [] if ENVIRONMENT in environment else ["master first"]
    lines = (f"{what} {secrets.token_hex(32)}\n" for what in (*masters, "index", "signing"))
    _write(path, "".join(lines))


def add_master(path: Path, name: str) -> LedgerKeys:
    """Put a fresh master key before the others, the file being replaced whole. Raises `BadKeyFile`, OSError."""
    before = read_ledger_keys(path)
    if ENVIRONMENT in os.environ:
        raise BadKeyFile(f"the master keys are in {ENVIRONMENT}; put the new one before the others there")
    if name in before.masters:
        raise BadKeyFile(f"{path} has a master key {name!r} already; take another name")
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    _write(new, f"master {name} {secrets.token_hex(32)}\n{path.read_text(encoding='ascii')}")
    new.replace(path)
    return read_ledger_keys(path)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
