"""A hook is told what happens, masked, in order and signed; a hook that is down loses nothing and holds up nobody."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from callgate.core.events import Event, Json, Kind
from callgate.core.hooks import Hook, Topic
from callgate.core.partners import GIVE_UP
from callgate.hooking import Telling
from callgate.partners.http import Line, http_session
from callgate.partners.signing import ID, SIGNATURE, TIMESTAMP, Signer
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from tests.partners.partner import SECRET, Moved
from tests.stores.conftest import ANNA, NOW, objection, removal

ALL = frozenset(Topic)
CHAT = Hook("chat", None, ALL)
FUTURAS = Hook("chat", frozenset({"futura"}), ALL)


class Remote:
    """A program that is told."""

    def __init__(self) -> None:
        self.status = 204
        self.messages: list[tuple[str, dict[str, Any]]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status < 300:
            at = datetime.fromtimestamp(int(request.headers[TIMESTAMP]), UTC)
            assert Webhook(SECRET).sign(request.headers[ID], at, body.decode()) == request.headers[SIGNATURE]
            self.messages.append((request.headers[ID], json.loads(body)))
        return web.Response(status=self.status)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [event for _, message in self.messages for event in message["data"]["events"]]


class World:
    def __init__(self, ledger: Ledger, remote: Remote, line: Line, clock: Moved) -> None:
        self.ledger, self.remote, self.line, self.clock = ledger, remote, line, clock
        self.alarms: list[tuple[str, str]] = []

    async def telling(self, hook: Hook = CHAT) -> Telling:
        """As after a start of the process; a hook that is new begins here."""
        made = Telling(hook, self.line, self.ledger, self.clock, lambda *told: self.alarms.append(told))
        await made.step()
        return made


@pytest.fixture
async def world(ledger: Ledger) -> AsyncIterator[World]:
    remote, clock, app = Remote(), Moved(), web.Application()
    app.router.add_post("/hook", remote.take)
    async with TestServer(app) as server, http_session(within=5) as session:
        yield World(ledger, remote, Line(session, str(server.make_url("/hook")), Signer(SECRET), clock), clock)


def verdict(call: str, outcome: str = "block", controller: str = "futura") -> Event:
    said: dict[str, Json] = {"outcome": outcome, "reason": "objection", "campaign": "autumn", "agent": "alice"}
    return Event(Kind.VERDICT, NOW, call, ANNA, controller, said)


async def test_a_hook_is_told_in_order_what_happens_and_no_number(world: World) -> None:
    await world.ledger.append([verdict("before")])
    telling = await world.telling()
    consent = Event(Kind.CONSENT, NOW, "c2", ANNA, "futura", {"key": "1"})
    alarm = Event(Kind.ALARM, NOW, payload={"alarm": "list-stale", "why": "be-dncm is old"})
    await world.ledger.append([verdict("c1"), verdict("c2", "allow"), consent, objection(), removal(), alarm])
    await telling.step()
    what = [(event["what"], event.get("call")) for event in world.remote.told]
    assert what == [
        ("block", "c1"), ("consent", "c2"), ("objection", None), ("objection-removed", None), ("alarm", None)
    ]  # fmt: skip
    assert world.remote.told[0] == {
        "event": world.remote.told[0]["event"], "what": "block", "at": NOW.isoformat(), "call": "c1",
        "controller": "futura", "number": "+33 ••• 42", "reason": "objection", "campaign": "autumn", "agent": "alice",
    }  # fmt: skip
    assert ANNA[3:] not in json.dumps(world.remote.told)


async def test_what_belongs_to_another_company_or_to_none_is_not_told(world: World) -> None:
    telling = await world.telling(FUTURAS)
    alarm = Event(Kind.ALARM, NOW, payload={"alarm": "list-stale"})
    await world.ledger.append(
        [verdict("theirs", controller="acme"), alarm, objection(controller=None, scope="all"), verdict("own")]
    )
    await telling.step()
    assert [event["what"] for event in world.remote.told] == ["objection", "block"]


async def test_only_what_was_asked_for_is_told(world: World) -> None:
    telling = await world.telling(Hook("chat", None, frozenset({Topic.OBJECTIONS})))
    await world.ledger.append([verdict("c1"), objection()])
    await telling.step()
    assert [event["what"] for event in world.remote.told] == ["objection"]


async def test_a_hook_that_was_down_is_told_everything_once_it_is_up_also_after_a_restart(world: World) -> None:
    telling = await world.telling()
    world.remote.status = 500
    await world.ledger.append([verdict("c1")])
    await telling.step()
    await world.ledger.append([verdict("c2")])
    world.remote.status = 204
    again = await world.telling()
    assert world.remote.told == [], "it is left alone for a pause, which a restart does not end"
    world.clock.now += timedelta(seconds=10)
    await again.step()
    assert [event["call"] for event in world.remote.told] == ["c1", "c2"]
    assert [alarm for alarm, _ in world.alarms] == ["hook-unreachable"]
    await (await world.telling()).step()
    assert len(world.remote.messages) == 1, "told is told"


async def test_what_is_told_again_because_its_place_was_not_kept_has_the_id_that_it_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = await world.telling()
    await world.ledger.append([verdict("c1")])
    amend = world.ledger.amend

    async def away(_: object) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(world.ledger, "amend", away)
    with pytest.raises(LedgerUnavailable):
        await telling.step()
    monkeypatch.setattr(world.ledger, "amend", amend)
    await telling.step()
    [(first, _), (second, _)] = world.remote.messages
    assert first == second


async def test_what_is_five_days_old_is_passed_over_with_an_alarm(world: World) -> None:
    telling = await world.telling()
    await world.ledger.append([verdict("c1")])
    world.clock.now += GIVE_UP
    await world.ledger.append([Event(Kind.ALARM, world.clock.now, payload={"alarm": "fresh"})])
    await telling.step()
    assert [event.get("alarm") for event in world.remote.told] == ["fresh"]
    assert world.alarms == [("hook-given-up", "chat: 1 events were told in vain for days")]
