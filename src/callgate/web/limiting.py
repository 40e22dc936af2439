"""How often one address may do something, without keeping the address.

Addresses are counted under a key that lives for one window and is known to nobody: when it ends, so does every trace
of who was counted. An IPv6 network of /64 counts as one address, since it is one household's."""

import hmac
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

MOST_ADDRESSES = 100_000
"""Counted in one window; who comes after them waits for the next."""


class Limit:
    """`often` times in a window of `every` for each address."""

    def __init__(self, often: int, every: timedelta, clock: Callable[[], datetime]) -> None:
        self._often = often
        self._every = every
        self._clock = clock
        self._counts: Counter[bytes] = Counter()
        self._key = b""
        self._ends = datetime.min.replace(tzinfo=clock().tzinfo)

    def allows(self, address: str) -> bool:
        """Count once more for this address; False where that is too often."""
        if self._clock() >= self._ends:
            self._key, self._ends = secrets.token_bytes(32), self._clock() + self._every
            self._counts.clear()
        name = hmac.digest(self._key, _network(address), "sha256")
        if name not in self._counts and len(self._counts) >= MOST_ADDRESSES:
            return False
        self._counts[name] += 1
        return self._counts[name] <= self._often


def _network(address: str) -> bytes:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address.encode(errors="replace")
    return parsed.packed[:8] if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None else parsed.packed[-4:]
