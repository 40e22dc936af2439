"""The ledger: what happened, in order, kept. `ledger.py` opens it; the other files are its parts."""

from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.writing import Committed

__all__ = ["Committed", "Ledger"]
