"""Partners: who is told what, what waits for each, and what did not arrive, to be told again or let be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from callgate.core import phone
from callgate.partners.settling import NotDead, let_be, tell_again
from callgate.stores.outbox import Dead
from callgate.web.api.fields import In, Line, MaybeLine
from callgate.web.pages.site import OFFICERS, Visit, act, go, page
from callgate.web.problems import not_found
from callgate.web.routing import Route, Tenant

DEAD_MOST: Final = 50
MEANWHILE: Final = "this was told, or let be, meanwhile"


class Again(In):
    """Which partner, and which item; all of them where none is named."""

    partner: Line
    item: MaybeLine = ""


class Drop(Again):
    """One item, and why the partner need not be told of it."""

    item: Annotated[str, StringConstraints(min_length=1, max_length=64)]
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
    with _dead_only(visit, said) as ids:
        if not await tell_again(visit.services.outbox, said.partner, ids, visit.principal.name):
            raise not_found(MEANWHILE)
    raise go("/partners")


async def drop(visit: Visit) -> web.StreamResponse:
    said = visit.ask.said(Drop)
    with _dead_only(visit, said) as ids:
        await let_be(visit.services.outbox, said.partner, ids, visit.principal.name, said.because)
    raise go("/partners")


@contextmanager
def _dead_only(visit: Visit, said: Again) -> Iterator[list[str]]:
    """The item that was chosen, or none for all. Raises `Problem`."""
    if said.partner not in _theirs(visit):
        raise not_found()
    try:
        yield [said.item] if said.item else []
    except NotDead:
        raise not_found(MEANWHILE) from None


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
