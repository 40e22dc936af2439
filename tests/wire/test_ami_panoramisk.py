"""Why callgate does not use panoramisk 1.4: each of its faults, shown. The other files show that ours has none of them.

See docs/decisions/0001-ami-client.md. A test here that fails says that a later panoramisk is better: read the
decision again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from panoramisk import Manager

from callgate.pbx.ami.session import Session, State, Timing
from tests.wire.fake_ami import BANNER, FakeAmi, Peer, message, within


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi().listening() as fake:
        yield fake


@contextmanager
def panoramisk(ami: FakeAmi, **config: Any) -> Iterator[Manager]:
    """A bare manager that comes back at once when it is disconnected; afterwards nothing of it goes on."""
    host, port = ami.address
    account = {"username": "callgate", "secret": "secret"}
    loop = asyncio.get_running_loop()
    logins: asyncio.Queue[Manager] = asyncio.Queue()
    manager = Manager(
        loop=loop, host=host, port=port, reconnect_timeout=0, on_login=logins.put_nowait, **account, **config
    )
    manager.logins = logins
    manager.connect()
    try:
        yield manager
    finally:
        manager.reconnect_timeout = 3600  # it has no way to stop
        manager.close()


async def logged_in(ami: FakeAmi, manager: Manager) -> Peer:
    peer = await ami.log_in()
    await within(manager.logins.get())
    return peer


@pytest.mark.parametrize("client", ["panoramisk", "callgate"])
async def test_both_clients_hold_the_same_plain_conversation(ami: FakeAmi, client: str) -> None:
    news: asyncio.Queue[str] = asyncio.Queue()
    if client == "panoramisk":
        with panoramisk(ami) as manager:
            manager.register_event("*", lambda _, event: news.put_nowait(event["Event"]))
            peer = await logged_in(ami, manager)
            asking = asyncio.ensure_future(manager.send_action({"Action": "Hangup", "Channel": "x"}))
            await _converse(peer, asking, news)
    else:
        states: asyncio.Queue[State] = asyncio.Queue()
        session = Session(
            ami.address,
            "callgate",
            "secret",
            events=True,
            on_news=lambda event: news.put_nowait(event["Event"]),  # type: ignore[index]
            on_state=lambda state, _: states.put_nowait(state),
            timing=Timing(ping=3600.0),
        )
        running = asyncio.create_task(session.run())
        peer = await ami.log_in()
        assert await within(states.get()) is State.UP
        await _converse(peer, asyncio.create_task(session.act("Hangup", {"Channel": "x"})), news)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _converse(peer: Peer, asking: "asyncio.Future[Any]", news: "asyncio.Queue[str]") -> None:
    action = await peer.action("Hangup")
    assert action["Channel"] == "x"
    peer.send("Event: Hangup")
    peer.reply(action, "Response: Success", "Message: Channel Hungup")
    assert (await within(asking))["Message"] == "Channel Hungup"
    assert await within(news.get()) == "Hangup"


async def test_bare_panoramisk_sends_an_unanswered_call_again_after_a_reconnect(ami: FakeAmi) -> None:
    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        manager.send_action({"Action": "Originate", "Channel": "Local/s@x"})
        await peer.action("Originate")
        peer.abort()

        again = await ami.log_in()
        again.send("Event: FullyBooted")
        assert (await again.action())["Action"] == "Originate"


async def test_bare_panoramisk_lets_a_value_run_a_second_action(ami: FakeAmi) -> None:
    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        manager.send_action({"Action": "Hangup", "Channel": "x\r\n\r\nAction: Originate"})

        await peer.action("Hangup")
        await peer.action("Originate")


async def test_bare_panoramisk_drops_the_connection_when_a_callback_raises(ami: FakeAmi) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    def fail(*_: object) -> None:
        raise ValueError

    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        manager.register_event("Hangup", fail)
        peer.send("Event: Hangup")

        await peer.gone()
        await ami.accept()


async def test_bare_panoramisk_loses_a_character_that_two_reads_divide(ami: FakeAmi) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    data = message("Event: Newchannel", "CallerIDName: René", "Uniqueid: 1")
    middle = data.index("é".encode()) + 1
    with panoramisk(ami) as manager:
        await logged_in(ami, manager)
        manager.register_event("Newchannel", lambda _, event: heard.put_nowait(event["CallerIDName"]))
        for segment in (data[:middle], data[middle:]):
            manager.protocol.data_received(segment)

        assert heard.get_nowait() == "Ren"


async def test_bare_panoramisk_drops_an_empty_header_at_the_end(ami: FakeAmi) -> None:
    heard: asyncio.Queue[bool] = asyncio.Queue()
    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        manager.register_event("CoreShowChannel", lambda _, event: heard.put_nowait("BridgeId" in event))
        peer.send("Event: CoreShowChannel", "BridgeId: ")

        assert not await within(heard.get())


async def test_bare_panoramisk_breaks_on_a_queued_action_without_an_async_key(ami: FakeAmi) -> None:
    errors: asyncio.Queue[BaseException] = asyncio.Queue()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.put_nowait(context["exception"]))
    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        asking = manager.send_action({"Action": "Originate", "Channel": "Local/s@x"})
        peer.reply(await peer.action(), "Response: Success", "Message: Originate successfully queued")

        assert repr(await within(errors.get())) == "KeyError('async')"
        await peer.gone()
        assert not asking.done()


async def test_bare_panoramisk_keeps_an_action_that_timed_out(ami: FakeAmi) -> None:
    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(manager.send_action({"Action": "Hangup"}), 0.01)
            await peer.action("Hangup")

        assert len(manager.protocol.responses) == 3


async def test_bare_panoramisk_keeps_a_peer_that_answers_no_ping(ami: FakeAmi) -> None:
    with panoramisk(ami, ping_delay=0, ping_interval=0) as manager:
        peer = await logged_in(ami, manager)
        for _ in range(100):
            await peer.action("Ping")

        assert manager._connected


async def test_bare_panoramisk_says_nothing_about_a_refused_login_and_tries_for_ever(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with panoramisk(ami) as manager:
        for _ in range(5):
            peer = await ami.accept()
            peer.send_raw(BANNER)
            peer.reply(await peer.action("Login"), "Response: Error", "Message: Authentication failed")
            peer.close()
        assert not manager.authenticated

    assert "Authentication" not in caplog.text
    assert "ogin" not in caplog.text


async def test_bare_panoramisk_sets_no_bound_on_the_events_in_flight(ami: FakeAmi) -> None:
    in_flight = asyncio.Semaphore(0)
    released = asyncio.Event()
    ended = asyncio.Semaphore(0)

    async def slow(*_: object) -> None:
        in_flight.release()
        await released.wait()
        ended.release()

    with panoramisk(ami) as manager:
        peer = await logged_in(ami, manager)
        manager.register_event("Newchannel", slow)
        peer.send_raw(message("Event: Newchannel") * 20_000)
        for _ in range(20_000):
            await within(in_flight.acquire())
        released.set()
        for _ in range(20_000):
            await within(ended.acquire())
