"""One session with a manager interface that behaves, and with one that does not."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from callgate.pbx.ami.connection import News
from callgate.pbx.ami.errors import ActionRefused, LocalError, NotConnected, OutcomeUnknown
from callgate.pbx.ami.session import Session, State, Timing
from callgate.pbx.ami.wire import MESSAGE_LIMIT, Dropped, Message
from tests.wire.fake_ami import BANNER, FakeAmi, Peer, message, within

CALM = Timing(ping=3600.0)
SECRET = "only-the-pbx-knows"


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


class Pauses:
    """The pauses between attempts: each is seen, and lasts until the test ends it."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self._ended: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self._ended.get()

    async def next(self) -> float:
        """End the pause that is on, or the next that begins, and return its length."""
        self._ended.put_nowait(None)
        return await within(self.asked.get())


class Client:
    """A session and what it told."""

    def __init__(self, session: Session, news: asyncio.Queue[News], states: asyncio.Queue[tuple[State, str]]) -> None:
        self.session = session
        self.news = news
        self.states = states

    async def event(self) -> str:
        news = await within(self.news.get())
        return "dropped" if isinstance(news, Dropped) else news["Event"]

    async def state(self) -> State:
        return (await within(self.states.get()))[0]


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi().listening() as fake:
        yield fake


@asynccontextmanager
async def client(
    address: tuple[str, int],
    *,
    timing: Timing = CALM,
    pause: Pauses | None = None,
    events: bool = True,
) -> AsyncIterator[Client]:
    news: asyncio.Queue[News] = asyncio.Queue()
    states: asyncio.Queue[tuple[State, str]] = asyncio.Queue()
    session = Session(
        address,
        "callgate",
        SECRET,
        events=events,
        on_news=news.put_nowait,
        on_state=lambda state, reason: states.put_nowait((state, reason)),
        timing=timing,
        rng=random.Random(1),
        sleep=pause or no_pause,
    )
    running = asyncio.create_task(session.run())
    try:
        yield Client(session, news, states)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def connected(ami: FakeAmi, *, timing: Timing = CALM) -> AsyncIterator[tuple[Client, Peer]]:
    """A client that is logged in, and the peer that it is logged in to."""
    async with client(ami.address, timing=timing) as ours:
        peer = await ami.log_in()
        assert await ours.state() is State.UP
        yield ours, peer


# Logging in.


@pytest.mark.parametrize(("events", "header"), [(True, "on"), (False, "off")])
async def test_it_logs_in_and_says_whether_it_wants_events(ami: FakeAmi, events: bool, header: str) -> None:
    async with client(ami.address, events=events) as ours:
        login = await (await ami.accept()).log_in()

        assert (login["Username"], login["Secret"], login["Events"]) == ("callgate", SECRET, header)
        assert await ours.state() is State.UP
        assert ours.session.up


async def test_a_peer_that_is_no_manager_interface_is_not_told_the_secret(ami: FakeAmi) -> None:
    async with client(ami.address) as ours:
        peer = await ami.accept()
        peer.send_raw(b"SSH-2.0-OpenSSH_9.2\r\n")

        assert await peer.gone() == b""
        assert await ours.state() is State.DOWN


async def test_a_refused_login_is_reported_each_time_and_tried_again_late(ami: FakeAmi) -> None:
    pauses = Pauses()
    async with client(ami.address, timing=Timing(ping=3600.0, retry_refused=30.0), pause=pauses) as ours:
        for _ in range(3):
            peer = await ami.accept()
            peer.send_raw(BANNER)
            peer.reply(await peer.action("Login"), "Response: Error", "Message: Authentication failed")

            assert await within(ours.states.get()) == (
                State.REFUSED,
                "the PBX refuses the login: Authentication failed",
            )
            assert 15.0 <= await pauses.next() <= 30.0
        assert not ours.session.up


