"""A lab with people in it: agents at their phones, a carrier with callees behind it, and somebody who watches callgate.

A scenario is written down both sides at once: it dials, takes the call at the far end, speaks, presses, listens, and
then says what must be so. What callgate tells is used only to know when; what is claimed is seen at the phones, in
the files and on the wire.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import aiohttp

from lab import audio
from lab.people import token_of
from lab.place import Address, Place
from lab.process import LabError, until
from lab.sip import Call, CallEnded, UserAgent
from lab.world import Lab, is_ready, run_callgate

Fact = dict[str, object]

PHONES = ("brussels", "lille", "casablanca", "ghent", "liege")


class Watcher:
    """Follows callgate's live events, through its restarts."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.facts: list[Fact] = []
        self._news = asyncio.Event()

    async def run(self, http: Address | None = None) -> None:
        """Follow for ever; a callgate that is down is tried again. `http`: another one beside the same PBX."""
        url = f"http://{http or self._place.http}/api/v1/events?after=0"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=1)) as session:
            while True:
                with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    await self._follow(session, url)
                await asyncio.sleep(0.05)

    async def _follow(self, session: aiohttp.ClientSession, url: str) -> None:
        headers = {"Authorization": f"Bearer {token_of(self._place)}"}
        async with session.get(url, headers=headers) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    self.facts.append(json.loads(line[6:]))
                    self._news.set()
                    self._news = asyncio.Event()

    def mark(self) -> int:
        """Where the next fact will stand."""
        return len(self.facts)

    async def until(self, what: str, since: int = 0, within: float = 10.0, **wanted: object) -> Fact:
        """The first fact of that kind from `since` on that has all of `wanted`. Raises `LabError` after `within` s."""
        try:
            async with asyncio.timeout(within):
                while True:
                    news = self._news
                    for fact in self.facts[since:]:
                        if fact["what"] == what and all(fact.get(key) == value for key, value in wanted.items()):
                            return fact
                    await news.wait()
        except TimeoutError:
            told = [f"{fact['what']}:{fact.get('stage') or fact.get('reason') or ''}" for fact in self.facts[since:]]
            raise LabError(f"callgate did not tell {what} {wanted} within {within:g} s; it told {told}") from None


@dataclass(slots=True)
class Result:
    """What came of a scenario: what was claimed of it, and the fields of .lab/demo.json."""

    name: str
    from_: str
    dialled: str
    expected: str
    outcome: str = ""
    reason: str = ""
    carrier_rang: bool = False
    notice_played: bool = False
    recording: dict[str, object] | None = None
    failed: list[str] = field(default_factory=list)
    noted: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything that was claimed is so."""
        return not self.failed

    def claim(self, what: str, holds: bool) -> None:
        """Something that must be so."""
        if not holds:
            self.failed.append(what)

    def as_json(self) -> dict[str, object]:
        """The object of .lab/demo.json."""
        return {
            "name": self.name,
            "from": self.from_,
            "dialled": self.dialled,
            "expected": self.expected,
            "outcome": self.outcome,
            "reason": self.reason,
            "carrier_rang": self.carrier_rang,
            "notice_played": self.notice_played,
            "recording": self.recording,
            "ok": self.ok,
            **({"failed": self.failed} if self.failed else {}),
            **({"measured": self.noted} if self.noted else {}),
        }


class Scene:
    """The lab, its phones, and the watcher."""

    def __init__(self, lab: Lab, say: Callable[[str], None] = lambda _: None) -> None:
        self.lab = lab
        self.say = say
        place = lab.place
        self.watcher = Watcher(place)
        self.agents = {name: UserAgent(*getattr(place, name), user=name, on_invite=self._rang) for name in PHONES}
        self.carrier = UserAgent(*place.carrier, user="carrier", on_invite=self._rang)
        self.carrier2 = UserAgent(*place.carrier2, user="carrier2", on_invite=self._rang)
        self._ringing: dict[str, asyncio.Queue[Call]] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, lab: Lab, say: Callable[[str], None] = lambda _: None) -> AsyncIterator[Self]:
        """The phones are on while this lasts."""
        scene = cls(lab, say)
        async with AsyncExitStack() as stack:
            for phone in scene.phones:
                await stack.enter_async_context(phone)
            watching = asyncio.create_task(scene.watcher.run())
            stack.callback(watching.cancel)
            yield scene

    @property
    def phones(self) -> tuple[UserAgent, ...]:
        """Every telephone that there is."""
        return (*self.agents.values(), self.carrier, self.carrier2)

    async def callgate(self, *words: str, stdin: str = "") -> str:
        """Run a callgate command on this lab. Raises `LabError` with what it said."""
        return await run_callgate(self.lab.place, *words, stdin=stdin)

    async def _rang(self, call: Call) -> None:
        await call.ring()
        self._queue(_user(call)).put_nowait(call)

    def _queue(self, number: str) -> asyncio.Queue[Call]:
        return self._ringing.setdefault(number, asyncio.Queue())

    async def dial(self, centre: str, dialled: str) -> Call:
        """An agent of `centre` dials; exactly these characters go into the Request-URI."""
        return await self.agents[centre].dial(dialled, self.lab.place.sip)

    async def callee(self, number: str, within: float = 5.0) -> Call:
        """The phone that rings at the carrier under these digits."""
        try:
            async with asyncio.timeout(within):
                return await self._queue(number).get()
        except TimeoutError:
            raise LabError(f"nothing rang at the carrier within {within:g} s") from None

    def invites(self, number: str) -> int:
        """How many INVITEs the carrier got for these digits."""
        return sum(invite.user == number for invite in self.carrier.invites)

    async def stage(self, stage: str, since: int, within: float = 20.0) -> str:
        """Wait until callgate says that a call reached a stage; its CALLGATE_ID."""
        return str((await self.watcher.until("call", since, within, stage=stage))["call"])

    async def listen(self, call: Call, seconds: float) -> None:
        """Let so much time of a call pass."""
        now = asyncio.get_running_loop().time
        end = now() + seconds
        await call.until(lambda: now() >= end, seconds + 5, f"{seconds} s of audio")

    async def ready(self, within: float = 15.0) -> None:
        """Wait until callgate would allow calls again."""
        await until(partial(is_ready, self.lab.place), "callgate ready", within)

    def recording(self, call: str) -> Path:
        """Where a sealed recording is."""
        return self.lab.place.state / "sealed" / f"{call}.sealed"

    async def heard(self, call: str) -> tuple[audio.Samples, audio.Samples]:
        """A sealed recording, exported: what the callee said, and what the agent. Raises `LabError`."""
        with TemporaryDirectory() as folder:
            await self.callgate("recordings", "export", call, "--by", "lab", "--to", folder)
            return audio.read_stereo(Path(folder) / f"{call}.wav")

    async def heard_both(self, call: str) -> audio.Samples:
        """A sealed recording, both sides in one. Raises `LabError`."""
        return audio.mixed(*await self.heard(call))

    def spooled(self) -> list[Path]:
        """What Asterisk wrote and callgate has not sealed."""
        return sorted(self.lab.place.recordings.glob("*.wav"))

    async def quiet(self) -> None:
        """Nobody is on the phone any more."""
        for phone in self.phones:
            for call in phone.calls:
                if not call.ended:
                    with suppress(CallEnded, TimeoutError):
                        await call.hangup()
        await self.lab.no_channels()


def _user(call: Call) -> str:
    """The number that an incoming call is for."""
    found = re.search(r"<sip:([^@>]*)@", call.dialog.local)
    return found[1] if found else ""
