"""What bad peers cost the calls beside them, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network

import pytest
import structlog

from callgate.pbx.agi import AgiServer, Handler, Limits, LocalError, Refusal, Session
from tests.wire.agi_peer import head

LOOPBACK = [ip_network("127.0.0.0/8")]
VERDICT = b'"SET" "VARIABLE" "CALLGATE_VERDICT" "allow"\n'

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def gate(session: Session) -> None:
    await session.set_variable("CALLGATE_VERDICT", "allow")


@asynccontextmanager
async def serving(handler: Handler = gate, limits: Limits | None = None) -> AsyncIterator[AgiServer]:
    server = AgiServer({"gate": handler}, allowed=LOOPBACK, limits=limits)
    await server.start("127.0.0.1", 0)
    try:
        async with asyncio.timeout(20):
            yield server
    finally:
        await server.stop(0)


@asynccontextmanager
async def connected(server: AgiServer, sent: bytes = b"", source: str = "127.0.0.1") -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(*server.address, local_addr=(source, 0))
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.close()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """What the server says until it closes; a reset closes too."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def call(server: AgiServer) -> None:
    """One whole exchange as the dialplan has it."""
    async with connected(server, head()) as (reader, writer):
        assert await reader.readline() == VERDICT
        writer.write(b"200 result=1\n")
        assert await everything(reader) == b""


async def until(holds: Callable[[], bool]) -> None:
    """Let the server run until this holds; the test's own deadline ends it otherwise."""
    while not holds():  # noqa: ASYNC110 - counters have no event, and need none outside of tests
        await asyncio.sleep(0)


@contextmanager
def logged() -> Iterator[Callable[[str], list[structlog.typing.EventDict]]]:
    with structlog.testing.capture_logs() as entries:
        yield lambda event: [entry for entry in entries if entry["event"] == event]


async def test_a_call_gets_its_answer_and_its_connection_back() -> None:
    async with serving() as server:
        await call(server)
        assert server.counters.accepted == 1
        assert not server.counters.refused


async def test_a_handler_knows_which_pbx_asks_and_what() -> None:
    asked: list[tuple[str, str, tuple[str, ...]]] = []

    async def handler(session: Session) -> None:
        asked.append((session.peer, session.request.uniqueid, session.request.arguments))

    async with serving(handler) as server, connected(server, head(), source="127.0.0.9") as (reader, _):
        assert await everything(reader) == b""
    assert asked == [("127.0.0.9", "1764000000.1", ("33199001234", "spring"))]


async def test_a_head_may_come_byte_by_byte() -> None:
    async with serving() as server, connected(server) as (reader, writer):
        for byte in head():
            writer.write(bytes([byte]))
            await writer.drain()
        assert await reader.readline() == VERDICT


async def test_replies_wait_for_no_other_packet() -> None:
    connections = []

    async def handler(session: Session) -> None:
        transport = session._connection._transport
        assert transport is not None
        connections.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async with serving(handler) as server, connected(server, head()) as (reader, _):
        await everything(reader)
    assert connections == [1]


async def test_a_peer_that_says_nothing_is_dropped_at_its_deadline() -> None:
    async with serving(limits=Limits(head_s=0.05)) as server, connected(server) as (reader, _):
        assert await everything(reader) == b""
        assert server.counters.refused == {Refusal.LATE: 1}


async def test_a_head_that_drips_does_not_move_its_deadline() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        for byte in head():
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    async with serving(limits=Limits(head_s=0.05)) as server, connected(server) as (reader, writer):
        dripping = asyncio.create_task(drip(writer))
        assert await everything(reader) == b""
        assert server.counters.refused == {Refusal.LATE: 1}
        dripping.cancel()


async def test_silent_peers_cost_the_calls_beside_them_nothing() -> None:
    async with serving() as server:
        silent = [await asyncio.open_connection(*server.address) for _ in range(50)]
        for _ in range(5):
            await call(server)
        assert server.counters.accepted == 5
        assert not server.counters.refused
        for _, writer in silent:
            writer.close()
        await until(lambda: server.counters.refused[Refusal.LEFT] == 50)


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"x" * 1025, head(extension="1\nagi_arg_1: 2")],
    ids=["http", "tls", "no line end", "a dialled line feed"],
)
async def test_garbage_is_dropped_at_once_and_the_calls_beside_it_go_on(garbage: bytes) -> None:
    async with serving(limits=Limits(head_s=3600)) as server, connected(server, garbage) as (reader, _):
        assert await everything(reader) == b""
        assert server.counters.refused == {Refusal.MALFORMED: 1}
        await call(server)


async def test_a_flood_in_mid_call_ends_that_call_only() -> None:
    async with serving() as server, connected(server, head()) as (reader, writer):
        await reader.readline()
        writer.write(b"flood\n" * 100_000)
        assert await everything(reader) == b""
        await call(server)
        assert server.counters.failed == 1


async def test_a_peer_that_leaves_before_its_head_is_counted_and_forgotten() -> None:
    async with serving() as server:
        async with connected(server, head()[:-1]):
            pass
        await until(lambda: server.counters.refused[Refusal.LEFT] == 1)
        await call(server)


