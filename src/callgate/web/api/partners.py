"""Partners: the feed from which one fetches what it is to be told; and for people, what arrived nowhere.

A partner's feed is opened by a token of the machine that has the partner's name, and all of whose companies are its
own. Somebody else's feed looks like one that there is not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, JsonValue, StringConstraints

from callgate.core import phone
from callgate.core.access import Area, Role
from callgate.core.partners import BadReply, Item, NotForYou, reply_of
from callgate.partners.feed import MOST, is_for
from callgate.partners.settling import NotDead, let_be, tell_again
from callgate.stores.outbox import Dead, Stand
from callgate.web.api.fields import Cursor, In, Line, Out
from callgate.web.problems import invalid, not_found
from callgate.web.routing import Ask, Route, Tenant

OFFICERS: Final = frozenset({Role.OFFICER})
LOOKERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
MACHINES: Final = frozenset({Role.MACHINE})
DEAD_MOST: Final = 1000

ItemId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_AN_ID: Final = "5e0f5e0f5e0f5e0f5e0f5e0f5e0f5e0f"


class FeedQuery(In):
    """`after`: the `next` of the answer before; 0 for all that is not acknowledged."""

    after: Cursor = "0"
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


class FeedPage(Out):
    """Items as docs/partners.md has them, and where to go on."""

    items: list[dict[str, JsonValue]]
    next: int


class RefusedItem(In):
    """An item that the partner will not do, and why."""

    id: ItemId
    why: Line


class Acknowledgement(In):
    """What a partner did, and what it refuses, by id; none twice."""

    done: Annotated[tuple[ItemId, ...], Field(max_length=MOST)] = ()
    refused: Annotated[tuple[RefusedItem, ...], Field(max_length=MOST)] = ()


class Acknowledged(Out):
    """How many were taken; `unknown` are ids that this partner has not to do, or not any more."""

    acknowledged: int
    unknown: list[str]


class PartnerState(Out):
    """Where a partner stands. `tries`: how often it failed in a row; `due`: when it is tried again."""

    partner: str
    waiting: int
    dead: int
    oldest: datetime | None
    tries: int
    due: datetime | None
    why: str


class Partners(Out):
    """The partners, and those that are configured no more while something waits for them."""

    partners: list[PartnerState]


class DeadItem(Out):
    """What a partner was told in vain. `dead`: since when it is not told any more."""

    id: str
    what: str
    number: str
    controller: str | None
    at: datetime
    dead: datetime
    why: str


class DeadItems(Out):
    """The first thousand of them."""

    items: list[DeadItem]


class Retry(In):
    """Which dead items are told again; all of them where none is named."""

    ids: Annotated[tuple[ItemId, ...], Field(max_length=DEAD_MOST)] = ()


class Drop(In):
    """Which dead items are let be, and why the partner need not be told."""

    ids: Annotated[list[ItemId], Field(min_length=1, max_length=DEAD_MOST)]
    because: Line


class Settled(Out):
    """How many items it concerned."""

    items: int


async def read_feed(ask: Ask) -> FeedPage:
    asked = ask.asked(FeedQuery)
    try:
        items = await ask.services.feed.feed(ask.principal, _name(ask), int(asked.after), asked.limit)
    except NotForYou:
        raise not_found() from None
    ask.people = _people(items)
    if not items:
        # A feed is asked every few seconds; that nothing was shown need not be kept.
        ask.entered = True
    return FeedPage(items=[item.told() for item in items], next=items[-1].place if items else int(asked.after))


async def acknowledge(ask: Ask) -> Acknowledged:
    said = ask.said(Acknowledgement)
    try:
        reply = reply_of(said.done, [(one.id, one.why) for one in said.refused])
        unknown = await ask.services.feed.acknowledge(ask.principal, _name(ask), reply)
    except BadReply as error:
        raise invalid("", str(error)) from None
    except NotForYou:
        raise not_found() from None
    return Acknowledged(acknowledged=len(reply.named) - len(unknown), unknown=unknown)


async def show_all(ask: Ask) -> Partners:
    outbox = ask.services.outbox
    names = [name for name in (*outbox.partners, *await outbox.strangers()) if _theirs(ask, name)]
    return Partners(partners=[_state(await outbox.stand(name)) for name in names])


async def show_dead(ask: Ask) -> DeadItems:
    found = await _dead(ask)
    ask.people = _people([one.item for one in found])
    return DeadItems(items=[_shown(one) for one in found])


async def retry(ask: Ask) -> Settled:
    name = await _named(ask)
    with _dead_only(ask.said(Retry).ids) as ids:
        return Settled(items=await tell_again(ask.services.outbox, name, ids, ask.principal.name))


async def drop(ask: Ask) -> Settled:
    said = ask.said(Drop)
    name = await _named(ask)
    with _dead_only(said.ids) as ids:
        return Settled(items=await let_be(ask.services.outbox, name, ids, ask.principal.name, said.because))


def _name(ask: Ask) -> str:
    return ask.request.match_info["partner"]


def _theirs(ask: Ask, name: str) -> bool:
    """Whether they may see what waits for a partner. Of one that is configured no more nobody knows for whom it was."""
    partner = ask.services.outbox.partners.get(name)
    return is_for(ask.principal, partner) if partner else ask.principal.sees(None, None)


async def _dead(ask: Ask) -> list[Dead]:
    """The first that is dead of the partner that is asked for. Raises `Problem`."""
    return await ask.services.outbox.dead(await _named(ask), DEAD_MOST)


async def _named(ask: Ask) -> str:
    """The partner that is asked for. Raises `Problem` where that is not theirs, or not there."""
    outbox, name = ask.services.outbox, _name(ask)
    if not _theirs(ask, name) or name not in (*outbox.partners, *await outbox.strangers()):
        raise not_found()
    return name


@contextmanager
def _dead_only(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    try:
        yield ids
    except NotDead as error:
        raise invalid(f"/ids/{ids.index(error.ids[0])}", "no such item is dead") from None


def _people(items: Sequence[Item]) -> Counter[str]:
    """How many people of each company these tell of."""
    return Counter(
        controller for controller, _ in {(item.controller or "", item.number) for item in items if item.number}
    )


def _state(stand: Stand) -> PartnerState:
    return PartnerState(
        partner=stand.partner, waiting=stand.waiting, dead=stand.dead, oldest=stand.oldest, tries=stand.tries,
        due=stand.due, why=stand.why,
    )  # fmt: skip


def _shown(dead: Dead) -> DeadItem:
    item = dead.item
    number = phone.mask(item.number) if item.number else ""
    return DeadItem(
        id=item.id, what=item.what, number=number, controller=item.controller, at=item.at, dead=dead.since, why=dead.why
    )


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/partners", handler=show_all, summary="The partners, and what waits for each.",
        who=LOOKERS, area=Area.PARTNERS, tenant=Tenant.FILTERED, answer=Partners, act="partners-shown",
    ),
    Route(
        method="GET", path="/api/v1/partners/{partner}/dead", handler=show_dead,
        summary="What a partner refused, or was told in vain for days.", who=OFFICERS, area=Area.PARTNERS,
        tenant=Tenant.HIDDEN, answer=DeadItems, act="dead-deliveries-shown",
    ),
    Route(
        method="POST", path="/api/v1/partners/{partner}/retry", handler=retry,
        summary="Tell a partner again what is dead.", who=OFFICERS, person=True, tenant=Tenant.HIDDEN, body=Retry,
        answer=Settled, example={"ids": []}, enters=True,
    ),
    Route(
        method="POST", path="/api/v1/partners/{partner}/drop", handler=drop,
        summary="Let be what is dead; who said so and why stays in the ledger.", who=OFFICERS, person=True,
        tenant=Tenant.HIDDEN, body=Drop, answer=Settled, enters=True,
        example={"ids": [_AN_ID], "because": "told by letter of 2026-11-20"},
    ),
    Route(
        method="GET", path="/api/v1/partners/{partner}/feed", handler=read_feed,
        summary="What this partner is to be told, from its cursor on.", who=MACHINES, area=Area.FEED,
        tenant=Tenant.HIDDEN, query=FeedQuery, answer=FeedPage, act="feed-read",
    ),
    Route(
        method="POST", path="/api/v1/partners/{partner}/acknowledge", handler=acknowledge,
        summary="What this partner did, and what it refuses.", who=MACHINES, area=Area.FEED, tenant=Tenant.HIDDEN,
        body=Acknowledgement, answer=Acknowledged, enters=True,
        example={"done": [_AN_ID], "refused": [{"id": "77aa" * 8, "why": "unknown company"}]},
    ),
)  # fmt: skip
