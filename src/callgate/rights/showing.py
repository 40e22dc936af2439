"""Whose data only the officer sees: of people who were erased, as far as it is kept as proof, and of those whose data a
controller may only keep (GDPR Art. 18(2))."""

from collections.abc import Iterable

from callgate.core.access import Principal, Role
from callgate.rights.desk import read_requests
from callgate.rights.erasing import is_erased
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.restrictions import Whose, read_restricted
from callgate.stores.schema import Entry


async def withheld(ledger: Ledger) -> frozenset[Whose]:
    """The people whose data is for the officer alone. Raises `LedgerUnavailable`."""
    erased = filter(is_erased, (await read_requests(ledger)).values())
    return await read_restricted(ledger) | {(request.number or "", request.controller) for request in erased}


def visible(entries: Iterable[Entry], withheld: frozenset[Whose], principal: Principal) -> list[Entry]:
    """The entries that the principal may see."""
    if principal.role is Role.OFFICER:
        return list(entries)
    return [entry for entry in entries if (entry.event.number, entry.event.controller) not in withheld]
