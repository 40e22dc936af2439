"""The guard, against everything that a dialplan can do around the gate, or record beside it."""

import asyncio
from pathlib import Path

import pytest

from lab import audio
from lab.conversation import AFTER, AGENT, Conversation, asked, both_talk, hung_up, kept, pressed
from lab.process import until
from lab.scene import Fact, Result, Scene
from lab.sip import Call

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]

STRANGER = 1900


# What rings on a trunk.


@pytest.mark.parametrize(
    ("prefix", "number", "ruling"),
    [
        ("74", "0033199001370", "the verdict had expired"),
        ("75", "0033199001371", "the verdict is for another number or channel"),
        ("60", "0033199001372", "the verdict is for another number or channel"),
    ],
    ids=["expired", "forged", "another number"],
)
async def test_a_verdict_that_does_not_hold_for_this_dial_is_none(
    scene: Scene, prefix: str, number: str, ruling: str
) -> None:
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", prefix + number)
    alarm = await scene.watcher.until("alarm", since, within=15, alarm="bypass")
    assert alarm["ruling"] == ruling
    ended = await agent.until_ended(8)
    assert ended.status != 200
    assert agent.answered_at is None


async def test_an_alarm_says_who_dialled_and_from_where_but_not_whom(scene: Scene) -> None:
    since = scene.watcher.mark()
    agent = await scene.dial("lille", "770033199001373")
    alarm = await scene.watcher.until("alarm", since, alarm="bypass")
    assert (alarm["agent"], alarm["context"], alarm["extension"]) == ("PJSIP/lille", "agents", "•••73")
    assert "1990013" not in str(alarm)
    await agent.until_ended(8)


async def test_of_two_legs_under_one_verdict_one_rings(scene: Scene) -> None:
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", "760033199001374")
    legs = [await scene.callee("33199001374"), await scene.callee("33199001374")]
    alarm = await scene.watcher.until("alarm", since, alarm="bypass")
    assert alarm["ruling"] == "a second live leg under one verdict"
    await until(lambda: _one_has_ended(legs), "one of the two legs taken back", 3)
    await agent.hangup()
    for leg in legs:
        await leg.until_ended(5)


async def _one_has_ended(legs: list[Call]) -> bool:
    return sum(leg.ended is not None for leg in legs) == 1


