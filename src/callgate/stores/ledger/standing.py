"""Whether the database that the ledger is to be in keeps what it acknowledges: asked by `callgate check`."""

import psycopg
import sqlalchemy as sa

from callgate.stores.errors import LedgerRefused, LedgerUnavailable

CONNECT_WITHIN_S = 5


def check_database(url: str) -> None:
    """Raises `LedgerRefused` for a PostgreSQL that is a standby, that may forget, or that has a standby which may lack
    what was acknowledged; `LedgerUnavailable` where it cannot be asked. A ledger in a file needs nothing else."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return
    where = parsed.render_as_string(hide_password=True)
    try:
        plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True, connect_timeout=CONNECT_WITHIN_S) as session:
            found = session.execute(_QUESTION).fetchall()[0]
    except psycopg.Error as error:
        raise LedgerUnavailable(f"{where} cannot be asked: {type(error).__name__}; see that it runs") from None
    in_recovery, fsync, synchronous, standbys = found
    if in_recovery:
        raise LedgerRefused(f"{where} is a standby, which takes no events; name the primary")
    if fsync != "on":
        raise LedgerRefused(f"{where} runs with fsync off, so that nothing it acknowledges is sure to stay; turn it on")
    if standbys and not synchronous:
        raise LedgerRefused(
            f"{where} has a standby that it does not wait for, which may lack objections that were acknowledged when it"
            " takes over; name it in synchronous_standby_names, or never promote it without `callgate ledger restore`"
        )


_QUESTION = """
SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_standby_names'),
       (SELECT count(*) FROM pg_stat_replication)
"""
