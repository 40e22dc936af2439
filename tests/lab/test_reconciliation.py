"""After a gap in AMI, a restart of callgate, a restart of Asterisk: what cannot be told is without consent."""

import re

import pytest

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    Conversation,
    asked,
    both_talk,
    hung_up,
    in_ledger,
    is_in_ledger,
    not_recorded,
    pressed,
)
from lab.process import until
from lab.scene import Result, Scene

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]

CARD = 2700


async def conversing(scene: Scene, number: str, key: str) -> Conversation:
    """A call in conversation, whose callee pressed `key`."""
    result = Result("reconciled", "brussels", number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, key)
    await both_talk(talk, result)
    assert not result.failed
    return talk


async def ami_is_cut(scene: Scene) -> None:
    """Asterisk throws callgate's sessions out; callgate comes back."""
    since = scene.watcher.mark()
    shown = await scene.lab.asterisk.cli("manager show connected")
    for descriptor in re.findall(r"^ *callgate +\S+ +\d+ +\d+ +(\d+)", shown, re.MULTILINE):
        await scene.lab.asterisk.cli(f"manager kick session {descriptor}")
    await scene.watcher.until("pbx", since, state="down")
    await scene.watcher.until("pbx", since, state="up")


async def begin_stray(scene: Scene, endpoint: str) -> None:
    """Somebody records a channel."""
    shown = await scene.lab.asterisk.cli("core show channels concise")
    (name,) = [line.split("!")[0] for line in shown.splitlines() if line.startswith(f"{endpoint}-")]
    await scene.lab.asterisk.cli(f"mixmonitor start {name} stray.wav")


async def recorders(scene: Scene) -> int:
    """How many MixMonitors run."""
    shown = await scene.lab.asterisk.cli("core show channels concise")
    names = [line.split("!")[0] for line in shown.splitlines() if line.startswith("PJSIP/")]
    listed = [await scene.lab.asterisk.cli(f"mixmonitor list {name}") for name in names]
    return sum(len(re.findall(r"^0x", text, re.MULTILINE)) for text in listed)


async def test_a_gap_in_ami_ends_no_recording_and_resumes_none(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001400", "1")
    await talk.agent.press("*")
    await talk.agent.press("7")
    await scene.stage("paused", talk.since)
    await ami_is_cut(scene)
    await until(lambda: _paused_again(scene, talk), "the recording paused once more", 15)
    talk.callee.tone(CARD)
    await scene.listen(talk.callee, 1)
    talk.callee.tone(AFTER)
    since = scene.watcher.mark()
    await talk.agent.press("*")
    await talk.agent.press("8")
    await scene.stage("recording", since)
    await scene.listen(talk.callee, 2)
    await hung_up(scene, talk)
    await scene.watcher.until("sealed", talk.since, call=talk.id)
    samples = await scene.heard_both(talk.id)
    assert audio.has_tone(samples[-audio.RATE :], AFTER)
    assert not audio.has_tone(samples, CARD)


async def _paused_again(scene: Scene, talk: Conversation) -> bool:
    return "reconciliation" in {fact["by"] for fact in await in_ledger(scene, talk.id, "recording-paused")}


async def test_a_recording_that_was_paused_stays_so_through_a_restart_of_callgate(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001401", "1")
    await talk.agent.press("*")
    await talk.agent.press("7")
    await scene.stage("paused", talk.since)
    await scene.lab.callgate.kill()
    await scene.lab.callgate.start()
    talk.callee.tone(CARD)
    await talk.agent.until_hears(CARD, 5)
    await scene.listen(talk.callee, 1)
    since = scene.watcher.mark()
    await talk.agent.hangup()
    await talk.callee.until_ended(5)
    await scene.watcher.until("sealed", since, call=talk.id)
    samples = await scene.heard_both(talk.id)
    assert audio.has_tone(samples, AGENT)
    assert not audio.has_tone(samples, CARD)


@pytest.mark.parametrize(
    ("number", "endpoint"), [("0033199001402", "PJSIP/carrier"), ("0033199001403", "PJSIP/brussels")]
)
async def test_a_recorder_that_began_while_callgate_was_dead_is_stopped_when_it_is_back(
    scene: Scene, number: str, endpoint: str
) -> None:
    talk = await conversing(scene, number, "2")
    await scene.lab.callgate.kill()
    await begin_stray(scene, endpoint)
    assert await recorders(scene) == 1
    await scene.lab.callgate.start()
    await until(lambda: _no_recorder(scene), "the recorder stopped", 5)
    since = scene.watcher.mark()
    await talk.agent.hangup()
    await talk.callee.until_ended(5)
    await scene.stage("closed", since)
    for stray in scene.lab.place.recordings.glob("stray*"):
        stray.unlink()


async def _no_recorder(scene: Scene) -> bool:
    return await recorders(scene) == 0


async def test_a_recording_that_a_stranger_came_into_while_callgate_was_dead_is_destroyed(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001404", "1")
    await scene.lab.callgate.kill()
    await talk.agent.transfer("62")
    stranger = await scene.callee("lille")
    await stranger.answer()
    stranger.tone(CARD)
    await talk.callee.until_hears(CARD, 5)
    since = scene.watcher.mark()
    await scene.lab.callgate.start()
    await scene.watcher.until("alarm", since, alarm="recording-overheard", call=talk.id)
    await until(lambda: is_in_ledger(scene, talk.id, "recording-destroyed"), "the recording destroyed", 15)
    assert await recorders(scene) == 0
    await talk.callee.hangup()
    await scene.stage("closed", since)
    result = Result("", "", "", "")
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_the_calls_of_an_asterisk_that_was_killed_are_closed_and_the_next_one_passes(scene: Scene) -> None:
    talk = await conversing(scene, "0033199001405", "2")
    await scene.lab.asterisk.kill()
    await scene.lab.asterisk.start()
    await scene.ready()
    await scene.stage("closed", talk.since)
    assert await is_in_ledger(scene, talk.id, "closed")
    for end in (talk.agent, talk.callee):
        end.vanish()
    after = await conversing(scene, "0033199001406", "2")
    await hung_up(scene, after)
