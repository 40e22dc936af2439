"""The link: a snapshot, then events, whatever happens to the two sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from callgate.pbx.ami.errors import NotConnected
from callgate.pbx.ami.link import Link
from callgate.pbx.ami.session import State, Timing
from callgate.pbx.ami.wire import MESSAGE_LIMIT, Message
from tests.wire.fake_ami import BANNER, FakeAmi, Peer, within

CALM = Timing(ping=3600.0)


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


class Listener:
    """Writes down what it is told, in order, and can be made to fail or to hold on."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.reasons: list[str] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.fails_on: set[str] = set()
        self.link: Link

    async def on_event(self, event: Message) -> None:
        self._tell(event["Event"])
        await self.may_go_on.wait()

    async def on_snapshot(self, channels: list[Message]) -> None:
        self._tell("snapshot " + ",".join(channel["Uniqueid"] for channel in channels))
        await self.may_go_on.wait()

    def on_state(self, state: State, reason: str) -> None:
        self.reasons.append(reason)
        self._tell(state)

    def _tell(self, what: str) -> None:
        self.told.put_nowait(what)
        if what in self.fails_on:
            raise ValueError(what)

    async def hears(self, *expected: str) -> None:
        """What comes next must be just this."""
        heard = [await within(self.told.get()) for _ in expected]
        assert heard == list(expected)


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi().listening() as fake:
        yield fake


@asynccontextmanager
async def linking(ami: FakeAmi, *, queue_limit: int = 100) -> AsyncIterator[Listener]:
    listener = Listener()
    listener.link = Link(
        ami.address,
        "callgate",
        "secret",
        on_event=listener.on_event,
        on_snapshot=listener.on_snapshot,
        on_state=listener.on_state,
        queue_limit=queue_limit,
        timing=CALM,
        sleep=no_pause,
    )
    running = asyncio.create_task(listener.link.run())
    try:
        yield listener
    finally:
        listener.may_go_on.set()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def show(events: Peer, *channels: str) -> None:
    """Answer the question for a snapshot."""
    asked = await events.action("CoreShowChannels")
    events.reply_list(asked, *(("Event: CoreShowChannel", f"Uniqueid: {channel}") for channel in channels))


@asynccontextmanager
async def linked(ami: FakeAmi, *, queue_limit: int = 100) -> AsyncIterator[tuple[Listener, Peer, Peer]]:
    """A link that is up: its listener, the peer that sends events and the one that takes actions."""
    async with linking(ami, queue_limit=queue_limit) as listener:
        events, actions = await ami.log_in_both()
        await show(events)
        await listener.hears("snapshot ", "up")
        yield listener, events, actions


