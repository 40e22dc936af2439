"""A partner that fetches what it is to be told, instead of being told: a feed with a cursor, and acknowledgement by
item.

The cursor is the place of the last item that was read; to read does not acknowledge. An item stays in the feed until
its partner says that it did it, and one that is left for days becomes an alarm, as with those that are told."""

from collections.abc import Callable

from callgate.core.access import Principal, Role
from callgate.core.partners import Item, NotForYou, Partner, Reply, Way
from callgate.stores.outbox import Outbox

MOST = 500
"""Items of one answer."""


def is_for(principal: Principal, partner: Partner) -> bool:
    """Whether all that a partner is told of, but for what concerns everybody's calls, is theirs to see."""
    return all(principal.sees(controller, None) for controller in partner.controllers)


class Feed:
    """The feeds of all partners that have one."""

    def __init__(self, outbox: Outbox, alarm: Callable[[str, str], None]) -> None:
        self._outbox = outbox
        self._alarm = alarm

    async def feed(self, principal: Principal, partner: str, after: int, limit: int) -> list[Item]:
        """The first `limit` items after the place `after` (0: all). Raises `NotForYou`, `LedgerUnavailable`."""
        of = self._partner(principal, partner)
        await self._outbox.catch_up(of)
        return await self._outbox.after(partner, after, min(limit, MOST))

    async def acknowledge(self, principal: Principal, partner: str, reply: Reply) -> list[str]:
        """Take the partner's word for what it did and refused; the ids that it has not to do, or not any more.

        Raises `NotForYou`, `LedgerUnavailable`.
        """
        self._partner(principal, partner)
        items = await self._outbox.named(partner, reply.named)
        await self._outbox.done(partner, [item for item in items if item.id in reply.done])
        refused = [item for item in items if item.id in reply.refused]
        await self._outbox.refused(partner, refused, reply.refused)
        if refused:
            self._alarm("delivery-dead", f"{partner}: {len(refused)} items were refused")
        return sorted(reply.named - {item.id for item in items})

    def _partner(self, principal: Principal, name: str) -> Partner:
        """The same answer for a partner that there is not and for somebody else's, whom the user is not to see all
        of."""
        partner = self._outbox.partners.get(name)
        itself = (principal.role, principal.name) == (Role.MACHINE, name)
        if partner is None or partner.way is not Way.FEED or not itself or not is_for(principal, partner):
            raise NotForYou(f"this is no feed of {principal.name!r}")
        return partner
