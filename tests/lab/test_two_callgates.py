"""Two callgates beside one PBX: one is in charge, the other takes over when it is killed, at any moment of a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from lab import audio
from lab.conversation import (
    AFTER,
    Conversation,
    answered,
    asked,
    blocked,
    both_talk,
    digits,
    hung_up,
    in_ledger,
    kept,
    not_recorded,
    objects_from_now_on,
    pressed,
)
from lab.pair import sharing
from lab.place import Address, Place, somewhere
from lab.postgres import PostgresServer
from lab.process import Process, until
from lab.scene import Result, Scene
from lab.world import LISTS, PROGRAM, Lab, run_callgate

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("both_up")]


@dataclass(frozen=True, slots=True)
class Beside:
    """One of the two."""

    process: Process
    http: Address

    async def missing(self) -> list[str] | None:
        """What it says is missing until calls pass; None where it is not up."""
        with suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://{self.http}/readyz", timeout=aiohttp.ClientTimeout(total=2)) as response,
            ):
                said: list[str] = (await response.json())["missing"]
                return said
        return None


@dataclass(frozen=True, slots=True)
class Pair:
    """The lab, and both callgates."""

    scene: Scene
    both: tuple[Beside, Beside]

    async def in_charge(self) -> Beside:
        """The one through which calls pass."""
        ready = [one for one in self.both if await one.missing() == []]
        assert len(ready) == 1
        return ready[0]

    async def other(self) -> Beside:
        """The one that stands by."""
        first, second = self.both
        return second if await self.in_charge() is first else first

    async def kill(self) -> None:
        """kill -9 of the one in charge."""
        await (await self.in_charge()).process.kill()

    async def settled(self) -> None:
        """One is in charge, and the other stands by."""

        async def so() -> bool:
            said = sorted([await one.missing() or [] for one in self.both], key=len)
            return said[0] == [] and ["stands by" in why for why in said[1]] == [True]

        await until(so, "one callgate in charge and one that stands by", 20)


def beside(place: Place, name: str, config: Path, http: Address) -> Beside:
    """A callgate that is up once it answers over HTTP: one that stands by is never ready."""

    async def up() -> bool:
        return await one.missing() is not None

    one = Beside(Process(name, (str(PROGRAM), "serve", "--config", str(config)), place, ready=up, deadline=20), http)
    return one


def second_of(place: Place) -> Beside:
    """A second callgate: other addresses for FastAGI and HTTP, another writer and state. All else is one."""
    text = place.config.read_text()
    for old, new in (
        (f'agi = "{place.agi}"', f'agi = "{Address(place.pbx, 4574)}"'),
        (f'listen = "{place.http}"', f'listen = "{Address(place.pbx, 8081)}"'),
        (f'state = "{place.state}"', f'state = "{place.state}/second"'),
        ('writer = "pair"', 'writer = "second"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    config = place.folder / "second.toml"
    config.write_text(text)
    return beside(place, "second", config, Address(place.pbx, 8081))


def adapted(ledger: str, place: Place) -> None:
    sharing(ledger, "pair", None)(place)
    site = place.etc / "callgate-site.conf"
    site.write_text(site.read_text().replace("CALLGATE_AGI_ALSO=", f"CALLGATE_AGI_ALSO=agi://{place.pbx}:4574"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    server = PostgresServer()
    async with AsyncExitStack() as stack:
        stack.callback(server.end)
        place = stack.enter_context(somewhere(tmp_path_factory.mktemp("pair") / "lab"))
        lab = await stack.enter_async_context(Lab(place, adapt=partial(adapted, server.new_database())))
        scene = await stack.enter_async_context(Scene.of(lab))
        await lab.callgate.stop()
        first, second = beside(place, "first", place.config, place.http), second_of(place)
        for one in (first, second):
            stack.push_async_callback(one.process.stop)
        for name, numbers in LISTS.items():
            words = ("lists", "import", "-", "--list", name, "--config", str(place.folder / "second.toml"))
            await run_callgate(place, *words, stdin="\n".join(numbers))
        for one in (first, second):
            await one.process.start()
        watching = asyncio.create_task(scene.watcher.run(second.http))
        stack.callback(watching.cancel)
        yield Pair(scene, (first, second))


@pytest_asyncio.fixture(loop_scope="module")
async def both_up(pair: Pair) -> AsyncIterator[None]:
    await pair.settled()
    yield
    await pair.scene.quiet()
    for one in pair.both:
        if not one.process.running:
            await one.process.start()


async def once(pair: Pair, talk: Conversation, *kinds: str) -> None:
    """The ledger holds each of these once for the call, and the carrier saw one INVITE."""
    for kind in kinds:
        assert len(await in_ledger(pair.scene, talk.id, kind)) == 1, kind


async def test_with_both_up_a_call_is_recorded_and_sealed_once(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "brussels", "0033199001420", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert result.failed == []
    assert scene.invites(digits(result.dialled)) == 1
    await once(pair, talk, "verdict", "dialled", "consent", "recording-started", "recording-sealed", "closed")


async def test_killed_while_the_callee_rings_the_other_plays_the_notice_and_records(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "brussels", "0033199001421", "")
    since = scene.watcher.mark()
    agent = await scene.dial(result.from_, result.dialled)
    callee = await scene.callee(digits(result.dialled))
    result.carrier_rang = True
    await pair.kill()
    callee.tone(700)
    await callee.answer()
    call = await scene.stage("identifying", since)
    talk = Conversation(agent, callee, call, since)
    await scene.stage("asking", since)
    await scene.listen(callee, 0.6)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert result.failed == []
    assert scene.invites(digits(result.dialled)) == 1
    await once(pair, talk, "verdict", "consent", "recording-started", "recording-sealed", "closed")


async def test_killed_while_the_notice_plays_the_other_begins_it_anew(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "brussels", "0033199001422", "")
    talk = await answered(scene, result)
    await scene.listen(talk.callee, 1)
    since = scene.watcher.mark()
    await pair.kill()
    await scene.stage("identifying", since)
    began = asyncio.get_running_loop().time()
    await scene.stage("asking", since)
    spoken = audio.speech_spans(talk.callee.heard_between(began, asyncio.get_running_loop().time()))
    assert sum(end - start for start, end in spoken) > 5
    await scene.listen(talk.callee, 0.6)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    not_recorded(scene, result, talk.id)
    assert result.failed == []
    assert scene.invites(digits(result.dialled)) == 1
    await once(pair, talk, "verdict", "connected", "closed")


async def talking(pair: Pair, number: str, key: str) -> tuple[Conversation, Result]:
    """A call in conversation, whose callgate was killed."""
    scene, result = pair.scene, Result("pair", "brussels", number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, key)
    await both_talk(talk, result)
    await pair.kill()
    return talk, result


async def test_killed_in_the_conversation_the_other_seals_the_recording_once(pair: Pair) -> None:
    scene = pair.scene
    talk, result = await talking(pair, "0033199001423", "1")
    await scene.watcher.until("call", talk.since, call=talk.id, on="taken-up", stage="recording")
    await scene.listen(talk.callee, 1)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert result.failed == []
    await once(pair, talk, "recording-sealed", "closed")


async def test_killed_in_the_conversation_the_stop_key_works_at_once(pair: Pair) -> None:
    scene = pair.scene
    talk, result = await talking(pair, "0033199001424", "1")
    await pressed(scene, talk, "*")
    at = asyncio.get_running_loop().time()
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    await talk.callee.until_speech(5, since=at)
    not_recorded(scene, result, talk.id)
    await hung_up(scene, talk)
    not_recorded(scene, result, talk.id)
    assert result.failed == []
    await once(pair, talk, "withdrawal", "recording-destroyed", "closed")


async def test_killed_in_the_conversation_an_objection_is_committed_and_thanked_at_once(pair: Pair) -> None:
    scene = pair.scene
    talk, result = await talking(pair, "0033199001425", "2")
    at = asyncio.get_running_loop().time()
    await pressed(scene, talk, "9")
    ended = await talk.callee.until_ended(8)
    assert audio.speech_spans(talk.callee.heard_between(at + 0.3, ended.at))
    await objects_from_now_on(scene, result)
    assert result.failed == []
    await once(pair, talk, "objection")


async def test_killed_between_calls_the_next_one_passes_at_once_and_one_alarm_tells(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "brussels", "0033199001426", "")
    since = scene.watcher.mark()
    await pair.kill()
    talk = await answered(scene, result)
    await hung_up(scene, talk)
    told = [fact["alarm"] for fact in scene.watcher.facts[since:] if fact["what"] == "alarm"]
    assert told.count("took-charge") == 1
    assert not {"bypass", "recording-without-consent", "orphan-recording-destroyed", "agi-not-believed"} & {*told}
    assert scene.invites(digits(result.dialled)) == 1


async def test_one_that_hangs_keeps_the_charge_and_calls_are_blocked_until_it_goes_on(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "brussels", "0033199001428", "")
    one = await pair.in_charge()
    one.process.freeze()
    try:
        await blocked(scene, result)
    finally:
        one.process.thaw()
    await pair.settled()
    assert await pair.in_charge() is one
    assert result.failed == []
    talk = await answered(scene, Result("pair", "brussels", "0033199001429", ""))
    await hung_up(scene, talk)


async def test_one_that_was_killed_comes_back_stands_by_and_takes_over_in_its_turn(pair: Pair) -> None:
    scene, result = pair.scene, Result("pair", "lille", "0033199001427", "")
    before = await pair.in_charge()
    await before.process.kill()
    talk = await answered(scene, result)
    after = await pair.in_charge()
    await before.process.start()
    await pair.settled()
    assert await pair.in_charge() is after is not before
    since = scene.watcher.mark()
    await after.process.kill()
    await scene.stage("asking", since)
    await scene.listen(talk.callee, 0.6)
    talk.callee.tone(AFTER)
    await talk.callee.press("1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert result.failed == []
    assert await pair.in_charge() is before
    await once(pair, talk, "verdict", "consent", "recording-sealed", "closed")
    assert scene.invites(digits(result.dialled)) == 1