async def test_a_verdict_that_a_transferred_callee_inherited_is_not_theirs(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001375", "1")
    since = scene.watcher.mark()
    await talk.agent.transfer("770033199001376")
    alarm = await scene.watcher.until("alarm", since, alarm="bypass")
    assert alarm["ruling"] == "the verdict is for another number or channel"
    other = await scene.callee("0033199001376")
    await other.until_ended(3)
    assert other.answered_at is None
    await talk.callee.hangup()


async def test_the_next_trunk_under_one_verdict_is_no_bypass(scene: Scene) -> None:
    result = Result("failover", "brussels", "790033199001377", "")
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", result.dialled)
    first = await scene.callee("33199001377")
    await first.reject(503)
    callee = await scene.callee("33199001377")
    callee.tone(700)
    await callee.answer()
    call = await scene.stage("asking", since)
    await scene.listen(callee, 0.6)
    talk = Conversation(agent, callee, call, since)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert not result.failed
    assert not [fact for fact in scene.watcher.facts[since:] if fact["what"] == "alarm"]


# What records.


async def conversing(scene: Scene, number: str, key: str) -> Conversation:
    """A call in conversation, whose callee pressed `key`."""
    result = Result("guard", "brussels", number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, key)
    await both_talk(talk, result)
    assert not result.failed
    return talk


async def stopped(scene: Scene, talk: Conversation, means: str) -> Fact:
    """The alarm about a recorder on this call."""
    alarm = await scene.watcher.until("alarm", talk.since, alarm="recording-without-consent", means=means)
    assert alarm["call"] == talk.id
    return alarm


def written(scene: Scene, pattern: str) -> list[Path]:
    return sorted(scene.lab.place.recordings.glob(pattern))


@pytest.mark.parametrize(("number", "key"), [("0033199001380", "2"), ("0033199001381", "1")])
@pytest.mark.parametrize("channel", ["PJSIP/carrier", "PJSIP/brussels"])
async def test_a_mixmonitor_that_callgate_did_not_begin_is_stopped_and_its_file_destroyed(
    scene: Scene, number: str, key: str, channel: str
) -> None:
    """With consent too: what callgate cannot destroy on withdrawal may not be. Its own recording goes on."""
    talk = await conversing(scene, number, key)
    name = await channel_of(scene, channel)
    await scene.lab.asterisk.cli(f"mixmonitor start {name} stray.wav")
    alarm = await stopped(scene, talk, "mixmonitor")
    assert alarm["endpoint"] == channel
    await until(lambda: _is_gone(scene, "stray.wav"), "the stray file destroyed", 5)
    await scene.listen(talk.callee, 1)
    await hung_up(scene, talk)
    if key == "1":
        await scene.watcher.until("sealed", talk.since, call=talk.id)
        samples = await scene.heard_both(talk.id)
        assert audio.has_tone(samples[-audio.RATE :], AFTER)


async def _is_gone(scene: Scene, pattern: str) -> bool:
    return not written(scene, pattern)


async def channel_of(scene: Scene, endpoint: str) -> str:
    """The name of the one channel of an endpoint."""
    shown = await scene.lab.asterisk.cli("core show channels concise")
    (name,) = [line.split("!")[0] for line in shown.splitlines() if line.startswith(f"{endpoint}-")]
    return name


async def test_a_recorder_that_an_agents_channel_brings_along_is_stopped_before_the_callee_answers(
    scene: Scene,
) -> None:
    result = Result("habit", "brussels", "780033199001382", "")
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", result.dialled)
    callee = await scene.callee("33199001382")
    await scene.watcher.until("alarm", since, alarm="recording-without-consent", means="mixmonitor")
    await until(lambda: _is_gone(scene, "habit-*.wav"), "the file destroyed", 5)
    await agent.hangup()
    await callee.until_ended(5)


async def test_internal_and_inbound_calls_may_be_recorded(scene: Scene) -> None:
    since = scene.watcher.mark()
    caller = await scene.dial("lille", "61")
    called = await scene.callee("brussels")
    await called.answer()
    await scene.lab.asterisk.cli(f"mixmonitor start {await channel_of(scene, 'PJSIP/lille')} internal.wav")
    await scene.listen(caller, 1)
    await caller.hangup()
    await called.until_ended(5)
    assert not [fact for fact in scene.watcher.facts[since:] if fact["what"] == "alarm"]
    assert written(scene, "internal.wav")
    written(scene, "internal.wav")[0].unlink()


@pytest.mark.parametrize(
    ("number", "to", "means"),
    [
        ("0033199001383", "71", "record"),
        ("0033199001384", "70", "audiosocket"),
        ("0033199001385", "69", "bridge"),
    ],
    ids=["Record", "AudioSocket", "ConfBridge"],
)
async def test_what_nothing_else_stops_is_hung_up(scene: Scene, number: str, to: str, means: str) -> None:
    talk = await conversing(scene, number, "2")
    listener = await asyncio.start_server(_swallow, f"{scene.lab.place.net}.9", 9092)
    async with listener:
        await talk.agent.transfer(to)
        await stopped(scene, talk, means)
        await talk.callee.until_ended(3)
    await scene.quiet()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server of AudioSocket that takes what it gets."""
    while await reader.read(4096):
        pass
    writer.close()


async def test_external_media_in_a_callees_bridge_is_hung_up(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001386", "2")
    colleague = await scene.dial("ghent", "68")
    await colleague.until_answered(5)
    await talk.agent.transfer("68")
    colleague.tone(AGENT)
    await talk.callee.until_hears(AGENT, 8)
    net = scene.lab.place.net
    await scene.lab.asterisk.cli(f"channel originate UnicastRTP/{net}.9:40000 application ConfBridge room")
    await stopped(scene, talk, "channel")
    await talk.callee.hangup()
    await scene.quiet()


async def test_a_spy_who_records_is_hung_up_and_one_who_listens_is_not(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001387", "2")
    listener = await scene.dial("ghent", "72")
    await listener.until_answered(5)
    await listener.until_hears(AFTER, 5)
    recorder = await scene.dial("ghent", "73")
    await stopped(scene, talk, "chanspy")
    await recorder.until_ended(3)
    assert listener.ended is None
    await listener.hangup()
    await hung_up(scene, talk)


async def test_a_stranger_who_listens_pauses_the_recording(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001388", "1")
    listener = await scene.dial("lille", "72")
    await scene.stage("accompanied", talk.since)
    since = scene.watcher.mark()
    await listener.hangup()
    await scene.stage("recording", since)
    await hung_up(scene, talk)
