"""The ledger's schema, step by step. A step that was released is never edited: add the next one to `versions`."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from callgate.stores.errors import LedgerRefused


def migrate(connection: sa.Connection) -> None:
    """Bring the database up to the newest schema, within the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerRefused(
            f"the ledger's schema is not one of ours ({error}); use the callgate that wrote it"
        ) from error
