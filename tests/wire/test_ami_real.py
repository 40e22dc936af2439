"""The link against a real Asterisk: what it says and how it spells it."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from callgate.pbx.ami.connection import News
from callgate.pbx.ami.errors import ActionRefused
from callgate.pbx.ami.link import Link
from callgate.pbx.ami.session import Session, State, Timing
from callgate.pbx.ami.wire import LINE_LIMIT, Message
from lab.install import cache
from tests.wire.fake_ami import within

pytestmark = pytest.mark.server

LIBRARIES = "usr/lib/x86_64-linux-gnu"
START_DEADLINE = 30.0  # seconds
SECRET = "for-this-test-only"

CONFIGURATION = {
    "asterisk.conf": """
[directories]
astetcdir => {own}
astmoddir => {root}/{libraries}/asterisk/modules
astvarlibdir => {root}/usr/share/asterisk
astdatadir => {root}/usr/share/asterisk
astdbdir => {own}
astkeydir => {own}
astspooldir => {own}
astrundir => {own}
astlogdir => {own}
""",
    "modules.conf": """
[modules]
autoload=no
load=pbx_config.so
""",
    "logger.conf": "[logfiles]\nconsole => warning,error\n",
    "manager.conf": """
[general]
enabled=yes
port={port}
bindaddr=127.0.0.1
channelvars=CALLGATE_ID

[callgate]
secret={secret}
read=system,call,dialplan
write=call,reporting,originate
""",
    "extensions.conf": r"""
[agent]
exten => s,1,Answer()
 same => n,Set(CALLGATE_ID=a "b" \\ c)
 same => n,Wait(60)
[callee]
exten => s,1,Answer()
 same => n,Wait(60)
""",
}


def asterisk_root() -> Path | None:
    """The file system that holds the Asterisk to run, if there is one."""
    if named := os.environ.get("CALLGATE_ASTERISK_ROOT"):
        return Path(named)
    cached = sorted(cache().glob("*/usr/sbin/asterisk"))
    return cached[0].parents[2] if cached else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def configured() -> Iterator[tuple[Path, Path, int]]:
    """The root of an Asterisk, the folder of its configuration, and the port of its manager interface."""
    root = asterisk_root()
    if root is None:
        pytest.skip("no Asterisk found: set CALLGATE_ASTERISK_ROOT to a root file system that holds one")
    # Not tmp_path: the path of Asterisk's control socket must fit the 108 bytes of sun_path.
    own = Path(tempfile.mkdtemp(prefix="callgate-ami-"))
    port = free_port()
    for name, text in CONFIGURATION.items():
        (own / name).write_text(text.format(own=own, root=root, libraries=LIBRARIES, port=port, secret=SECRET))
    yield root, own, port
    shutil.rmtree(own)


@pytest.fixture
async def asterisk(configured: tuple[Path, Path, int]) -> AsyncIterator[tuple[str, int]]:
    """The address of the manager interface of an Asterisk that runs for one test."""
    root, own, port = configured
    process = await asyncio.create_subprocess_exec(
        root / "lib64/ld-linux-x86-64.so.2",
        "--library-path",
        f"{root / LIBRARIES}:{root / 'usr/lib'}",
        root / "usr/sbin/asterisk",
        "-C",
        own / "asterisk.conf",
        "-fn",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        async with asyncio.timeout(START_DEADLINE):
            await process.wait()


class Listener:
    def __init__(self) -> None:
        self.events: list[Message] = []
        self._came = asyncio.Event()
        self.snapshots: asyncio.Queue[list[Message]] = asyncio.Queue()
        self.states: asyncio.Queue[State] = asyncio.Queue()

    async def on_event(self, event: Message) -> None:
        self.events.append(event)
        self._came.set()

    async def on_snapshot(self, channels: list[Message]) -> None:
        self.snapshots.put_nowait(channels)

    async def event(self, name: str, **headers: str) -> Message:
        """The first event of this name with these headers, in whatever order Asterisk's threads send them."""
        wanted = {"Event": name, **headers}
        async with asyncio.timeout(START_DEADLINE):
            while True:
                for event in self.events:
                    if all(event.get(key) == value for key, value in wanted.items()):
                        return event
                self._came.clear()
                await self._came.wait()

    async def comes_up(self) -> None:
        async with asyncio.timeout(START_DEADLINE):
            while await self.states.get() is not State.UP:
                pass


