"""What a person decides of the items that did not arrive: they are told again, or let be.

By whichever door it was decided (command, API, page): some of them, or all that there are, a batch at a time. Each
batch is one transaction with its event, so that one that fails leaves what was done before it done and in the ledger.
"""

from collections.abc import Collection, Iterator, Sequence

from callgate.core.partners import Item
from callgate.stores.outbox import BATCH, Outbox


class NotDead(LookupError):
    """Items are named that are not dead (any more). Nothing was done; `ids` are theirs."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"no dead item {ids[0]!r}; `callgate partners dead` shows those there are")
        self.ids = ids


async def tell_again(outbox: Outbox, partner: str, ids: Collection[str], by: str) -> int:
    """Tell these again, all that are dead where none is named; how many. Raises `NotDead`, `LedgerUnavailable`."""
    items = await _chosen(outbox, partner, ids)
    for some in _batches(items):
        await outbox.retry(partner, some, by)
    return len(items)


async def let_be(outbox: Outbox, partner: str, ids: Collection[str], by: str, because: str) -> int:
    """Let these be, all that are dead where none is named; how many. Raises `NotDead`, `LedgerUnavailable`."""
    items = await _chosen(outbox, partner, ids)
    for some in _batches(items):
        await outbox.drop(partner, some, by, because)
    return len(items)


async def _chosen(outbox: Outbox, partner: str, ids: Collection[str]) -> list[Item]:
    items = {one.item.id: one.item for one in await outbox.dead(partner, limit=None)}
    if unknown := [name for name in ids if name not in items]:
        raise NotDead(unknown)
    return [items[name] for name in dict.fromkeys(ids or items)]


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + BATCH] for first in range(0, len(items), BATCH))
