"""A partner fetches what it is to be told, over real HTTP, with the token of its machine; and nobody else's."""

from datetime import timedelta

import pytest

from callgate.core.access import Area, Role
from callgate.core.events import Json, Kind
from callgate.core.partners import GIVE_UP
from callgate.partners.courier import Courier
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from tests.stores.conftest import ANNA, BRAM, objection
from tests.web.world import CRM, ERP, World

pytestmark = pytest.mark.server

FEED = frozenset({Area.FEED})


class Fetching:
    """The machine of the partner `crm`, and the rest of the world."""

    def __init__(self, world: World, tokens: dict[str, str]) -> None:
        self.world, self.tokens = world, tokens

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    @property
    def outbox(self) -> Outbox:
        return self.world.services.outbox

    @property
    def alarms(self) -> list[tuple[object, object]]:
        told = [one.facts for one in self.world.live.after(0) if one.what == "alarm"]
        return [(facts["alarm"], facts["why"]) for facts in told]

    async def get(self, query: str = "", token: str = "crm", partner: str = "crm") -> tuple[int, dict[str, Json]]:
        path = f"/api/v1/partners/{partner}/feed{query}"
        answer = await self.world.ask("GET", path, self.tokens.get(token, token))
        return answer.status, await answer.json()

    async def acknowledge(self, body: object, token: str = "crm") -> tuple[int, dict[str, Json]]:
        answer = await self.world.ask(
            "POST", "/api/v1/partners/crm/acknowledge", self.tokens.get(token, token), json=body
        )
        return answer.status, await answer.json()


@pytest.fixture
async def fetching(world: World) -> Fetching:
    """Machines: crm and hook of theirs, and one of another company that took the name of the partner erp."""
    both = frozenset({"acme", "futura"})
    tokens = {
        "crm": await world.user("crm", Role.MACHINE, frozenset({"futura"})),
        "hook": await world.user("hook", Role.MACHINE, both),
        "erp": await world.user("erp", Role.MACHINE, frozenset({"futura"})),
        "officer": await world.user("carl", Role.OFFICER),
    }
    return Fetching(world, tokens)


def ids(said: dict[str, Json]) -> list[str]:
    items = said["items"]
    assert isinstance(items, list)
    return [str(item["id"]) for item in items if isinstance(item, dict)]


async def test_a_feed_is_read_page_by_page_and_acknowledged_item_by_item(fetching: Fetching) -> None:
    await fetching.ledger.append([objection(), objection(BRAM), objection("+33199000099")])
    status, first = await fetching.get("?limit=2")
    assert (status, len(ids(first))) == (200, 2)
    _, second = await fetching.get(f"?after={first['next']}&limit=2")
    assert len(ids(second)) == 1
    _, after = await fetching.get(f"?after={second['next']}")
    assert (after["items"], after["next"]) == ([], second["next"])
    assert await fetching.acknowledge({"done": [*ids(first)]}) == (200, {"acknowledged": 2, "unknown": []})
    _, rest = await fetching.get()
    assert ids(rest) == ids(second), "what was read and not acknowledged is still there"
    [told] = await fetching.ledger.read(kinds=[Kind.DELIVERY_DONE])
    assert told.event.payload["partner"] == "crm"


async def test_what_is_acknowledged_again_or_was_never_told_is_named_and_changes_nothing(fetching: Fetching) -> None:
    await fetching.ledger.append([objection()])
    _, said = await fetching.get()
    await fetching.acknowledge({"done": [*ids(said)]})
    _, again = await fetching.acknowledge({"done": [*ids(said), "0" * 32]})
    assert again == {"acknowledged": 0, "unknown": sorted([*ids(said), "0" * 32])}
    assert len(await fetching.ledger.read(kinds=[Kind.DELIVERY_DONE])) == 1


