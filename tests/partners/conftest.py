from tests.stores.conftest import journal, ledger

__all__ = ["journal", "ledger"]
