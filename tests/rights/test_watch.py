"""The watch: what is said of a request is said once, also after a restart, and what broke off is done."""

from dataclasses import replace
from datetime import date

import pytest

from callgate.boundary import NotCommitted
from callgate.core.events import Event, Kind
from callgate.core.requests import Right, Stage
from callgate.rights.erasing import erase
from callgate.rights.watch import LEFT_AFTER, RightsWatch
from callgate.stores.errors import StoreUnavailable
from tests.rights.conftest import ANNA, DAY, NOW, OFFICER, Place, asked
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server

REMINDED, ESCALATED = Kind.REQUEST_REMINDED, Kind.REQUEST_ESCALATED


class Alarms(list[tuple[Kind, str]]):
    def __call__(self, kind: Kind, says: str) -> None:
        self.append((kind, says))

    @property
    def kinds(self) -> list[Kind]:
        return [kind for kind, _ in self]


async def test_reminders_and_the_deadline_are_told_once_and_a_restart_doubles_none(place: Place) -> None:
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    alarms = Alarms()
    for day in range(40):
        place.time.now = NOW + day * DAY
        # Another watch each day: a restart.
        await RightsWatch(place.desk, alarms).look()
    entered = [entry.event.kind for entry in await place.ledger.read(kinds=[REMINDED, ESCALATED])]
    assert entered == [REMINDED, REMINDED, REMINDED, ESCALATED]
    # What is late is told again at each start, and entered once.
    assert alarms.kinds[:4] == entered
    assert set(alarms.kinds[4:]) == {ESCALATED}
    assert "is late: it came on 2026-11-24 and is due on 2026-12-24" in alarms[-1][1]
    assert request.id in alarms[0][1]
    assert not any(ANNA[1:] in says for _, says in alarms)


async def test_a_watch_that_goes_on_says_nothing_twice(place: Place) -> None:
    await place.desk.open(OFFICER, Right.ERASURE, replace(asked(), received=date(2026, 10, 1)))
    alarms = Alarms()
    watch = RightsWatch(place.desk, alarms)
    for _ in range(3):
        await watch.look()
    assert alarms.kinds == [ESCALATED]


async def test_a_watch_sees_what_was_entered_since_its_last_look(place: Place) -> None:
    alarms = Alarms()
    watch = RightsWatch(place.desk, alarms)
    await watch.look()
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    await place.desk.open(OFFICER, Right.ACCESS, asked())
    place.time.now += 7 * DAY
    await watch.look()
    assert alarms.kinds == [REMINDED, REMINDED]
    await place.desk.refuse(OFFICER, request, "not founded")
    place.time.now += 7 * DAY
    await watch.look()
    assert alarms.kinds == [REMINDED] * 3


async def test_partners_that_do_not_answer_are_named_when_it_is_late(place: Place) -> None:
    place.partners.names = ["north"]
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    await erase(place.desk, OFFICER, await place.desk.identify(OFFICER, request, "seen"))
    alarms = Alarms()
    place.time.now += 31 * DAY
    await RightsWatch(place.desk, alarms).look()
    assert alarms.kinds == [ESCALATED]
    assert "waiting for north" in alarms[0][1]


async def test_an_alarm_is_raised_for_nothing_that_could_not_be_entered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.desk.open(OFFICER, Right.ERASURE, asked())
    alarms = Alarms()
    place.time.now += 8 * DAY

    async def full(*_: Event) -> None:
        raise NotCommitted("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(place.office, "suppress", full)
        with pytest.raises(NotCommitted):
            await RightsWatch(place.desk, alarms).look()
    assert alarms == []
    await RightsWatch(place.desk, alarms).look()
    assert alarms.kinds == [REMINDED]


async def test_an_erasure_that_broke_off_is_carried_out(place: Place, server: RedisServer) -> None:
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    request = await place.desk.identify(OFFICER, request, "seen")
    await server.stop()
    with pytest.raises(StoreUnavailable):
        await erase(place.desk, OFFICER, request)
    await server.start()
    watch = RightsWatch(place.desk, Alarms())
    await watch.look()  # somebody may be at work on it
    assert (await place.desk.request(OFFICER, request.id)).stage is Stage.OPEN
    place.time.now += LEFT_AFTER + DAY
    await watch.look()
    done = await place.desk.request(OFFICER, request.id)
    assert done.stage is Stage.CLOSED
    assert done.done is not None
    assert done.done.by == "callgate"


async def test_the_watch_sweeps_and_ends_terms(place: Place) -> None:
    request = await place.desk.open(OFFICER, Right.ERASURE, asked())
    await erase(place.desk, OFFICER, await place.desk.identify(OFFICER, request, "seen"))
    await place.ledger.append([Event(Kind.CLOSED, NOW, "a1", ANNA, "acme")])
    watch = RightsWatch(place.desk, Alarms())
    await watch.look()
    assert [entry.event.number for entry in await place.ledger.read(kinds=[Kind.CLOSED], call="a1")] == [None, None]
    place.time.now += 1828 * DAY
    await watch.look()
    assert (await place.desk.request(OFFICER, request.id)).number is None


async def test_a_look_that_fails_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def sleep(_: float) -> None:
        if looks == 3:
            raise EOFError

    async def look() -> None:
        nonlocal looks
        looks += 1
        raise StoreUnavailable("away")

    watch = RightsWatch(place.desk, Alarms(), sleep)
    monkeypatch.setattr(watch, "look", look)
    with pytest.raises(EOFError):
        await watch.run()
