"""A partner fetches what it is to be told, over real HTTP, with its token; and nobody else's."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from callgate.core.access import Principal, Role
from callgate.core.events import Json, Kind
from callgate.core.partners import GIVE_UP, Partner, Way, What
from callgate.partners.courier import Courier
from callgate.partners.feed import Feed
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from callgate.web.feed import feed_routes
from tests.partners.partner import Moved
from tests.stores.conftest import ANNA, BRAM, objection

CRM = Partner("crm", frozenset({"futura"}), frozenset(What), Way.FEED)
ERP = Partner("erp", frozenset({"futura"}), frozenset(What), Way.FEED)
HOOK = Partner("hook", frozenset({"futura"}), frozenset(What), Way.WEBHOOK)
TOKENS = {
    "of-crm": Principal("crm", Role.MACHINE),
    "of-hook": Principal("hook", Role.MACHINE),
    "of-officer": Principal("crm", Role.OFFICER),
}


class World:
    def __init__(self, ledger: Ledger, client: "Client", outbox: Outbox, clock: Moved) -> None:
        self.ledger, self.client, self.outbox, self.clock = ledger, client, outbox, clock
        self.alarms: list[tuple[str, str]] = []

    async def get(self, query: str = "", token: str = "of-crm", partner: str = "crm") -> tuple[int, dict[str, Json]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.client.get(f"/api/v1/partners/{partner}/feed{query}", headers=headers) as answer:
            return answer.status, await answer.json() if answer.status == 200 else {}

    async def acknowledge(self, body: bytes | dict[str, Json], token: str = "of-crm") -> tuple[int, object]:
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.post("/api/v1/partners/crm/acknowledge", headers=headers, **sent) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()


Client = TestClient[aiohttp.web.Request, aiohttp.web.Application]


@pytest.fixture
async def world(ledger: Ledger) -> AsyncIterator[World]:
    clock = Moved()
    outbox = Outbox(ledger, [CRM, ERP, HOOK], clock)
    alarms: list[tuple[str, str]] = []
    feed = Feed(outbox, lambda *told: alarms.append(told))
    app = web.Application()
    app.add_routes(feed_routes(feed, TOKENS.get))
    async with TestClient(TestServer(app)) as client:
        made = World(ledger, client, outbox, clock)
        made.alarms = alarms
        yield made


def ids(said: dict[str, Json]) -> list[str]:
    items = said["items"]
    assert isinstance(items, list)
    return [str(item["id"]) for item in items if isinstance(item, dict)]


async def test_a_feed_is_read_page_by_page_and_acknowledged_item_by_item(world: World) -> None:
    await world.ledger.append([objection(), objection(BRAM), objection("+33199000099")])
    status, first = await world.get("?limit=2")
    assert (status, len(ids(first))) == (200, 2)
    _, second = await world.get(f"?after={first['next']}&limit=2")
    assert len(ids(second)) == 1
    _, after = await world.get(f"?after={second['next']}")
    assert (after["items"], after["next"]) == ([], second["next"])
    assert await world.acknowledge({"done": [*ids(first)]}) == (200, {"acknowledged": 2, "unknown": []})
    _, rest = await world.get()
    assert ids(rest) == ids(second), "what was read and not acknowledged is still there"
    [told] = await world.ledger.read(kinds=[Kind.DELIVERY_DONE])
    assert told.event.payload["partner"] == "crm"


async def test_what_is_acknowledged_again_or_was_never_told_is_named_and_changes_nothing(world: World) -> None:
    await world.ledger.append([objection()])
    _, said = await world.get()
    await world.acknowledge({"done": [*ids(said)]})
    _, again = await world.acknowledge({"done": [*ids(said), "0" * 32]})
    assert again == {"acknowledged": 0, "unknown": sorted([*ids(said), "0" * 32])}
    assert len(await world.ledger.read(kinds=[Kind.DELIVERY_DONE])) == 1


async def test_nobody_acknowledges_for_another_partner(world: World) -> None:
    await world.ledger.append([objection()])
    await world.outbox.catch_up(ERP)
    [item] = await world.outbox.due("erp")
    _, said = await world.acknowledge({"done": [item.id]})
    assert said == {"acknowledged": 0, "unknown": [item.id]}
    assert len(await world.outbox.due("erp")) == 1


async def test_what_is_refused_is_for_a_person_to_look_at(world: World) -> None:
    await world.ledger.append([objection()])
    _, said = await world.get()
    await world.acknowledge({"refused": [{"id": ids(said)[0], "why": "whose is that?"}]})
    [dead] = await world.outbox.dead("crm")
    assert (dead.item.number, dead.why) == (ANNA, "whose is that?")
    assert world.alarms == [("delivery-dead", "crm: 1 items were refused")]


async def test_what_nobody_fetches_for_days_is_dead_and_can_still_be_fetched(world: World) -> None:
    await world.ledger.append([objection()])
    courier = Courier(world.outbox, {}, clock=world.clock, alarm=lambda *told: world.alarms.append(told))
    await courier.step(CRM)
    world.clock.now += GIVE_UP
    await courier.step(CRM)
    assert [alarm for alarm, _ in world.alarms] == ["delivery-dead"]
    _, said = await world.get()
    assert (await world.acknowledge({"done": [*ids(said)]}))[0] == 200
    assert await world.outbox.dead("crm") == []


@pytest.mark.parametrize(
    ("token", "partner", "status"),
    [
        ("", "crm", 401),
        ("wrong", "crm", 401),
        ("of-crm", "erp", 404),
        ("of-crm", "nobody", 404),
        ("of-hook", "hook", 404),
        ("of-officer", "crm", 404),
    ],
)
async def test_a_feed_is_for_its_partners_machine_alone(world: World, token: str, partner: str, status: int) -> None:
    assert (await world.get("", token, partner))[0] == status


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?after=١", "?limit=1e9", f"?after={'9' * 30}"])
async def test_a_cursor_that_is_none_is_refused(world: World, query: str) -> None:
    assert (await world.get(query))[0] == 400


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"[]", 400), (b'{"done": ["a", "a"]}', 400), (b"x" * 200_000, 413)]
)
async def test_an_acknowledgement_that_is_none_is_refused(world: World, body: bytes, status: int) -> None:
    assert (await world.acknowledge(body))[0] == status


async def test_an_answer_holds_no_more_than_it_may_however_much_is_asked_for(world: World) -> None:
    await world.ledger.append([objection(f"+331990{n:05}") for n in range(510)])
    _, said = await world.get("?limit=999999")
    assert len(ids(said)) == 500