@pytest.mark.parametrize("greeting", [b"", b"Asterisk", BANNER])
async def test_a_peer_that_does_not_let_us_in_is_dropped_at_the_deadline(ami: FakeAmi, greeting: bytes) -> None:
    async with client(ami.address, timing=Timing(login=0.05)) as ours:
        peer = await ami.accept()
        peer.send_raw(greeting)

        await peer.gone()
        assert await within(ours.states.get()) == (State.DOWN, "no login within 0.05 s")


async def test_a_login_reply_without_an_action_id_counts(ami: FakeAmi) -> None:
    async with client(ami.address) as ours:
        peer = await ami.accept()
        peer.send_raw(BANNER)
        await peer.action("Login")
        peer.send("Response: Success")

        assert await ours.state() is State.UP


async def test_an_account_that_cannot_be_sent_is_found_before_anything_runs() -> None:
    with pytest.raises(LocalError) as raised:
        Session(
            ("127.0.0.1", 1),
            "callgate",
            "two\nlines",
            events=False,
            on_news=lambda _: None,
            on_state=lambda *_: None,
        )
    assert "two" not in str(raised.value)


# Acting.


async def test_each_reply_goes_to_its_action_whatever_the_order(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(ours.session.act("Hangup"))
        second = tasks.create_task(ours.session.act("Status"))
        asked = [await peer.action("Hangup"), await peer.action("Status")]
        peer.reply(asked[1], "Response: Success", "Message: second")
        peer.reply(asked[0], "Response: Success", "Message: first")

        assert (await within(first))["Message"] == "first"
        assert (await within(second))["Message"] == "second"


@pytest.mark.parametrize("response", ["Error", "Fail", "Nonsense"])
async def test_whatever_is_not_success_is_a_refusal(ami: FakeAmi, response: str) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Hangup"))
        peer.reply(await peer.action(), f"Response: {response}", "Message: No such channel")

        with pytest.raises(ActionRefused) as raised:
            await within(asking)
        assert (raised.value.action, raised.value.reason) == ("Hangup", "No such channel")


async def test_a_reply_about_queueing_needs_no_async_field(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Originate", {"Channel": "Local/s@x"}))
        peer.reply(await peer.action(), "Response: Success", "Message: Originate successfully queued")

        assert (await within(asking))["Message"] == "Originate successfully queued"


@pytest.mark.parametrize("value", ["x\r\n\r\nAction: Originate", "x\nAction: Originate"])
async def test_a_value_with_a_line_end_sends_nothing(ami: FakeAmi, value: str) -> None:
    async with connected(ami) as (ours, peer):
        with pytest.raises(LocalError):
            await ours.session.act("Hangup", {"Channel": value})

        asking = asyncio.create_task(ours.session.act("Ping"))
        peer.reply(await peer.action("Ping"))
        await within(asking)
        assert ours.session.waiting == 0


async def test_without_a_connection_an_action_fails_at_once(ami: FakeAmi) -> None:
    async with client(ami.address) as ours:
        with pytest.raises(NotConnected):
            await ours.session.act("Hangup")


async def test_an_action_whose_connection_is_lost_has_an_unknown_outcome_and_is_not_sent_again(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Originate", {"Channel": "Local/s@x"}))
        await peer.action("Originate")
        peer.abort()

        with pytest.raises(OutcomeUnknown):
            await within(asking)
        assert await ours.state() is State.DOWN
        again = await ami.log_in()
        again.send("Event: FullyBooted")
        assert await ours.state() is State.UP
        assert await ours.event() == "FullyBooted"
        pinging = asyncio.create_task(ours.session.act("Ping"))
        again.reply(await again.action("Ping"))  # the first action on the new connection, so no other was sent
        await within(pinging)


async def test_an_action_that_nobody_answers_leaves_nothing_behind(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        with pytest.raises(OutcomeUnknown, match=r"Hangup was not answered within 0\.01 s"):
            await ours.session.act("Hangup", within=0.01)
        assert ours.session.waiting == 0

        peer.reply(await peer.action("Hangup"))
        asking = asyncio.create_task(ours.session.act("Ping"))
        peer.reply(await peer.action("Ping"), "Response: Success", "Ping: Pong")
        assert (await within(asking))["Ping"] == "Pong"
        assert ours.session.counts.unclaimed == 1


async def test_an_action_that_is_cancelled_leaves_nothing_behind(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Hangup"))
        await peer.action("Hangup")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert ours.session.waiting == 0


async def test_a_reply_without_an_action_id_is_never_given_to_the_wrong_action(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        with pytest.raises(OutcomeUnknown):
            await ours.session.act("StopMixMonitor", within=0.01)
        asking = asyncio.create_task(ours.session.act("Hangup"))
        await peer.action("StopMixMonitor")
        await peer.action("Hangup")
        peer.send("Response: Success", "Message: the late one")
        peer.send("Response: Success", "Message: the right one")

        assert (await within(asking))["Message"] == "the right one"


# Lists.


async def test_a_list_is_its_items_and_other_events_are_news(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.collect("CoreShowChannels"))
        asked = await peer.action()
        peer.send("Event: Newchannel")
        peer.reply_list(asked, ("Event: CoreShowChannel", "Uniqueid: 1"), ("Event: CoreShowChannel", "Uniqueid: 2"))

        assert [item["Uniqueid"] for item in await within(asking)] == ["1", "2"]
        assert await ours.event() == "Newchannel"


async def test_a_list_that_lacks_an_item_is_not_taken_for_whole(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.collect("CoreShowChannels"))
        peer.reply_list(await peer.action(), ("Event: CoreShowChannel",), listed=2)

        with pytest.raises(OutcomeUnknown, match="2 items and 1 arrived"):
            await within(asking)


async def test_a_list_may_be_refused(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.collect("CoreShowChannels"))
        peer.reply(await peer.action(), "Response: Error", "Message: Permission denied")

        with pytest.raises(ActionRefused):
            await within(asking)


async def test_items_of_a_list_that_nobody_waits_for_are_no_news(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        with pytest.raises(OutcomeUnknown):
            await ours.session.collect("CoreShowChannels", within=0.01)
        peer.reply_list(await peer.action(), ("Event: CoreShowChannel",))
        peer.send("Event: Hangup")

        assert await ours.event() == "Hangup"
        assert ours.session.counts.unclaimed == 3


async def test_an_event_that_carries_the_id_of_an_action_is_news(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Originate", {"Async": "true"}))
        asked = await peer.action()
        peer.send("Event: OriginateResponse", f"ActionID: {asked['ActionID']}", "Response: Failure")
        peer.reply(asked)

        assert (await within(asking))["Response"] == "Success"
        assert await ours.event() == "OriginateResponse"


# Events.


async def test_a_listener_that_fails_costs_neither_connection_nor_secrecy(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listener(news: News) -> None:
        assert isinstance(news, Message)
        if news["Event"] == "Newchannel":
            raise ValueError(f"cannot read {news['CallerIDNum']}")
        heard.put_nowait(news["Event"])

    session = Session(
        ami.address, "callgate", SECRET, events=True, on_news=listener, on_state=lambda *_: None, timing=CALM
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(session.run())
        peer = await ami.log_in()
        peer.send("Event: Newchannel", "CallerIDNum: +33199000001")
        peer.send("Event: Hangup")

        assert await within(heard.get()) == "Hangup"
        assert session.up
        running.cancel()
    assert "ValueError" in caplog.text
    assert "33199" not in caplog.text


async def test_a_message_over_the_limit_is_counted_and_the_connection_kept(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        peer.send("Event: Newexten", f"AppData: {'x' * MESSAGE_LIMIT}")
        peer.send("Event: Hangup")

        assert await ours.event() == "dropped"
        assert await ours.event() == "Hangup"
        assert ours.session.counts.oversized == 1
        assert ours.session.up


async def test_after_a_drop_nothing_more_is_heard_of_that_connection(ami: FakeAmi) -> None:
    heard: list[str] = []
    states: asyncio.Queue[State] = asyncio.Queue()

    def listener(news: News) -> None:
        assert isinstance(news, Message)
        heard.append(news["Event"])
        session.drop("enough")

    session = Session(
        ami.address,
        "callgate",
        SECRET,
        events=True,
        on_news=listener,
        on_state=lambda state, _: states.put_nowait(state),
        timing=CALM,
    )
    running = asyncio.create_task(session.run())
    peer = await ami.log_in()
    assert await within(states.get()) is State.UP
    peer.send_raw(message("Event: First") + message("Event: Second"))
    assert await within(states.get()) is State.DOWN
    await ami.log_in()
    assert await within(states.get()) is State.UP
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert heard == ["First"]


async def test_what_is_neither_reply_nor_event_is_counted(ami: FakeAmi) -> None:
    async with connected(ami) as (ours, peer):
        peer.send("Something: else")
        peer.send("Event: Hangup")

        assert await ours.event() == "Hangup"
        assert ours.session.counts.unclaimed == 1


# Staying connected.


async def test_a_peer_that_does_not_answer_pings_is_dropped(ami: FakeAmi) -> None:
    async with connected(ami, timing=Timing(ping=0.01, pong=0.02)) as (ours, peer):
        await peer.action("Ping")

        assert await within(ours.states.get()) == (State.DOWN, "Ping was not answered within 0.02 s")
        await peer.gone()
        await ami.log_in()
        assert await ours.state() is State.UP


async def test_a_peer_that_answers_pings_is_kept(ami: FakeAmi) -> None:
    async with connected(ami, timing=Timing(ping=0.001)) as (ours, peer):
        for _ in range(5):
            peer.reply(await peer.action("Ping"))

        assert ours.session.up
        assert ours.states.empty()


async def test_pauses_double_up_to_the_longest_and_are_never_all_alike(unused_tcp_port: int) -> None:
    pauses = Pauses()
    timing = Timing(retry=1.0, retry_longest=8.0)
    async with client(("127.0.0.1", unused_tcp_port), timing=timing, pause=pauses) as ours:
        seen = [await pauses.next() for _ in range(6)]

        for pause, longest in zip(seen, [1, 2, 4, 8, 8, 8], strict=True):
            assert longest / 2 <= pause <= longest
        assert len(set(seen)) == 6
        assert await ours.state() is State.DOWN


async def test_only_a_connection_that_was_of_use_starts_the_pauses_anew(ami: FakeAmi) -> None:
    pauses = Pauses()
    timing = Timing(ping=0.001, retry=1.0, retry_longest=8.0)
    async with client(ami.address, timing=timing, pause=pauses):
        for longest in (1, 2, 4):
            (await ami.log_in()).abort()
            assert longest / 2 <= await pauses.next() <= longest

        peer = await ami.log_in()
        peer.reply(await peer.action("Ping"))
        await peer.action("Ping")  # the next ping says that the pong was taken
        peer.abort()
        assert await pauses.next() <= 1


async def test_stopping_ends_the_connection_and_whoever_waits_is_told(ami: FakeAmi) -> None:
    async with client(ami.address) as ours:
        peer = await ami.log_in()
        assert await ours.state() is State.UP
        asking = asyncio.create_task(ours.session.act("Hangup"))
        await peer.action("Hangup")

    with pytest.raises(OutcomeUnknown, match="stopping"):
        await within(asking)
    assert await peer.gone() == b""
    assert await ours.state() is State.DOWN


async def test_the_secret_and_the_fields_of_actions_stay_out_of_the_log(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(ami) as (ours, peer):
        asking = asyncio.create_task(ours.session.act("Originate", {"Channel": "PJSIP/+33199000001@trunk"}))
        peer.reply(await peer.action(), "Response: Error", "Message: Extension does not exist.")
        with pytest.raises(ActionRefused) as raised:
            await within(asking)
        peer.send_raw(message("Event: DialBegin", "DialString: +33199000001@trunk") + b"\xff\xff: \r\n\r\n")
        await ours.event()

    assert "33199" not in str(raised.value) + caplog.text
    assert SECRET not in caplog.text
