"""How people's keys are found by the tokens that stand for their numbers, so that an index serves (`fresh.py`)."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from callgate.stores.schema import subjects

_LAST_SETTLED = (
    sa.select(subjects.c.id)
    .where(subjects.c.settled == sa.literal_column("1"))
    .order_by(subjects.c.id.desc())
    .limit(sa.literal_column("1"))
    .scalar_subquery()
)


def by_token(wanted: sa.Select[Any], tokens: Collection[bytes]) -> sa.CompoundSelect[Any]:
    """What is wanted of the `subjects` with these tokens: of the settled by their index, of the fresh from the end."""
    found = subjects.c.token.in_(tokens)
    after = sa.func.coalesce(_LAST_SETTLED, sa.literal_column("0"))
    return sa.union_all(
        wanted.where(subjects.c.settled == sa.literal_column("1"), found), wanted.where(subjects.c.id > after, found)
    )
