"""What is personal in something that is to be told to somebody else, under a key of its own that ends with it."""

from collections.abc import Mapping
from datetime import datetime

from callgate.core.events import Event, Json, Kind
from callgate.stores.ledger.sealing import KeyRing

Sealed = tuple[bytes, str, bytes, bytes]
"""The id of the key, the master key's name, the key wrapped under that, and what it sealed."""


class Letters:
    """Seals a number and what goes with it, and opens it again, as the ledger does it for what it holds of a person."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, number: str, personal: Mapping[str, Json], at: datetime) -> Sealed:
        """Seal them under a fresh key."""
        subject, master, wrapped = self._ring.new(at)
        sealed = subject.seal(Event(Kind.DELIVERY_DONE, at, number=number, personal=personal))
        return subject.id, master, wrapped, sealed

    def unseal(self, subject: bytes, master: str, wrapped: bytes, sealed: bytes) -> tuple[str, Mapping[str, Json]]:
        """Number and what goes with it. Raises `LedgerUnavailable` where it was tampered with."""
        return self._ring.open(subject, master, wrapped).unseal(sealed)
