"""How an objection becomes a member of a set: as a token, exact, and such that Redis's sets stay intsets.

A token is 63 bits of an HMAC-SHA256 of the number, under a key derived per audience from a secret that is not in
Redis. A plain hash would be tried out in minutes, there being so few numbers. Other bits of the same digest, eight or
more, choose the bucket, so that two people share bucket and token with a probability of 2**-71 a pair at most. Numbers
of national lists are no secret; `index` says how they are kept.

A bucket is an intset while it has no more than 512 tokens, and costs about 100 bytes for being a set at all. So there
are as many buckets as are well filled: a rebuild chooses by the number of objections and notes it in the generation's
name, and when they become `crowded` it is time for another.
"""

import hmac
import os
import re
import secrets
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from callgate.core.mac import Mac
from callgate.stores.objections import Audience

FILLED = 384
"""Tokens that a rebuild puts into a bucket at most, in the mean."""
CROWDED = 430
"""More in the mean, and the fullest of many thousand buckets might pass 512: that is four standard deviations away."""
_FEWEST_BITS, _MOST_BITS = 8, 32

_FIRST_BITS = struct.Struct(">QI20x").unpack
_KEY_LINE = re.compile(r"([a-z0-9][a-z0-9-]{0,15}) ([0-9a-f]{64})", re.ASCII)


class Token(NamedTuple):
    """What stands for an objection: the member of a set, and the 32 bits the first of which choose the set."""

    spread: int
    member: int

    def bucket(self, bits: int) -> int:
        """Which of 2**bits sets it belongs into."""
        return self.spread >> (_MOST_BITS - bits)


def bits_for(objections: int) -> int:
    """How many bits choose the bucket where there are so many objections."""
    return min(_MOST_BITS, max(_FEWEST_BITS, (max(1, -(-objections // FILLED)) - 1).bit_length()))


def generation_of(name: str, bits: int) -> str:
    """The name of a generation of tokens whose bucket so many bits choose."""
    return f"{name}.{bits}"


def bits_of(generation: str) -> int:
    """How many bits choose the bucket in this generation. Raises ValueError for a name that does not say."""
    bits = int(generation.rpartition(".")[2])
    if not 0 <= bits <= _MOST_BITS:
        raise ValueError(f"no generation of tokens has {bits} bits for the bucket")
    return bits


def crowded(objections: int, bits: int) -> bool:
    """Whether so many objections need more buckets."""
    return bits < _MOST_BITS and objections > CROWDED << bits


class TokenMaker(Mac):
    """Makes the tokens of one audience under one key; `digests` is what it makes those of many numbers of."""

    def token(self, number: str) -> Token:
        """The token of an E.164 number."""
        member, spread = _FIRST_BITS(self.digest(number.encode()))
        return Token(spread, member >> 1)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A secret of 32 bytes and the name by which it is told from others."""

    id: str
    secret: bytes = field(repr=False)

    def token(self, audience: Audience, number: str) -> Token:
        """The token of an E.164 number for one audience."""
        return self.maker(audience).token(number)

    def maker(self, audience: Audience) -> TokenMaker:
        """What makes the tokens of one audience."""
        return _maker(self.secret, audience)

    @property
    def fingerprint(self) -> str:
        """Tells this key from another of the same name, and nothing about the secret."""
        return f"{self.id}-{hmac.digest(self.secret, b'fingerprint', 'sha256').hex()[:8]}"


@lru_cache(maxsize=1024)
def _maker(secret: bytes, audience: Audience) -> TokenMaker:
    """There are few audiences, and each of a million leads is asked for three."""
    whose = "\0".join((audience.scope, audience.controller, audience.campaign))
    return TokenMaker(hmac.digest(secret, whose.encode(), "sha256"))


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
        """Tells keys from others: a cache that was filled with others would miss what it holds."""
        return ".".join(key.fingerprint for key in self.keys)


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
