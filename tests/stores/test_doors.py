"""By whichever door an objection comes, the same function takes it, and the next call is blocked at every centre."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from callgate.boundary import NotCommitted
from callgate.core.events import Event, Kind
from callgate.core.law import Consent
from callgate.core.objecting import Door, objection
from callgate.core.reasons import Reason
from callgate.office.local import LocalOffice
from callgate.stores.cache import consents
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.ledger import Ledger
from tests.core.test_gate import NOW, POLICY, REQUEST
from tests.stores.test_contacts import DAY, PERSON

pytestmark = pytest.mark.server

SHOWN = next(iter(POLICY.campaigns.values())).caller_id


@pytest.fixture
async def office(cache: SuppressionCache, ledger: Ledger) -> LocalOffice:
    given = Event(Kind.PRIOR_CONSENT, NOW, None, PERSON, "acme", consents.payload(Consent(NOW - 30 * DAY)))
    await cache.apply((await ledger.append([given])).entries)
    return LocalOffice(
        ledger, cache, policy=lambda: POLICY, clock=lambda: NOW, doubt=lambda _: None, alarm=lambda _: None
    )


async def by_key(office: LocalOffice) -> None:
    decision = await office.decide(REQUEST)
    assert decision.allowed
    await office.object(decision.call, "callee-key")
    await office.close(decision.call, {})


async def by_hot_key(office: LocalOffice) -> None:
    decision = await office.decide(REQUEST)
    await office.object(decision.call, "agent-key")
    await office.close(decision.call, {})


async def by_calling_back(office: LocalOffice) -> None:
    await office.object_calling_back(SHOWN.removeprefix("+"), PERSON.removeprefix("+"))


async def by_form(office: LocalOffice) -> None:
    assert await office.object_by_form(PERSON, "acme")


def by_entering(door: Door) -> Callable[[LocalOffice], Awaitable[None]]:
    """As the command line, an import, a partner's list and the API do it."""

    async def enter(office: LocalOffice) -> None:
        await office.suppress(objection(PERSON, NOW, door, by="officer", controller="acme"))

    return enter


DOORS: dict[Door, Callable[[LocalOffice], Awaitable[None]]] = {
    Door.CALL: by_key,
    Door.CALLED_BACK: by_calling_back,
    Door.FORM: by_form,
} | {door: by_entering(door) for door in (Door.API, Door.CLI, Door.LETTER, Door.IMPORT, Door.PARTNER)}


def test_every_door_is_tried() -> None:
    assert DOORS.keys() == set(Door)


@pytest.mark.parametrize("door", Door)
async def test_what_came_by_this_door_blocks_the_next_call(office: LocalOffice, ledger: Ledger, door: Door) -> None:
    await DOORS[door](office)
    assert (await office.decide(replace(REQUEST, uniqueid="later"))).reason is Reason.OBJECTION
    [entry] = await ledger.read(kinds=[Kind.OBJECTION])
    assert (entry.event.number, entry.event.payload["source"]) == (PERSON, door)


async def test_the_agents_hot_key_is_the_callees_door(office: LocalOffice, ledger: Ledger) -> None:
    await by_hot_key(office)
    assert (await office.decide(replace(REQUEST, uniqueid="later"))).reason is Reason.OBJECTION
    [entry] = await ledger.read(kinds=[Kind.OBJECTION])
    assert (entry.event.payload["source"], entry.event.payload["by"]) == (Door.CALL, "agent-key")


async def test_whoever_calls_a_number_that_nobody_shows_or_shows_none_is_not_said_to_be_entered(
    office: LocalOffice, ledger: Ledger
) -> None:
    for called, caller in (("3225550100", PERSON[1:]), (SHOWN[1:], "")):
        with pytest.raises(NotCommitted):
            await office.object_calling_back(called, caller)
    assert await ledger.read(kinds=[Kind.OBJECTION]) == []


async def test_a_form_is_told_where_it_could_not_be_committed(office: LocalOffice, ledger: Ledger) -> None:
    await ledger.close()
    assert not await office.object_by_form(PERSON, "acme")
