"""A partner that fetches what it is to be told, instead of being told: a feed with a cursor, and acknowledgement by
item.

The cursor is the place of the last item that was read; to read does not acknowledge. An item stays in the feed until
its partner says that it did it, and one that is left for days becomes an alarm, as with those that are told."""

from collections.abc import Callable

from callgate.core.access import Principal, Role
from callgate.core.events import Json
from callgate.core.partners import NotForYou, Partner, Way, read_acknowledgement
from callgate.stores.outbox import Outbox

MOST = 500
"""Items of one answer."""


class Feed:
    """The feeds of all partners that have one."""

    def __init__(self, outbox: Outbox, alarm: Callable[[str, str], None]) -> None:
        self._outbox = outbox
        self._alarm = alarm

    async def feed(self, principal: Principal, partner: str, after: int, limit: int) -> dict[str, Json]:
        """The first `limit` items after the place `after` (0: all), and the place to go on from.

        Raises `NotForYou`, `LedgerUnavailable`.
        """
        of = self._partner(principal, partner)
        await self._outbox.catch_up(of)
        items = await self._outbox.after(partner, after, min(max(limit, 1), MOST))
        told: list[Json] = [item.told() for item in items]
        return {"items": told, "next": items[-1].place if items else after}

    async def acknowledge(self, principal: Principal, partner: str, raw: bytes) -> dict[str, Json]:
        """Take the partner's word for what it did and refused; `unknown` are ids that it has not to do, or not any
        more.

        Raises `NotForYou`, `BadReply`, `LedgerUnavailable`.
        """
        self._partner(principal, partner)
        reply = read_acknowledgement(raw)
        items = await self._outbox.named(partner, reply.named)
        await self._outbox.done(partner, [item for item in items if item.id in reply.done])
        refused = [item for item in items if item.id in reply.refused]
        await self._outbox.refused(partner, refused, reply.refused)
        if refused:
            self._alarm("delivery-dead", f"{partner}: {len(refused)} items were refused")
        unknown: list[Json] = [*sorted(reply.named - {item.id for item in items})]
        return {"acknowledged": len(items), "unknown": unknown}

    def _partner(self, principal: Principal, name: str) -> Partner:
        """The same answer for a partner that there is not and for somebody else's."""
        partner = self._outbox.partners.get(name)
        if partner is None or partner.way is not Way.FEED or (principal.role, principal.name) != (Role.MACHINE, name):
            raise NotForYou(f"this is no feed of {principal.name!r}")
        return partner