async def test_nobody_acknowledges_for_another_partner(fetching: Fetching) -> None:
    await fetching.ledger.append([objection(controller="acme")])
    await fetching.outbox.catch_up(ERP)
    [item] = await fetching.outbox.due("erp")
    _, said = await fetching.acknowledge({"done": [item.id]})
    assert said == {"acknowledged": 0, "unknown": [item.id]}
    assert len(await fetching.outbox.due("erp")) == 1


async def test_what_is_refused_is_for_a_person_to_look_at(fetching: Fetching) -> None:
    await fetching.ledger.append([objection()])
    _, said = await fetching.get()
    await fetching.acknowledge({"refused": [{"id": ids(said)[0], "why": "whose is that?"}]})
    [dead] = await fetching.outbox.dead("crm")
    assert (dead.item.number, dead.why) == (ANNA, "whose is that?")
    assert fetching.alarms == [("delivery-dead", "crm: 1 items were refused")]


async def test_what_nobody_fetches_for_days_is_dead_and_can_still_be_fetched(fetching: Fetching) -> None:
    await fetching.ledger.append([objection()])
    alarms: list[tuple[str, str]] = []
    clock = fetching.world.services.clock
    courier = Courier(fetching.outbox, {}, clock=clock, alarm=lambda *told: alarms.append(told))
    await courier.step(CRM)
    fetching.world.now += GIVE_UP
    await courier.step(CRM)
    assert [alarm for alarm, _ in alarms] == ["delivery-dead"]
    fetching.tokens["crm"] = await fetching.world.door.make_token("crm", "", FEED, timedelta(days=1), "test")
    _, said = await fetching.get()
    assert (await fetching.acknowledge({"done": [*ids(said)]}))[0] == 200
    assert await fetching.outbox.dead("crm") == []


@pytest.mark.parametrize(
    ("token", "partner", "status"),
    [
        ("", "crm", 401),
        ("wrong", "crm", 401),
        ("crm", "erp", 404),
        ("crm", "nobody", 404),
        ("hook", "hook", 404),
        ("erp", "erp", 404),
        ("officer", "crm", 403),
    ],
)
async def test_a_feed_is_for_its_partners_machine_alone(
    fetching: Fetching, token: str, partner: str, status: int
) -> None:
    assert (await fetching.get("", token, partner))[0] == status


async def test_a_token_for_something_else_opens_no_feed(fetching: Fetching) -> None:
    door = fetching.world.door
    other = await door.make_token("crm", "test", frozenset({Area.CHECK}), timedelta(days=1), "test")
    assert (await fetching.get("", other))[0] == 403


@pytest.mark.parametrize(
    "query", ["?after=-1", "?after=x", "?after=١", "?limit=1e9", f"?after={'9' * 30}", "?limit=501"]
)
async def test_a_cursor_that_is_none_is_refused(fetching: Fetching, query: str) -> None:
    assert (await fetching.get(query))[0] == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 422),
        ({"done": ["a"]}, 422),
        ({"done": ["ab" * 16] * 2}, 422),
        ({"done": [], "more": 1}, 422),
        ("x" * 200_000, 413),
    ],
)
async def test_an_acknowledgement_that_is_none_is_refused(fetching: Fetching, body: object, status: int) -> None:
    assert (await fetching.acknowledge(body))[0] == status


async def test_an_answer_holds_no_more_than_it_may(fetching: Fetching) -> None:
    await fetching.ledger.append([objection(f"+331990{n:05}") for n in range(510)])
    _, said = await fetching.get("?limit=500")
    assert len(ids(said)) == 500


async def test_who_fetched_of_how_many_people_is_in_the_ledger_and_that_nothing_was_there_is_not(
    fetching: Fetching,
) -> None:
    await fetching.get()
    await fetching.ledger.append([objection(), objection(BRAM), objection(BRAM)])
    await fetching.get()
    acts = [entry.event.payload for entry in await fetching.ledger.read(kinds=[Kind.ACT])]
    [act] = [act for act in acts if act["act"] == "feed-read"]
    assert act == {
        "act": "feed-read", "by": "crm", "partner": "crm", "shows": True, "people": {"futura": 2}
    }  # fmt: skip
