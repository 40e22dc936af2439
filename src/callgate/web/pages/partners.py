"""Partners: who is told what, what waits for each, and what did not arrive, to be told again or let be."""

from typing import Final

from aiohttp import web

from callgate.core import phone
from callgate.core.partners import Item
from callgate.stores.outbox import Dead
from callgate.web.api.fields import In, Line, MaybeLine
from callgate.web.pages.site import OFFICERS, Visit, act, go, page
from callgate.web.problems import not_found
from callgate.web.routing import Route, Tenant

DEAD_MOST: Final = 50


class Again(In):
    """Which partner, and which item; all of them where none is named."""

    partner: Line
    item: MaybeLine = ""


class Drop(Again):
    """Why the partner need not be told."""

    because: Line


async def show(visit: Visit) -> web.StreamResponse:
    """The partners, those that a person has to look at first."""
    outbox = visit.services.outbox
    stands = [await outbox.stand(name) for name in _theirs(visit)]
    stands.sort(key=lambda one: (not one.dead, not one.tries, one.partner))
    dead = {one.partner: await outbox.dead(one.partner, DEAD_MOST) for one in stands if one.dead}
    return visit.show("partners.html", at="partners", stands=stands, dead=dead, partners=outbox.partners, mask=_masked)


async def again(visit: Visit) -> web.StreamResponse:
    said = visit.ask.said(Again)
    await visit.services.outbox.retry(said.partner, await _chosen(visit, said), visit.principal.name)
    raise go("/partners")


async def drop(visit: Visit) -> web.StreamResponse:
    said = visit.ask.said(Drop)
    await visit.services.outbox.drop(said.partner, await _chosen(visit, said), visit.principal.name, said.because)
    raise go("/partners")


async def _chosen(visit: Visit, said: Again) -> list[Item]:
    """What was chosen of what is dead: what the page showed, at most."""
    if said.partner not in _theirs(visit):
        raise not_found()
    found = [one.item for one in await visit.services.outbox.dead(said.partner, DEAD_MOST)]
    chosen = [item for item in found if said.item in ("", item.id)]
    if not chosen:
        raise not_found("this was told, or let be, meanwhile")
    return chosen


def _theirs(visit: Visit) -> list[str]:
    """The partners that work for companies of theirs only."""
    partners = visit.services.outbox.partners
    return [name for name, one in partners.items() if all(visit.sees(whose, None) for whose in one.controllers)]


def _masked(dead: Dead) -> str:
    return phone.mask(dead.item.number) if dead.item.number else ""


ROUTES: Final[tuple[Route, ...]] = (
    page("/partners", show, OFFICERS, "Partners and deliveries.", act="partners-shown"),
    act("/partners/retry", again, OFFICERS, "Tell a partner again.", Again, tenant=Tenant.HIDDEN, enters=True),
    act("/partners/drop", drop, OFFICERS, "Let be what is dead.", Drop, tenant=Tenant.HIDDEN, enters=True),
)
