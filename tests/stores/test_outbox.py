"""What partners are to be told is complete, told until it was done, and holds nothing of a person afterwards."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from callgate.core.events import DataClass, Event, Json, Kind
from callgate.core.partners import GIVE_UP, Item, Partner, Way, What
from callgate.stores import outbox as under_test
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.ledger.keyfile import LedgerKeys
from callgate.stores.ledger.upkeep import rewrap
from callgate.stores.outbox import Outbox
from callgate.stores.schema import deliveries
from tests.stores.conftest import ANNA, BRAM, LEDGER_KEYS, NOW, objection, open_ledger, removal

ALL = frozenset(What)
CRM = Partner("crm", frozenset({"futura"}), ALL, Way.WEBHOOK)
ERP = Partner("erp", frozenset({"futura", "acme"}), frozenset({What.OBJECTION, What.ERASURE}), Way.FEED)


def held_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


class Moved:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def outbox(either: Ledger, clock: Moved) -> Outbox:
    return Outbox(either, [CRM, ERP], clock)


async def due(outbox: Outbox, partner: Partner) -> list[Item]:
    await outbox.catch_up(partner)
    return await outbox.due(partner.name)


async def waiting(outbox: Outbox, partner: Partner) -> list[tuple[What, str | None]]:
    return [(item.what, item.number) for item in await due(outbox, partner)]


async def test_every_objection_and_removal_waits_for_every_partner_that_hears_of_it(
    outbox: Outbox, either: Ledger
) -> None:
    await either.append([objection(), objection(BRAM, "acme"), objection(BRAM, None, scope="all"), removal()])
    await either.append([Event(Kind.CONSENT, NOW, "c1", ANNA, "futura")])
    assert await waiting(outbox, CRM) == [(What.OBJECTION, ANNA), (What.OBJECTION, BRAM), (What.REMOVAL, ANNA)]
    assert await waiting(outbox, ERP) == [(What.OBJECTION, ANNA), (What.OBJECTION, BRAM), (What.OBJECTION, BRAM)]
    assert [item.body for item in await outbox.due("erp")] == [{}, {}, {"scope": "all"}]


def of_request(kind: Kind, said: dict[str, Json], **personal: Json) -> Event:
    return Event(kind, NOW, number=ANNA, controller="futura", payload={"request": "r-1", **said}, personal=personal)


async def test_restrictions_their_ends_and_rectifications_wait_for_every_partner_that_hears_of_them(
    outbox: Outbox, either: Ledger
) -> None:
    await either.append(
        [
            of_request(Kind.REQUEST_OPENED, {"right": "restriction"}),
            of_request(Kind.RESTRICTION, {"ground": "accuracy", "by": "officer"}),
            of_request(Kind.RECTIFICATION, {"what": "lead", "by": "officer"}, now="Anna Martin", because="letter"),
            of_request(Kind.RECTIFICATION, {"what": "objection", "by": "officer"}, now=f"it was {BRAM}"),
            of_request(Kind.RESTRICTION_LIFTED, {"by": "officer"}, because="settled", told="letter"),
        ]
    )
    told = [(item.what, item.number, item.told()) for item in await due(outbox, CRM)]
    assert [(what, number) for what, number, _ in told] == [
        (What.RESTRICTION, ANNA), (What.RECTIFICATION, ANNA), (What.LIFTING, ANNA),
    ]  # fmt: skip
    restriction, rectification, lifting = (said for *_, said in told)
    assert (restriction["reference"], restriction["ground"]) == ("r-1", "accuracy")
    assert (rectification["reference"], rectification["corrects"], rectification["now"]) == (
        "r-1",
        "lead",
        "Anna Martin",
    )
    assert not {"because", "told", "by"} & (rectification.keys() | lifting.keys())
    assert await waiting(outbox, ERP) == [], "it did not ask for them"
    await outbox.done("crm", await outbox.due("crm"))
    assert await waiting(outbox, CRM) == []
    [entry] = await either.read(kinds=[Kind.DELIVERY_DONE])
    assert "Anna" not in str(entry.event)
    assert str(entry.event).count("r-1") == 3, "the ledger tells which request each partner did"


async def test_nothing_that_is_put_right_stands_readable_in_the_database(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path)
    await ledger.append([of_request(Kind.RECTIFICATION, {"what": "lead"}, now="Anna Martin")])
    outbox = Outbox(ledger, [CRM], lambda: NOW)
    assert len(await due(outbox, CRM)) == 1
    assert b"Martin" not in held_in(tmp_path)
    await ledger.close()


async def test_what_was_put_in_once_is_not_put_in_again(outbox: Outbox, either: Ledger) -> None:
    await either.append([objection()])
    assert len(await waiting(outbox, CRM)) == 1
    assert len(await waiting(outbox, CRM)) == 1
    await outbox.done("crm", await outbox.due("crm"))
    assert await waiting(outbox, CRM) == []
    await either.append([objection(BRAM)])
    assert await waiting(outbox, CRM) == [(What.OBJECTION, BRAM)]


async def test_whatever_happens_in_between_everything_is_told_and_nothing_after_it_was_done(
    outbox: Outbox, either: Ledger, clock: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "MOST_WAITING", 7)
    chance = random.Random(7)
    done: list[str | None] = []
    numbers = [f"+331990{n:05}" for n in range(60)]
    for at in range(0, len(numbers), 4):
        await either.append([objection(number) for number in numbers[at : at + chance.randrange(5)]])
        items = await after_catching_up(outbox)
        some = chance.sample(items, chance.randrange(len(items) + 1))
        for item in some:
            if chance.random() < 0.5:
                await outbox.done("crm", [item])
                done.append(item.number)
            else:
                await outbox.postpone([item], clock.now + timedelta(minutes=chance.randrange(3)), "left out")
        clock.now += timedelta(minutes=1)
    clock.now += timedelta(minutes=5)
    while items := await after_catching_up(outbox):
        await outbox.done("crm", items)
        done += (item.number for item in items)
    told = [entry.event.number for entry in await either.read(kinds=[Kind.OBJECTION])]
    assert len(told) > 20
    assert sorted(map(str, done)) == sorted(map(str, told))


async def after_catching_up(outbox: Outbox) -> list[Item]:
    await outbox.catch_up(CRM)
    return await outbox.due("crm")


async def test_a_queue_takes_in_no_more_than_it_may_hold_and_the_rest_when_there_is_room(
    outbox: Outbox, either: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "MOST_WAITING", 2)
    monkeypatch.setattr(under_test, "STEP", 1)
    await either.append([objection(f"+3319900004{n}") for n in range(5)])
    told: list[str | None] = []
    while found := await waiting(outbox, CRM):
        assert len(found) <= 2
        told += (number for _, number in found)
        await outbox.done("crm", await outbox.due("crm"))
    assert told == [f"+3319900004{n}" for n in range(5)]


async def test_what_was_done_is_in_the_ledger_and_its_number_nowhere(outbox: Outbox, either: Ledger) -> None:
    await either.append([objection()])
    await outbox.catch_up(CRM)
    [item] = await outbox.due("crm")
    await outbox.done("crm", [item])
    assert await either.rows(sa.select(deliveries)) == []
    [told] = await either.read(kinds=[Kind.DELIVERY_DONE])
    assert told.event.number is None
    assert told.event.payload == {
        "partner": "crm",
        "items": [{"id": item.id, "what": "objection", "controller": "futura", "seq": 1}],
    }
    assert (await either.audit()).problems == ()


async def test_an_erasure_is_told_to_all_with_the_number_that_the_ledger_forgets(
    outbox: Outbox, either: Ledger, journal: Journal
) -> None:
    await either.append([objection()])
    assert await outbox.put_erasure(ANNA, "futura", "request-1", NOW) == ("crm", "erp")
    await either.erase(ANNA, "futura", [*DataClass], NOW, by="officer", journal=journal)
    told = [(What.OBJECTION, ANNA), (What.ERASURE, ANNA)]
    assert await waiting(outbox, CRM) == told
    assert await waiting(outbox, ERP) == told
    assert await outbox.unfinished("request-1") == {"crm": False, "erp": False}
    await outbox.done("crm", await outbox.due("crm"))
    assert await outbox.unfinished("request-1") == {"erp": False}
    assert await outbox.unfinished("request-2") == {}


async def test_an_erasure_that_is_asked_for_again_is_told_once(outbox: Outbox) -> None:
    for _ in range(2):
        await outbox.put_erasure(ANNA, "futura", "request-1", NOW)
    assert len(await outbox.due("crm")) == 1


async def test_once_all_were_told_of_an_erasure_no_file_holds_number_or_key(tmp_path: Path, journal: Journal) -> None:
    ledger = await open_ledger(tmp_path)
    outbox = Outbox(ledger, [CRM, ERP], lambda: NOW)
    await ledger.append([objection()])
    await outbox.put_erasure(ANNA, "futura", "request-1", NOW)
    await ledger.erase(ANNA, "futura", [*DataClass], NOW, by="officer", journal=journal)
    secrets = [part for row in await ledger.rows(sa.select(deliveries)) for part in (row.wrapped, row.sealed)]
    held = held_in(tmp_path)
    assert all(part in held for part in secrets)
    for partner in (CRM, ERP):
        await outbox.done(partner.name, await outbox.due(partner.name))
    held = held_in(tmp_path)
    assert not any(part in held for part in secrets)
    assert ANNA[1:].encode() not in held
    await ledger.close()


async def test_somebody_who_was_erased_before_a_partner_joined_is_passed_over(
    outbox: Outbox, either: Ledger, journal: Journal
) -> None:
    await either.append([objection(), objection(BRAM)])
    await either.erase(ANNA, "futura", [*DataClass], NOW, by="officer", journal=journal)
    assert await waiting(outbox, CRM) == [(What.OBJECTION, BRAM)]


async def test_what_is_postponed_waits_for_its_time_and_holds_up_nothing(
    outbox: Outbox, either: Ledger, clock: Moved
) -> None:
    await either.append([objection(), objection(BRAM)])
    await outbox.catch_up(CRM)
    first, _ = await outbox.due("crm")
    await outbox.postpone([first], NOW + timedelta(minutes=1), "left out")
    assert await waiting(outbox, CRM) == [(What.OBJECTION, BRAM)]
    clock.now += timedelta(minutes=1)
    assert [item.tries for item in await outbox.due("crm")] == [1, 0]


async def test_what_was_told_in_vain_for_days_is_dead_until_a_person_says_so(
    outbox: Outbox, either: Ledger, clock: Moved
) -> None:
    await either.append([objection(), objection(BRAM)])
    await outbox.catch_up(CRM)
    await outbox.paused("crm", 30, NOW + GIVE_UP, "the partner answered 500")
    clock.now += GIVE_UP
    assert await outbox.give_up("crm") == 2
    assert await outbox.give_up("crm") == 0
    assert await outbox.due("crm") == []
    first, second = await outbox.dead("crm")
    assert (first.item.number, first.why, first.since) == (ANNA, "the partner answered 500", clock.now)
    await outbox.retry("crm", [first.item], "officer")
    await outbox.drop("crm", [second.item], "officer", "the partner is gone")
    assert await waiting(outbox, CRM) == [(What.OBJECTION, ANNA)]
    assert await outbox.dead("crm") == []
    stand = await outbox.stand("crm")
    assert (stand.tries, stand.due, stand.waiting, stand.dead) == (0, None, 1, 0)
    kinds = [entry.event.kind for entry in await either.read(after_seq=2)]
    assert kinds == [Kind.DELIVERY_DEAD, Kind.DELIVERY_RETRIED, Kind.DELIVERY_DROPPED]
    [dropped] = await either.read(kinds=[Kind.DELIVERY_DROPPED])
    assert (dropped.event.payload["by"], dropped.event.payload["because"]) == ("officer", "the partner is gone")


async def test_a_place_that_a_partner_has_seen_is_never_given_to_another_item(outbox: Outbox, either: Ledger) -> None:
    """A partner keeps a cursor: an item behind it would never be read."""
    await either.append([objection()])
    await outbox.catch_up(ERP)
    [first] = await outbox.after("erp", 0, 10)
    await outbox.done("erp", [first])
    await either.append([objection(BRAM)])
    await outbox.catch_up(ERP)
    [second] = await outbox.after("erp", first.place, 10)
    assert second.number == BRAM


async def test_an_anchor_is_put_in_once_a_day_for_those_who_want_it(outbox: Outbox, either: Ledger) -> None:
    tomorrow = NOW + timedelta(days=1)
    assert await outbox.without_anchor(NOW) == ("crm",)
    await outbox.put_anchor({"anchor": "1 ABC"}, NOW, ("crm",))
    assert await outbox.without_anchor(NOW) == ()
    assert await outbox.without_anchor(tomorrow) == ("crm",)
    [item] = await outbox.due("crm")
    assert (item.what, item.number, item.body) == (What.ANCHOR, None, {"anchor": "1 ABC"})


async def test_numbers_in_the_queue_follow_a_rotation_of_the_master_key(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path)
    outbox = Outbox(ledger, [CRM], lambda: NOW)
    await ledger.append([objection()])
    await outbox.catch_up(CRM)
    masters = {"second": bytes([9]) * 32, **LEDGER_KEYS.masters}
    ledger.ring._load(replace(LEDGER_KEYS, masters=masters))
    assert await rewrap(ledger) == 2
    ledger.ring._load(LedgerKeys(LEDGER_KEYS.path, {"second": bytes([9]) * 32}, LEDGER_KEYS.index, LEDGER_KEYS.signing))
    assert [item.number for item in await outbox.due("crm")] == [ANNA]
    await ledger.close()
