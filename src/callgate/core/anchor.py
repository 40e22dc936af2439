"""An anchor: one short line that holds a ledger to what it said, for a letter, a mail or a partner's drawer.

    42 KZ3TQ2XA 5WMB7LNE JZ6Q4RVT G3HCUYAP 7QKD

The number of a checkpoint, the first 160 bits of its digest in base32 (RFC 4648), and four letters that catch a slip of
the pen. Whoever holds it can tell later whether that checkpoint, and so every event before it, is still there
unchanged.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

DIGEST_BYTES = 20
_GROUP = 8


@dataclass(frozen=True, slots=True)
class Anchor:
    """Which checkpoint, and the first 20 bytes of its digest."""

    number: int
    digest: bytes

    def __str__(self) -> str:
        letters = base64.b32encode(self.digest).decode()
        groups = (letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
        return " ".join((str(self.number), *groups, self._check()))

    def _check(self) -> str:
        return base64.b32encode(hashlib.sha256(b"%d %s" % (self.number, self.digest)).digest())[:4].decode()


def read_anchor(line: str) -> Anchor:
    """Read a line; case and the spaces between groups do not matter. Raises ValueError."""
    number, *letters = line.upper().split() or [""]
    text = "".join(letters)
    try:
        anchor = Anchor(int(number), base64.b32decode(text[:-4]))
    except (ValueError, binascii.Error):
        raise ValueError(f"{line.strip()!r} is no anchor: `callgate ledger anchor` prints one") from None
    if len(anchor.digest) != DIGEST_BYTES or text[-4:] != anchor._check():
        raise ValueError(f"the anchor {line.strip()!r} has a slip in it: compare it with where it was copied from")
    return anchor
