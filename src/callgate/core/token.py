"""The token of an allowed call: what the guard demands of every channel on a trunk (P8).

A MAC over PBX, UNIQUEID of the calling channel, digits, campaign and expiry, so that any node that holds the key can
check it without asking anyone. It says nothing about a person: the digits go into the MAC and not into the token.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from callgate.core.mac import Mac

_EPOCH = datetime.fromtimestamp(0, UTC)

LIFE_SECONDS = 5
"""An allow that is not dialled within this time is none (P1)."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What a token permits: this channel of this PBX to dial these digits for this campaign until `expires`."""

    pbx: str
    uniqueid: str
    digits: str
    campaign: str
    expires: datetime


def issue(key: bytes, permit: Permit) -> str:
    """The token: expiry in milliseconds since the epoch, a dash, and 128 bits of HMAC-SHA256, in hexadecimal."""
    expires = round(permit.expires.timestamp() * 1000)
    return f"{expires:x}-{_mac(key, permit, expires)}"


def permits(key: bytes, token: str, permit: Permit) -> bool:
    """Whether `token` is the one for exactly this permit. Any other string, however made, is not."""
    expires = round(permit.expires.timestamp() * 1000)
    # What a channel carries need not be text that can be written: half a surrogate pair is no token, and no error.
    carried = token.encode(errors="surrogatepass")
    return hmac.compare_digest(carried, f"{expires:x}-{_mac(key, permit, expires)}".encode())


def expiry(token: str) -> datetime | None:
    """When the token says that it expires; None of what is no token. Only `permits` tells whether to believe it."""
    milliseconds = token.partition("-")[0]
    if not (milliseconds.isascii() and milliseconds.isalnum() and len(milliseconds) < 16):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(milliseconds, 16))
    except (ValueError, OverflowError):
        return None


def _mac(key: bytes, permit: Permit, expires: int) -> str:
    parts = (permit.pbx, permit.uniqueid, permit.digits, permit.campaign, str(expires))
    return _keyed(key).digest("\0".join(parts).encode()).hex()[:32]


_keyed = lru_cache(maxsize=4)(Mac)