@asynccontextmanager
async def linked(address: tuple[str, int]) -> AsyncIterator[tuple[Link, Listener]]:
    listener = Listener()
    link = Link(
        address,
        "callgate",
        SECRET,
        on_event=listener.on_event,
        on_snapshot=listener.on_snapshot,
        on_state=lambda state, _: listener.states.put_nowait(state),
        timing=Timing(retry=0.05, retry_longest=0.1),
    )
    running = asyncio.create_task(link.run())
    try:
        await listener.comes_up()
        await listener.event("FullyBooted")  # the manager interface answers before the dialplan is loaded
        yield link, listener
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_call_is_seen_from_its_first_channel_to_its_end(asterisk: tuple[str, int]) -> None:
    async with linked(asterisk) as (link, listener):
        assert await within(listener.snapshots.get()) == []

        reply = await link.act(
            "Originate",
            {
                "Channel": "Local/s@callee",
                "Context": "agent",
                "Exten": "s",
                "Priority": "1",
                "Async": "true",
                "Variable": ["CALLGATE_ID=first", "OTHER=x"],
            },
        )
        assert reply["Message"] == "Originate successfully queued"
        created = await listener.event("Newchannel")
        assert created.variables("ChanVariable") == {"CALLGATE_ID": ""}
        begun = await listener.event("DialBegin")
        assert begun.variables("DestChanVariable")["CALLGATE_ID"] == "first"
        assert "Response" in await listener.event("OriginateResponse")
        waiting = await listener.event("Newexten", Application="Wait", Context="agent")
        assert waiting.variables("ChanVariable") == {"CALLGATE_ID": r'a "b" \\ c'}

        shown = await link.collect("CoreShowChannels")
        assert sorted(channel["Context"] for channel in shown) == ["agent", "callee"]
        await link.act("Hangup", {"Channel": waiting["Channel"]})
        assert (await listener.event("Hangup", Channel=waiting["Channel"]))["Cause-txt"]


async def test_a_link_that_comes_late_is_shown_the_calls_that_exist(asterisk: tuple[str, int]) -> None:
    async with linked(asterisk) as (link, first):
        await link.act(
            "Originate",
            {"Channel": "Local/s@callee", "Context": "agent", "Exten": "s", "Priority": "1", "Async": "true"},
        )
        await first.event("Newexten", Application="Wait", Context="agent")

        async with linked(asterisk) as (_, late):
            assert len(await within(late.snapshots.get())) == 2


async def test_what_asterisk_refuses_is_a_refusal(asterisk: tuple[str, int]) -> None:
    async with linked(asterisk) as (link, _):
        with pytest.raises(ActionRefused, match="No such channel"):
            await link.act("Hangup", {"Channel": "Local/nobody"})
        with pytest.raises(ActionRefused, match="Permission denied"):
            await link.act("Command", {"Command": "core show version"})


async def test_a_wrong_secret_is_reported_as_refused(asterisk: tuple[str, int]) -> None:
    states: asyncio.Queue[State] = asyncio.Queue()

    def ignore(_: News) -> None:
        return

    session = Session(
        asterisk,
        "callgate",
        "wrong",
        events=False,
        on_news=ignore,
        on_state=lambda state, _: states.put_nowait(state),
        timing=Timing(retry=0.05, retry_longest=0.1),
    )
    running = asyncio.create_task(session.run())
    async with asyncio.timeout(START_DEADLINE):
        while (state := await states.get()) is State.DOWN:
            pass  # it is not up yet
    assert state is State.REFUSED
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(("extra", "answer"), [(0, "No such channel"), (1, "line too long")])
async def test_the_limit_of_a_line_is_asterisks_own(
    asterisk: tuple[str, int], extra: int, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callgate.pbx.ami.wire.LINE_LIMIT", LINE_LIMIT + extra)
    async with linked(asterisk) as (link, _):
        with pytest.raises(ActionRefused, match=answer):
            await link.act("Hangup", {"Channel": "x" * (LINE_LIMIT + extra - len("Channel: "))})