async def test_a_snapshot_comes_first_and_events_since_the_login_are_not_lost(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        events, _ = await ami.log_in_both()
        asked = await events.action("CoreShowChannels")
        events.send("Event: Before")
        events.reply_list(asked, ("Event: CoreShowChannel", "Uniqueid: 1"), ("Event: CoreShowChannel", "Uniqueid: 2"))
        events.send("Event: After")

        await listener.hears("snapshot 1,2", "up", "Before", "After")


async def test_events_in_the_same_segment_as_the_login_reply_are_not_lost(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        peers = [await ami.accept(), await ami.accept()]
        for peer in peers:
            peer.send_raw(BANNER)
            login = await peer.action("Login")
            peer.reply(login)
            if login["Events"] == "on":
                events = peer
                peer.send("Event: AtOnce")
        await show(events)

        await listener.hears("snapshot ", "up", "AtOnce")


async def test_an_event_before_the_login_reply_waits_for_the_snapshot(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        peers = {}
        for peer in (await ami.accept(), await ami.accept()):
            peer.send_raw(BANNER)
            login = await peer.action("Login")
            peers[login["Events"]] = (peer, login)
        events, _ = peers["on"]
        events.send("Event: Newexten", f"AppData: {'x' * MESSAGE_LIMIT}")
        events.send("Event: Early")
        await listener.hears("down")  # the gap, which shows that these were read
        for peer, asked in peers.values():
            peer.reply(asked)
        await show(events)

        await listener.hears("snapshot ", "up", "Early")


async def test_it_is_up_only_when_both_sessions_are_and_the_snapshot_was_taken(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        peers = {}
        for peer in (await ami.accept(), await ami.accept()):
            peer.send_raw(BANNER)
            login = await peer.action("Login")
            peers[login["Events"]] = (peer, login)

        events, login = peers["on"]
        events.reply(login)
        await show(events)
        await listener.hears("snapshot ")
        assert not listener.link.up

        actions, login = peers["off"]
        actions.reply(login)
        await listener.hears("up")
        assert listener.link.up


async def test_actions_do_not_travel_with_the_events(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, _, actions):
        asking = asyncio.create_task(listener.link.act("Hangup", {"Channel": "PJSIP/trunk-1"}))
        actions.reply(await actions.action("Hangup"))
        assert (await within(asking))["Response"] == "Success"

        listing = asyncio.create_task(listener.link.collect("CoreShowChannels"))
        await show(actions, "1")
        assert [channel["Uniqueid"] for channel in await within(listing)] == ["1"]


async def test_what_the_action_session_brings_is_no_event(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, actions):
        actions.send("Event: Twice")
        asking = asyncio.create_task(listener.link.act("Ping"))
        actions.reply(await actions.action("Ping"))
        await within(asking)  # so that it has read the event before
        events.send("Event: Once")

        await listener.hears("Once")


async def test_a_queue_that_overflows_is_thrown_away_and_the_picture_begins_anew(ami: FakeAmi) -> None:
    async with linked(ami, queue_limit=3) as (listener, events, _):
        listener.may_go_on.clear()
        events.send("Event: Held")
        await listener.hears("Held")
        for number in range(4):
            events.send(f"Event: Event{number}")
        await listener.hears("down")
        assert not listener.link.up
        events.send("Event: After")

        listener.may_go_on.set()
        await show(events, "1")
        await listener.hears("snapshot 1", "up", "Event3", "After")


async def test_a_queue_that_overflows_before_the_snapshot_came_needs_another(ami: FakeAmi) -> None:
    async with linking(ami, queue_limit=2) as listener:
        events, _ = await ami.log_in_both()
        asked = await events.action("CoreShowChannels")
        for number in range(3):
            events.send(f"Event: Event{number}")
        events.reply_list(asked, ("Event: CoreShowChannel", "Uniqueid: old"))
        await listener.hears("down", "snapshot old")
        assert not listener.link.up

        await show(events, "new")
        await listener.hears("snapshot new", "up", "Event2")


async def test_an_event_over_the_limit_is_a_gap(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, _):
        events.send("Event: Newexten", f"AppData: {'x' * MESSAGE_LIMIT}")
        await listener.hears("down")

        await show(events, "1")
        await listener.hears("snapshot 1", "up")


async def test_a_lost_event_session_means_a_new_snapshot_and_no_old_events(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, _):
        listener.may_go_on.clear()
        for name in ("Held", "Old"):
            events.send(f"Event: {name}")
        await listener.hears("Held")
        events.abort()
        await listener.hears("down")
        assert not listener.link.up
        listener.may_go_on.set()

        again = await ami.log_in()
        await show(again, "1")
        again.send("Event: New")
        await listener.hears("snapshot 1", "up", "New")


async def test_a_lost_action_session_takes_the_link_down_and_loses_no_event(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, actions):
        actions.abort()
        await listener.hears("down")
        assert not listener.link.up
        with pytest.raises(NotConnected):
            await listener.link.act("Hangup")
        events.send("Event: Meanwhile")
        await listener.hears("Meanwhile")

        await ami.log_in()
        await listener.hears("up")


async def test_a_listener_that_fails_on_an_event_hears_the_next(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, _):
        listener.fails_on = {"Bad"}
        for name in ("Bad", "Good"):
            events.send(f"Event: {name}")

        await listener.hears("Bad", "Good")
        assert listener.link.up


async def test_a_listener_that_fails_on_a_state_hears_the_next(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        listener.fails_on = {"up", "down"}
        events, _ = await ami.log_in_both()
        await show(events)
        await listener.hears("snapshot ", "up")
        events.abort()
        await listener.hears("down")
        await show(await ami.log_in())

        await listener.hears("snapshot ", "up")


@pytest.mark.parametrize("answer", ["refused", "short", "not taken"])
async def test_without_a_delivered_snapshot_it_is_not_up_and_starts_anew(ami: FakeAmi, answer: str) -> None:
    async with linking(ami) as listener:
        events, _ = await ami.log_in_both()
        asked = await events.action("CoreShowChannels")
        match answer:
            case "refused":
                events.reply(asked, "Response: Error", "Message: Permission denied")
            case "short":
                events.reply_list(asked, listed=1)
            case "not taken":
                listener.fails_on = {"snapshot "}
                events.reply_list(asked)
                await listener.hears("snapshot ")
        await listener.hears("down")
        assert "snapshot" in listener.reasons[-1]
        await events.gone()

        listener.fails_on = set()
        await show(await ami.log_in(), "1")
        await listener.hears("snapshot 1", "up")


async def test_a_refused_login_is_passed_on(ami: FakeAmi) -> None:
    async with linking(ami) as listener:
        peer = await ami.accept()
        peer.send_raw(BANNER)
        peer.reply(await peer.action("Login"), "Response: Error", "Message: Authentication failed")

        await listener.hears("refused")
        assert "Authentication failed" in listener.reasons[-1]


async def test_a_full_queue_does_not_hold_up_others(ami: FakeAmi) -> None:
    async with linked(ami, queue_limit=1000) as (listener, events, _):
        for _ in range(1000):
            events.send("Event: Quick")
        await listener.hears("Quick")
        turns = 0
        while listener.told.qsize() < 900:
            await asyncio.sleep(0)
            turns += 1

        assert turns >= 100


async def test_stopping_takes_the_link_down(ami: FakeAmi) -> None:
    async with linked(ami) as (listener, events, actions):
        pass

    await listener.hears("down", "down")
    assert not listener.link.up
    assert await events.gone() == await actions.gone() == b""
