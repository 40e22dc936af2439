"""What a handler learns of the channel, from every answer that Asterisk gives and from those it does not give."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from callgate.pbx.agi import (
    ChannelGone,
    CommandRefused,
    Limits,
    LocalError,
    PeerGone,
    PeerTimeout,
    Played,
    RemoteError,
    Session,
)
from callgate.pbx.agi.wire import command
from tests.wire.agi_peer import EOF, session_with

Step = Callable[[Session], Awaitable[object]]

COMMANDS: dict[str, Step] = {
    "set_variable": lambda session: session.set_variable("X", "1"),
    "get_variable": lambda session: session.get_variable("X"),
    "stream_file": lambda session: session.stream_file("notice"),
    "wait_for_digit": lambda session: session.wait_for_digit(100),
    "execute": lambda session: session.execute("NoOp"),
    "database_put": lambda session: session.database_put("callgate", "k", "v"),
    "database_del": lambda session: session.database_del("callgate", "k"),
}
every_command = pytest.mark.parametrize("step", COMMANDS.values(), ids=COMMANDS.keys())

USAGE = b"520-Invalid command syntax.  Proper usage follows:\nUsage: X\n\n520 End of proper usage.\n"


async def test_a_variable_is_set_in_one_quoted_line() -> None:
    session, peer = session_with(b"200 result=1\n")
    await session.set_variable("CALLGATE_VERDICT", "allow")
    assert peer.sent == [b'"SET" "VARIABLE" "CALLGATE_VERDICT" "allow"\n']


@pytest.mark.parametrize(
    ("answer", "value"),
    [(b"200 result=1 (allow)\n", "allow"), (b"200 result=1 ()\n", ""), (b"200 result=0\n", None)],
)
async def test_a_variable_is_read_or_is_none(answer: bytes, value: str | None) -> None:
    session, _ = session_with(answer)
    assert await session.get_variable("CALLGATE_ID") == value


@pytest.mark.parametrize(
    ("answer", "offset", "played"),
    [
        (b"200 result=0 endpos=96000\n", 0, Played(None, 96000, finished=True, failed=False)),
        (b"200 result=57 endpos=8000\n", 0, Played("9", 8000, finished=False, failed=False)),
        (b"200 result=42 endpos=0\n", 0, Played("*", 0, finished=False, failed=False)),
        (b"200 result=-1 endpos=0\n", 0, Played(None, 0, finished=False, failed=True)),
        (b"200 result=-1 endpos=4000\n", 0, Played(None, 4000, finished=False, failed=True)),
        (b"200 result=0 endpos=0\n", 0, Played(None, 0, finished=False, failed=True)),
        (b"200 result=0 endpos=8000\n", 8000, Played(None, 8000, finished=False, failed=True)),
        (b"200 result=0\n", 0, Played(None, 0, finished=False, failed=True)),
        (b"200 result=1000 endpos=4000\n", 0, Played(None, 4000, finished=False, failed=True)),
        (b"200 result=1 endpos=4000\n", 0, Played(None, 4000, finished=False, failed=True)),
    ],
    ids=[
        "to its end", "a key", "a key at once", "no such file", "hung up in the middle", "an empty file",
        "nothing behind the offset", "no position", "stopped by AMI", "a code that is no key",
    ],
)  # fmt: skip
async def test_what_was_not_played_to_its_end_was_not_heard(answer: bytes, offset: int, played: Played) -> None:
    session, peer = session_with(answer)
    assert await session.stream_file("notice", "9*", offset) == played
    assert peer.sent == [command("STREAM", "FILE", "notice", "9*", str(offset))]


@pytest.mark.parametrize(
    ("answer", "key"),
    [(b"200 result=49\n", "1"), (b"200 result=35\n", "#"), (b"200 result=0\n", None), (b"200 result=1\n", None)],
)
async def test_a_key_is_awaited(answer: bytes, key: str | None) -> None:
    session, peer = session_with(answer)
    assert await session.wait_for_digit(5000) == key
    assert peer.sent == [b'"WAIT" "FOR" "DIGIT" "5000"\n']


async def test_a_caller_who_leaves_while_a_key_is_awaited_is_not_silent_but_gone() -> None:
    session, _ = session_with(b"200 result=-1\n")
    with pytest.raises(ChannelGone):
        await session.wait_for_digit(5000)
    assert session.hung_up


async def test_no_key_is_awaited_for_ever() -> None:
    session, peer = session_with()
    with pytest.raises(LocalError):
        await session.wait_for_digit(-1)
    assert peer.sent == []


async def test_an_application_gets_its_arguments_and_gives_its_result() -> None:
    session, peer = session_with(b"200 result=0\n", b"200 result=-2\n", b"200 result=0\n")
    assert await session.execute("MixMonitor", "/rec/a.wav", "b") == 0
    assert await session.execute("NoSuch") == -2
    assert await session.execute("Gosub", "prompts", "s", "1(fr)") == 0
    assert peer.sent == [
        command("EXEC", "MixMonitor", "/rec/a.wav,b"),
        command("EXEC", "NoSuch", ""),
        command("EXEC", "Gosub", "prompts,s,1(fr)"),
    ]


@pytest.mark.parametrize("argument", ["a.wav,b,rm -rf", 'a"b', "a\\"])
async def test_one_argument_of_an_application_cannot_become_two(argument: str) -> None:
    session, peer = session_with()
    with pytest.raises(LocalError):
        await session.execute("MixMonitor", argument)
    assert peer.sent == []


async def test_the_database_is_written_or_the_handler_is_told() -> None:
    session, peer = session_with(b"200 result=1\n", b"200 result=0\n", b"200 result=1\n", b"200 result=0\n")
    await session.database_put("callgate", "k", "v")
    with pytest.raises(CommandRefused, match="callgate"):
        await session.database_put("callgate", "k", "v")
    await session.database_del("callgate", "k")
    with pytest.raises(CommandRefused, match="callgate"):
        await session.database_del("callgate", "k")
    assert peer.sent[0] == command("DATABASE", "PUT", "callgate", "k", "v")
    assert peer.sent[2] == command("DATABASE", "DEL", "callgate", "k")


async def test_hanging_up_ends_the_channel() -> None:
    session, peer = session_with(b"200 result=1\n")
    await session.hangup()
    assert session.hung_up
    with pytest.raises(ChannelGone):
        await session.set_variable("X", "1")
    assert peer.sent == [b'"HANGUP"\n']


async def test_hanging_up_a_caller_who_has_left_is_no_error() -> None:
    session, peer = session_with()
    peer.say(b"HANGUP\n")
    await asyncio.sleep(0)
    await session.hangup()
    assert peer.sent == []


@every_command
@pytest.mark.parametrize("answer", [b"510 Invalid or unknown command\n", USAGE], ids=["510", "520"])
async def test_a_command_that_asterisk_refuses_is_an_error_and_the_session_goes_on(step: Step, answer: bytes) -> None:
    session, _ = session_with(answer, b"200 result=1 (still here)\n")
    with pytest.raises(CommandRefused):
        await step(session)
    assert await session.get_variable("X") == "still here"


@every_command
async def test_on_a_dead_channel_the_caller_is_gone(step: Step) -> None:
    session, peer = session_with(b"511 Command Not Permitted on a dead channel or intercept routine\n")
    for _ in range(2):
        with pytest.raises(ChannelGone):
            await step(session)
    assert session.hung_up
    assert len(peer.sent) == 1


@every_command
async def test_after_a_hang_up_no_command_is_sent(step: Step) -> None:
    session, peer = session_with()
    peer.say(b"HANGUP\n")
    await asyncio.sleep(0)
    assert session.hung_up
    with pytest.raises(ChannelGone):
        await step(session)
    assert peer.sent == []


async def test_a_hang_up_during_a_command_leaves_it_its_reply() -> None:
    session, _ = session_with(b"HANGUP\n200 result=1\n")
    await session.set_variable("X", "1")
    assert session.hung_up


@every_command
async def test_a_peer_that_leaves_ends_every_command(step: Step) -> None:
    session, peer = session_with(EOF)
    for _ in range(2):
        with pytest.raises(PeerGone):
            await step(session)
    assert peer.closed


@pytest.mark.parametrize("cut", range(len(USAGE)))
async def test_a_reply_cut_anywhere_is_none(cut: int) -> None:
    session, peer = session_with(USAGE[:cut])
    asyncio.get_running_loop().call_soon(peer.say, EOF)
    with pytest.raises(PeerGone):
        await session.set_variable("X", "1")


async def test_a_reply_is_good_even_if_the_peer_leaves_with_it() -> None:
    session, peer = session_with(b"200 result=1 (last)\n")
    asking = asyncio.create_task(session.get_variable("X"))
    await asyncio.sleep(0)
    peer.say(EOF)
    assert await asking == "last"


@every_command
async def test_a_peer_that_does_not_answer_is_dropped_at_its_deadline(step: Step) -> None:
    session, peer = session_with(limits=Limits(command_s=0.01, margin_s=0.01))
    async with asyncio.timeout(20):
        with pytest.raises(PeerTimeout):
            await (session.stream_file("notice", lasts_s=0.01) if step is COMMANDS["stream_file"] else step(session))
    assert peer.closed
    with pytest.raises(PeerTimeout):
        await session.get_variable("X")


async def test_a_sound_has_the_time_that_it_lasts() -> None:
    session, peer = session_with(limits=Limits(command_s=0.0, margin_s=10))
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, peer.say, b"200 result=0 endpos=8000\n")
    assert (await session.stream_file("notice", lasts_s=1)).finished


@pytest.mark.parametrize(
    "forged",
    [
        b"200 result=1 (x)\n200 result=1 (allow)\n",
        b"200 result=1 (x)\nHANGUP\n200 result=1 (allow)\n",
        b"200 result=1 (x\nallow)\n",
    ],
)
async def test_a_value_with_a_line_feed_is_not_believed(forged: bytes) -> None:
    session, peer = session_with(forged)
    with pytest.raises(RemoteError):
        await session.get_variable("X")
    assert peer.closed


async def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    session, peer = session_with()
    peer.say(b"200 result=1\n")
    await asyncio.sleep(0)
    assert peer.closed
    with pytest.raises(RemoteError):
        await session.set_variable("X", "1")
    assert peer.sent == []


async def test_two_commands_at_a_time_are_our_own_error() -> None:
    session, _ = session_with()
    first = asyncio.create_task(session.set_variable("X", "1"))
    await asyncio.sleep(0)
    with pytest.raises(LocalError):
        await session.set_variable("X", "2")
    first.cancel()


MARKER = command("GET", "FULL", "VARIABLE", "callgate-1")


async def cancelled(awaitable: Awaitable[object]) -> None:
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    "answer",
    [b"200 result=1 (callgate-1)\n", b"200 result=0 endpos=96000\n200 result=1 (callgate-1)\n"],
    ids=["the sound was stopped", "the sound had just ended"],
)
async def test_a_sound_that_was_given_up_is_stopped_by_the_next_command(answer: bytes) -> None:
    session, peer = session_with(b"", answer, b"200 result=0 endpos=24000\n")
    await cancelled(session.stream_file("notice"))
    assert (await session.stream_file("apology")).endpos == 24000
    assert peer.sent == [
        command("STREAM", "FILE", "notice", "", "0"),
        MARKER,
        command("STREAM", "FILE", "apology", "", "0"),
    ]


async def test_a_reply_that_comes_while_nobody_waits_any_more_is_dropped() -> None:
    session, peer = session_with(b"", b"200 result=1 (mine)\n")
    await cancelled(session.wait_for_digit(5000))
    peer.say(b"200 result=49\n")
    await asyncio.sleep(0)
    assert await session.get_variable("X") == "mine"
    assert len(peer.sent) == 2


async def test_giving_up_twice_confuses_nothing() -> None:
    both = b"200 result=0 endpos=1\n200 result=1 (callgate-1)\n200 result=1 (callgate-2)\n"
    session, peer = session_with(b"", b"", both, b"200 result=1 (mine)\n")
    await cancelled(session.stream_file("notice"))
    await cancelled(session.get_variable("X"))
    assert await session.get_variable("X") == "mine"
    assert peer.sent[1:3] == [MARKER, command("GET", "FULL", "VARIABLE", "callgate-2")]


async def test_only_as_many_replies_are_dropped_as_commands_were_given_up() -> None:
    session, peer = session_with()
    await cancelled(session.wait_for_digit(5000))
    peer.say(b"200 result=0\n200 result=0\n")
    await asyncio.sleep(0)
    assert peer.closed
