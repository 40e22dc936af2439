"""How an objection becomes a member of a set: as a token, exact, and such that Redis's sets stay intsets.

A token is 63 bits of an HMAC-SHA256 of the number, under a key derived per audience from a secret that is not in
Redis. A plain hash would be tried out in minutes, there being so few numbers. Other bits of the same digest choose
the bucket, so that two people share bucket and token with a probability of 2**-77 a pair. Numbers of national lists
are no secret, and kept as `index` says.
"""

import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from callgate.stores.objections import Audience

BUCKET_BITS = 14
"""16,384 buckets: up to about six million objections each set stays an intset (`set-max-intset-entries` 512)."""

_KEY_LINE = re.compile(r"([a-z0-9][a-z0-9-]{0,15}) ([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """Where an objection is kept: the bucket, and the member of its set."""

    bucket: int
    member: int


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A secret of 32 bytes and the name by which it is told from others."""

    id: str
    secret: bytes = field(repr=False)

    def token(self, audience: Audience, number: str) -> Token:
        """The token of an E.164 number for one audience."""
        whose = "\0".join((audience.scope, audience.controller, audience.campaign))
        digest = hmac.digest(hmac.digest(self.secret, whose.encode(), "sha256"), number.encode(), "sha256")
        return Token(int.from_bytes(digest[8:12]) >> (32 - BUCKET_BITS), int.from_bytes(digest[:8]) >> 1)

    @property
    def fingerprint(self) -> str:
        """Tells this key from another of the same name, and nothing about the secret."""
        return f"{self.id}-{hmac.digest(self.secret, b'fingerprint', 'sha256').hex()[:8]}"


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """All keys that are alive. The first makes new tokens; lookups and removals try every one."""

    keys: tuple[TokenKey, ...]

    def new(self, audience: Audience, number: str) -> Token:
        """The token to add."""
        return self.keys[0].token(audience, number)

    def all(self, audience: Audience, number: str) -> Iterator[Token]:
        """Every token under which the number may be found."""
        return (key.token(audience, number) for key in self.keys)

    @property
    def layout(self) -> str:
        """Names the way tokens are laid out: a cache that was filled in another way would miss what it holds."""
        return ".".join([f"b{BUCKET_BITS}", *(key.fingerprint for key in self.keys)])


class BadKeyFile(Exception):
    """The file of token keys cannot be used; the message names the file, the line and the way out."""


def read_keys(path: Path) -> TokenKeys:
    """Read token keys, one a line: a name, a space, 64 hexadecimal digits. Raises `BadKeyFile`."""
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadKeyFile(f"{path} cannot be read ({error.__class__.__name__}); name a file of token keys") from None
    if mode & stat.S_IRWXO:
        raise BadKeyFile(f"{path} is open to every user of this machine; chmod it to 0600")
    keys: list[TokenKey] = []
    for at, line in enumerate(lines, 1):
        match = _KEY_LINE.fullmatch(line)
        if match is None:
            raise BadKeyFile(f"{path}, line {at}: a name, a space and 64 hexadecimal digits are needed")
        keys.append(TokenKey(match[1], bytes.fromhex(match[2])))
    if not keys or len({key.id for key in keys}) < len(keys):
        raise BadKeyFile(f"{path}: at least one key is needed, and no two of one name")
    return TokenKeys(tuple(keys))


def write_new_key(path: Path, name: str) -> None:
    """Make a file with one fresh key, for its owner only. Raises FileExistsError rather than lose a key."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(f"{name} {secrets.token_hex(32)}\n")
        file.flush()
        os.fsync(file.fileno())
