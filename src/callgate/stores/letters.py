"""The number in something that is to be told to somebody else, under a key of its own that ends with it."""

from datetime import datetime

from callgate.core.events import Event, Kind
from callgate.stores.ledger.sealing import KeyRing

Sealed = tuple[bytes, str, bytes, bytes]
"""The id of the key, the master key's name, the key wrapped under that, and what it sealed."""


class Letters:
    """Seals numbers, and opens them again, as the ledger does it for what it holds of a person."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, number: str, at: datetime) -> Sealed:
        """Seal a number under a fresh key."""
        subject, master, wrapped = self._ring.new(at)
        return subject.id, master, wrapped, subject.seal(Event(Kind.DELIVERY_DONE, at, number=number))

    def unseal(self, subject: bytes, master: str, wrapped: bytes, sealed: bytes) -> str:
        """The number. Raises `LedgerUnavailable` where it was tampered with."""
        return self._ring.open(subject, master, wrapped).unseal(sealed)[0]
