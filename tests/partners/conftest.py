from tests.stores.conftest import journal, ledger, postgres

__all__ = ["journal", "ledger", "postgres"]