async def test_a_peer_that_is_not_allowed_is_closed_before_it_speaks() -> None:
    server = AgiServer({"gate": gate}, allowed=[ip_network("127.0.0.1/32"), ip_network("::1/128")])
    await server.start("127.0.0.1", 0)
    with logged() as entries:
        async with connected(server, head(), source="127.0.0.9") as (reader, _):
            assert await everything(reader) == b""
        await call(server)
    await server.stop(0)
    assert server.counters.refused == {Refusal.ADDRESS: 1}
    assert server.counters.accepted == 1
    (warning,) = entries("agi-refused")
    assert (warning["log_level"], warning["reason"], warning["peer"]) == ("warning", "address-not-allowed", "127.0.0.9")


async def test_a_flood_of_refused_peers_is_counted_but_not_a_flood_of_log_lines() -> None:
    with logged() as entries:
        async with serving() as server:
            for _ in range(20):
                async with connected(server, b"garbage\n") as (reader, _):
                    await everything(reader)
            assert server.counters.refused == {Refusal.MALFORMED: 20}
    assert 1 <= len(entries("agi-refused")) < 20


async def test_an_unknown_script_is_closed_and_its_name_is_not_logged() -> None:
    with logged() as entries:
        async with serving() as server, connected(server, head("33199001234")) as (reader, _):
            assert await everything(reader) == b""
            assert server.counters.refused == {Refusal.SCRIPT: 1}
    (warning,) = entries("agi-refused")
    assert warning["reason"] == "unknown-script"
    assert "33199001234" not in str(warning)


async def test_a_handler_that_fails_closes_its_call_and_its_text_is_not_logged() -> None:
    async def handler(session: Session) -> None:
        raise ValueError(f"{session.request.extension} is no number")

    with logged() as entries:
        async with serving(handler) as server:
            for _ in range(2):
                async with connected(server, head()) as (reader, _):
                    assert await everything(reader) == b""
            assert server.counters.failed == 2
    first, _ = entries("agi-handler-failed")
    assert (first["log_level"], first["script"], first["error"]) == ("error", "gate", "ValueError")
    assert first["uniqueid"] == "1764000000.1"
    assert "test_agi_server.py" in first["place"]
    assert "33199001234" not in str(first)


async def test_a_caller_who_leaves_is_no_failure() -> None:
    with logged() as entries:
        async with serving() as server:
            async with connected(server, head()) as (reader, _):
                await reader.readline()
            await until(lambda: bool(entries("agi-caller-left")))
            assert server.counters.failed == 0
    assert not entries("agi-handler-failed")


async def test_a_caller_who_leaves_is_seen_while_the_handler_still_thinks() -> None:
    seen = asyncio.Event()

    async def handler(session: Session) -> None:
        await until(lambda: session.hung_up)
        seen.set()

    async with serving(handler) as server, connected(server, head() + b"HANGUP\n"):
        await seen.wait()


async def test_a_peer_beyond_the_maximum_is_refused_at_once_and_room_is_made_again() -> None:
    async with serving(limits=Limits(connections=2)) as server:
        async with connected(server), connected(server), connected(server, head()) as (reader, _):
            assert await everything(reader) == b""
            assert server.counters.refused == {Refusal.FULL: 1}
        await until(lambda: server.counters.refused[Refusal.LEFT] == 2)
        await call(server)


async def test_handlers_whose_peers_have_left_still_take_room() -> None:
    release = asyncio.Event()
    started = asyncio.Event()

    async def handler(_: Session) -> None:
        started.set()
        await release.wait()

    async with serving(handler, Limits(connections=1)) as server:
        async with connected(server, head()):
            await started.wait()
        async with connected(server, head()) as (reader, _):
            assert await everything(reader) == b""
        assert server.counters.refused == {Refusal.FULL: 1}
        release.set()


async def test_stopping_lets_a_call_end_within_its_grace() -> None:
    # The silent peer is given up long before the call that is under way would be.
    async with (
        serving(limits=Limits(head_s=0.3, command_s=10)) as server,
        connected(server) as waiting,
        connected(server, head()) as (reader, writer),
    ):
        assert await reader.readline() == VERDICT
        stopping = asyncio.create_task(server.stop(10))
        assert await everything(waiting[0]) == b""
        assert not stopping.done()
        writer.write(b"200 result=1\n")
        assert await everything(reader) == b""
        await stopping
        assert server.counters.refused == {Refusal.STOPPING: 1}
        assert server.counters.failed == 0


async def test_stopping_ends_a_handler_that_outlasts_its_grace() -> None:
    ended = asyncio.Event()

    async def handler(_: Session) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving(handler) as server, connected(server, head()) as (reader, _):
        await until(lambda: server.counters.accepted == 1)
        await server.stop(0.01)
        assert ended.is_set()
        assert await everything(reader) == b""


async def test_after_the_stop_nobody_is_served() -> None:
    async with serving() as server:
        address = server.address
        await server.stop(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        with pytest.raises(LocalError):
            await server.start("127.0.0.1", 0)


async def test_a_server_that_does_not_listen_has_no_address() -> None:
    with pytest.raises(LocalError, match="start it"):
        _ = AgiServer({}, allowed=LOOPBACK).address


async def test_a_port_that_is_only_taken_refuses_until_it_is_listened_on() -> None:
    server = AgiServer({"gate": gate}, allowed=LOOPBACK)
    await server.bind("127.0.0.1", 0)
    try:
        assert not server.listening
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*server.address)
        await server.listen()
        await call(server)
        with pytest.raises(OSError, match="in use"):
            await AgiServer({}, allowed=LOOPBACK).bind(*server.address)
    finally:
        await server.stop(0)


async def test_a_server_without_a_port_cannot_listen() -> None:
    with pytest.raises(LocalError, match="bind it first"):
        await AgiServer({}, allowed=LOOPBACK).listen()
