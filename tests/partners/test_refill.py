"""What a restored ledger lacks comes back from a partner, who can hand back what it got and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callgate.core.events import Event, Kind
from callgate.core.partners import Partner, Way, What
from callgate.partners.courier import Courier
from callgate.partners.errors import NotBelieved
from callgate.partners.http import Line, http_session
from callgate.partners.refill import Desk, Fetched
from callgate.stores.ledger import Ledger, gap
from callgate.stores.ledger.backup import back_up, restore
from callgate.stores.outbox import Outbox
from tests.partners.partner import Mood, Moved, RemotePartner, remote_partner
from tests.stores.conftest import ANNA, BRAM, NOW, TOKENS, ledger_url, objection, open_at, open_ledger, removal

CRM = Partner("crm", frozenset({"futura"}), frozenset(What), Way.WEBHOOK)
CARL = "+33199000099"


class World:
    """A ledger that was restored from a backup, and the partner that was told what came after it."""

    def __init__(self, ledger: Ledger, remote: RemotePartner, line: Line, clock: Moved) -> None:
        self.ledger, self.remote, self.line = ledger, remote, line

        async def suppress(*events: Event) -> None:
            await ledger.append(events)

        self.desk = Desk(Outbox(ledger, [CRM], clock), ledger, TOKENS, suppress, clock)

    async def fetch(self) -> Fetched:
        return await self.desk.fetch("crm", self.line)

    async def objecting(self) -> list[tuple[str | None, object]]:
        entries = await self.ledger.read(kinds=[Kind.OBJECTION])
        return [(entry.event.number, entry.event.payload.get("source")) for entry in entries]


async def told_since_the_backup(folder: Path, remote: RemotePartner, line: Line, clock: Moved) -> None:
    """Anna objects; a backup is made; Bram and Carl object, and Carl takes it back; the partner is told all of it."""
    ledger = await open_ledger(folder)
    outbox = Outbox(ledger, [CRM], clock)
    await ledger.append([objection()])
    await back_up(ledger_url(folder), folder / "backup.db")
    await ledger.append([objection(BRAM), objection(CARL), removal(CARL)])
    await Courier(outbox, {"crm": line.deliver}, clock=clock, alarm=lambda *_: None).step(CRM)
    await ledger.close()
    remote.pages = {"": {"items": remote.told[:2], "next": "p2"}, "p2": {"items": remote.told[2:], "next": None}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = Moved()
    (tmp_path / "new").mkdir()

    async def make_ready(url: str) -> None:
        elsewhere = await open_at(url)
        await gap.mark(elsewhere, NOW)
        await elsewhere.close()

    async with remote_partner(clock) as remote, http_session(within=1) as session:
        await told_since_the_backup(tmp_path, remote, Line(session, f"{remote.url}/hook", remote.signer, clock), clock)
        await restore(tmp_path / "backup.db", ledger_url(tmp_path / "new"), make_ready)
        ledger = await open_ledger(tmp_path / "new")
        yield World(ledger, remote, Line(session, f"{remote.url}/received", remote.signer, clock), clock)
        await ledger.close()


async def test_objections_since_the_backup_are_entered_and_removals_are_left_to_an_officer(world: World) -> None:
    assert await world.fetch() == Fetched(items=4, entered=2, taken_back=1)
    assert await world.objecting() == [(ANNA, None), (BRAM, "partner"), (CARL, "partner")]
    [told] = await world.ledger.read(kinds=[Kind.PARTNER_FETCHED])
    assert told.event.payload == {
        "partner": "crm", "since": NOW.isoformat(), "items": 4, "entered": 2, "removals": 1, "lost": [],
    }  # fmt: skip


async def test_requests_that_the_ledger_lost_are_named_for_an_officer(tmp_path: Path) -> None:
    """The restriction of before the backup is known; what came after it was told to the partner and is gone here."""
    clock = Moved()

    def of_request(name: str, kind: Kind) -> Event:
        return Event(kind, NOW, number=ANNA, controller="futura", payload={"request": name})

    async with remote_partner(clock) as remote, http_session(within=1) as session:
        before = await open_ledger(tmp_path)
        outbox = Outbox(before, [CRM], clock)
        await before.append([of_request("r-1", Kind.RESTRICTION), of_request("r-2", Kind.RESTRICTION_LIFTED)])
        await outbox.put_erasure(ANNA, "futura", "r-3", NOW)
        line = Line(session, f"{remote.url}/hook", remote.signer, clock)
        await Courier(outbox, {"crm": line.deliver}, clock=clock, alarm=lambda *_: None).step(CRM)
        await before.close()
        remote.pages = {"": {"items": remote.told, "next": None}}
        (tmp_path / "new").mkdir()
        after = await open_ledger(tmp_path / "new")
        await after.append([of_request("r-1", Kind.RESTRICTION)])
        fetched = await World(
            after, remote, Line(session, f"{remote.url}/received", remote.signer, clock), clock
        ).fetch()
        assert sorted(fetched.lost) == ["r-2", "r-3"]
        assert "19900" not in fetched.says
        await after.close()


async def test_fetching_again_enters_nothing_twice(world: World) -> None:
    await world.fetch()
    assert (await world.fetch()).entered == 0


async def test_the_gap_stays_for_an_officer_to_answer_for(world: World) -> None:
    """What was acknowledged and had not reached the partner is in no answer of its."""
    await world.fetch()
    assert await gap.unready(world.ledger)


async def test_a_restored_ledger_that_uses_a_place_again_names_another_item(world: World) -> None:
    await world.ledger.append([replace(objection("+33199000055"), at=NOW + timedelta(hours=1))])
    outbox = world.desk.outbox
    await outbox.catch_up(CRM)
    ids = {item.id for item in await outbox.due("crm")}
    assert not {item["id"] for item in world.remote.told if item["number"] != ANNA} & ids


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0" * 32},
        {"event": 99},
        {"at": (NOW + timedelta(seconds=1)).isoformat()},
        {"at": "yesterday"},
        {"what": "erasure"},
        {"what": "gift"},
        {"number": "33199000042"},
        {"number": None},
        {"controller": "acme"},
        {"scope": None, "controller": 5},
    ],
)
async def test_an_item_that_was_never_told_is_not_believed_and_nothing_of_its_page_entered(
    world: World, change: dict[str, Any]
) -> None:
    page = world.remote.pages[""]
    page["items"] = [page["items"][0], page["items"][1] | change]
    with pytest.raises(NotBelieved) as refused:
        await world.fetch()
    assert "19900" not in str(refused.value)
    assert await world.objecting() == [(ANNA, None)]


@pytest.mark.parametrize(
    "page", [{}, {"items": [], "next": ""}, {"items": {}, "next": None}, {"items": [7], "next": None}, []]
)
async def test_an_answer_that_is_no_list_of_items_or_leads_nowhere_is_not_believed(world: World, page: Any) -> None:
    world.remote.pages[""] = page
    with pytest.raises(NotBelieved):
        await world.fetch()


async def test_an_answer_that_is_not_signed_is_not_believed(world: World) -> None:
    world.remote.mood = Mood.FORGED
    with pytest.raises(NotBelieved, match="not signed with the partner's secret"):
        await world.fetch()
