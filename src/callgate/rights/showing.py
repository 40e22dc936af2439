"""Whose data only the officer sees: of people who were erased, as far as it is kept as proof, and of those whose data a
controller may only keep (GDPR Art. 18(2))."""

from collections.abc import Sequence

from callgate.core.access import Principal, Role
from callgate.rights.desk import read_requests
from callgate.rights.erasing import came_back, is_erased
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.restrictions import Whose, read_restricted
from callgate.stores.schema import Entry


async def visible(ledger: Ledger, entries: Sequence[Entry], principal: Principal) -> list[Entry]:
    """The entries that the principal may see. Raises `LedgerUnavailable`."""
    if principal.role is Role.OFFICER:
        return list(entries)
    withheld = await _withheld(ledger, frozenset(map(_whose, entries)))
    return [entry for entry in entries if _whose(entry) not in withheld]


async def _withheld(ledger: Ledger, people: frozenset[Whose]) -> frozenset[Whose]:
    """Those of the people whose data is for the officer alone."""
    requests = (await read_requests(ledger)).values()
    erased = people & {(request.number or "", request.controller) for request in requests if is_erased(request)}
    back = {whose for whose in erased if await came_back(ledger, *whose)}
    return people & (await read_restricted(ledger) | (erased - back))


def _whose(entry: Entry) -> Whose:
    return entry.event.number or "", entry.event.controller or ""
