"""Everything that Asterisk does to calls: the recording follows the callee's consent, and nobody else is in it."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

import pytest

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    BEFORE,
    Conversation,
    asked,
    both_talk,
    digits,
    hung_up,
    in_ledger,
    is_in_ledger,
    not_recorded,
    pressed,
)
from lab.process import until
from lab.scene import Result, Scene
from lab.sip import Call, CallEnded

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]

COLLEAGUE, STRANGER, CARD = 2300, 1900, 2700
"""A telephone of the agent's own centre, one of somebody else, and the callee while card data is spoken."""


async def recorded(scene: Scene, number: str, agent: str = "brussels") -> Conversation:
    """A callee who consented, in conversation with the agent."""
    result = Result("through", agent, number, "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    assert not result.failed
    await scene.listen(talk.callee, 1)
    return talk


async def takes(scene: Scene, phone: str, hz: int, within: float = 5.0) -> Call:
    """A telephone rings, is answered, and sounds."""
    call = await scene.callee(phone, within)
    call.tone(hz)
    await call.answer()
    return call


class Sides(NamedTuple):
    """A recording: what the callee said, and what they heard."""

    callee: audio.Samples
    other: audio.Samples

    def hold(self, hz: int) -> bool:
        """Whether it sounds on either."""
        return audio.has_tone(self.callee, hz) or audio.has_tone(self.other, hz)


async def sealed(scene: Scene, talk: Conversation) -> Sides:
    """The callee hangs up; what was recorded."""
    await talk.callee.hangup()
    await scene.watcher.until("sealed", talk.since, call=talk.id)
    await scene.quiet()
    return Sides(*await scene.heard(talk.id))


def tail(samples: audio.Samples, seconds: float) -> audio.Samples:
    return samples[-round(seconds * audio.RATE) :]


async def is_recorded_on(scene: Scene, talk: Conversation, sides: Sides) -> bool:
    """Whether callee and colleague are in it to the end, each on their own side, and it was never paused."""
    assert not audio.has_tone(sides.callee, AGENT)
    assert not audio.has_tone(sides.callee, COLLEAGUE)
    assert not audio.has_tone(sides.other, AFTER)
    assert audio.has_tone(sides.other, AGENT)
    callee, colleague = audio.has_tone(tail(sides.callee, 1), AFTER), audio.has_tone(tail(sides.other, 1), COLLEAGUE)
    return callee and colleague and not await is_in_ledger(scene, talk.id, "recording-paused")


# Card data.


async def test_what_is_said_while_the_agent_paused_the_recording_is_silence_in_it(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001340")
    at = asyncio.get_running_loop().time()
    await talk.agent.press("*")
    await talk.agent.press("7")
    await scene.stage("paused", talk.since)
    await talk.agent.until_speech(5, since=at)
    talk.callee.tone(CARD)
    await talk.agent.until_hears(CARD, 5)
    await scene.listen(talk.callee, 1)
    talk.callee.silence()
    await scene.listen(talk.callee, 0.5)
    since = scene.watcher.mark()
    at = asyncio.get_running_loop().time()
    await talk.agent.press("*")
    await talk.agent.press("8")
    await scene.stage("recording", since)
    await talk.agent.until_speech(5, since=at)
    talk.callee.tone(AFTER)
    await talk.agent.until_hears(AFTER, 5)
    await scene.listen(talk.callee, 1)
    sides = await sealed(scene, talk)
    assert not sides.hold(CARD)
    assert audio.has_tone(tail(sides.callee, 1), AFTER)
    assert [fact["by"] for fact in await in_ledger(scene, talk.id, "recording-paused")] == ["agent-key"]
    assert await is_in_ledger(scene, talk.id, "recording-resumed")


async def test_a_withdrawal_while_the_recording_is_paused_destroys_it(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001341")
    await talk.agent.press("*")
    await talk.agent.press("7")
    await scene.stage("paused", talk.since)
    await talk.callee.press("*")
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    await talk.agent.press("*")
    await talk.agent.press("8")
    await scene.listen(talk.callee, 1)
    await hung_up(scene, talk)
    assert not await is_in_ledger(scene, talk.id, "recording-resumed")
    result = Result("", "", "", "")
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_the_recording_is_not_paused_with_callgate_dead_and_the_agent_hears_so(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001342")
    await scene.lab.callgate.kill()
    try:
        at = asyncio.get_running_loop().time()
        await talk.agent.press("*")
        await talk.agent.press("7")
        await talk.agent.until_speech(8, since=at)
    finally:
        await scene.lab.callgate.start()
    assert not await is_in_ledger(scene, talk.id, "recording-paused")
    await sealed(scene, talk)


# Transfers.


async def test_a_callee_who_is_transferred_to_a_colleague_is_recorded_on(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001343")
    await talk.agent.transfer("66")
    await takes(scene, "ghent", COLLEAGUE)
    await talk.callee.until_hears(COLLEAGUE, 5)
    await scene.listen(talk.callee, 1)
    assert await is_recorded_on(scene, talk, await sealed(scene, talk))


async def test_another_centre_to_whom_a_callee_is_transferred_is_not_recorded(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001344")
    await talk.agent.transfer("62")
    await takes(scene, "lille", STRANGER)
    await talk.callee.until_hears(STRANGER, 5)
    await scene.stage("accompanied", talk.since)
    await scene.listen(talk.callee, 1)
    sides = await sealed(scene, talk)
    assert sides.hold(AGENT)
    assert not sides.hold(STRANGER)
    assert [fact["why"] for fact in await in_ledger(scene, talk.id, "recording-paused")] == ["joined"]


async def test_a_consulted_stranger_is_not_recorded_before_or_after_an_attended_transfer(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001345")
    await talk.agent.hold()
    consulting = await scene.dial("brussels", "62")
    stranger = await takes(scene, "lille", STRANGER)
    await consulting.until_answered(5)
    await consulting.until_hears(STRANGER, 5)
    await talk.agent.transfer("62", consulting)
    await talk.callee.until_hears(STRANGER, 5)
    await stranger.until_hears(AFTER, 5)
    await scene.stage("accompanied", talk.since)
    sides = await sealed(scene, talk)
    assert not sides.hold(STRANGER)


async def test_hold_is_recorded_and_brings_nobody_else(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001346")
    await talk.agent.hold()
    await talk.callee.until_hears(200, 5)
    await talk.agent.resume()
    await talk.callee.until_hears(AGENT, 5)
    await scene.listen(talk.callee, 1)
    sides = await sealed(scene, talk)
    assert audio.has_tone(sides.other, 200)
    assert audio.has_tone(tail(sides.other, 1), AGENT)
    assert audio.has_tone(tail(sides.callee, 1), AFTER)
    assert not await is_in_ledger(scene, talk.id, "recording-paused")


@pytest.mark.parametrize(
    ("number", "phone", "hz", "is_recorded"),
    [("0033199001347", "ghent", COLLEAGUE, True), ("0033199001348", "lille", STRANGER, False)],
)
async def test_a_parked_callee_is_recorded_with_whoever_of_the_centre_takes_them_back(
    scene: Scene, number: str, phone: str, hz: int, is_recorded: bool
) -> None:
    talk = await recorded(scene, number)
    await talk.agent.transfer("700")
    await talk.callee.until_hears(200, 5)
    taking = await scene.dial(phone, "701")
    taking.tone(hz)
    await talk.callee.until_hears(hz, 8)
    await scene.listen(talk.callee, 2)
    sides = await sealed(scene, talk)
    assert await is_recorded_on(scene, talk, sides) is is_recorded
    assert is_recorded or not sides.hold(hz)


async def test_in_a_conference_the_recording_rests_while_a_stranger_is_there(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001349")
    colleague = await scene.dial("ghent", "68")
    await colleague.until_answered(5)
    await talk.agent.transfer("68")
    colleague.tone(COLLEAGUE)
    await talk.callee.until_hears(COLLEAGUE, 8)
    await scene.listen(talk.callee, 1)
    stranger = await scene.dial("lille", "68")
    await stranger.until_answered(5)
    await scene.stage("accompanied", talk.since)
    stranger.tone(STRANGER)
    await talk.callee.until_hears(STRANGER, 5)
    await scene.listen(talk.callee, 1)
    since = scene.watcher.mark()
    await stranger.hangup()
    await scene.stage("recording", since)
    await scene.listen(talk.callee, 2)
    sides = await sealed(scene, talk)
    assert not sides.hold(STRANGER)
    assert audio.has_tone(sides.other, AGENT)
    assert audio.has_tone(tail(sides.other, 1), COLLEAGUE)
    assert audio.has_tone(tail(sides.callee, 1), AFTER)


async def test_a_callee_in_a_queue_is_recorded_with_the_colleague_who_answers(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001350")
    await talk.agent.transfer("65")
    await takes(scene, "ghent", COLLEAGUE)
    await talk.callee.until_hears(COLLEAGUE, 8)
    await scene.listen(talk.callee, 1)
    assert await is_recorded_on(scene, talk, await sealed(scene, talk))


async def test_a_call_that_somebody_else_picks_up_is_recorded_by_who_that_is(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001351")
    await talk.agent.transfer("62")
    await scene.callee("lille")
    picking = await scene.dial("ghent", "63")
    picking.tone(COLLEAGUE)
    await talk.callee.until_hears(COLLEAGUE, 8)
    await scene.listen(talk.callee, 1)
    stages = [fact.get("stage") for fact in scene.watcher.facts[talk.since :] if fact.get("call") == talk.id]
    sides = await sealed(scene, talk)
    assert await is_recorded_on(scene, talk, sides) is ("accompanied" not in stages)


async def test_a_waiting_call_is_kept_apart_from_the_callees(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001352")
    other = await scene.dial("lille", "61")
    waiting = await scene.callee("brussels")
    await talk.agent.hold()
    await waiting.answer()
    other.tone(STRANGER)
    await waiting.until_hears(STRANGER, 5)
    await scene.listen(waiting, 1)
    await waiting.hangup()
    await talk.agent.resume()
    await talk.callee.until_hears(AGENT, 5)
    await scene.listen(talk.callee, 1)
    sides = await sealed(scene, talk)
    assert not sides.hold(STRANGER)
    assert audio.has_tone(tail(sides.other, 1), AGENT)
    assert not await is_in_ledger(scene, talk.id, "recording-paused")


async def test_a_callee_whose_leg_somebody_moves_is_recorded_with_whom_it_reaches(scene: Scene) -> None:
    """From outside, as a program does over AMI: nobody's telephone asked for it."""
    talk = await recorded(scene, "0033199001423")
    shown = await scene.lab.asterisk.cli("core show channels concise")
    (name,) = [line.split("!")[0] for line in shown.splitlines() if line.startswith("PJSIP/carrier-")]
    await scene.lab.asterisk.cli(f"channel redirect {name} inside,66,1")
    await takes(scene, "ghent", COLLEAGUE)
    await talk.callee.until_hears(COLLEAGUE, 5)
    await scene.listen(talk.callee, 2)
    assert await is_recorded_on(scene, talk, await sealed(scene, talk))


# Transfers by feature code: the agent's keys, and nobody else's.


async def keyed(call: Call, keys: str) -> None:
    """Press several keys, one after the other. The last one may end the call while it is down."""
    with suppress(CallEnded):
        for key in keys:
            await call.press(key)


@pytest.mark.parametrize(
    ("number", "phone", "to", "hz", "is_recorded"),
    [("0033199001410", "ghent", "66", COLLEAGUE, True), ("0033199001411", "lille", "62", STRANGER, False)],
)
async def test_a_blind_transfer_by_feature_code_is_recorded_with_a_colleague_and_with_nobody_else(
    scene: Scene, number: str, phone: str, to: str, hz: int, is_recorded: bool
) -> None:
    talk = await recorded(scene, number, "liege")
    await keyed(talk.agent, f"#1{to}")
    await takes(scene, phone, hz, within=10)
    await talk.callee.until_hears(hz, 5)
    await scene.listen(talk.callee, 2)
    sides = await sealed(scene, talk)
    assert await is_recorded_on(scene, talk, sides) is is_recorded
    assert is_recorded or not sides.hold(hz)


@pytest.mark.parametrize(
    ("number", "phone", "to", "hz", "is_recorded"),
    [("0033199001412", "ghent", "66", COLLEAGUE, True), ("0033199001413", "lille", "62", STRANGER, False)],
)
async def test_an_attended_transfer_by_feature_code_is_recorded_with_a_colleague_and_with_nobody_else(
    scene: Scene, number: str, phone: str, to: str, hz: int, is_recorded: bool
) -> None:
    """It goes through a Local channel, whose open end is a third party until somebody is behind it."""
    talk = await recorded(scene, number, "liege")
    await keyed(talk.agent, f"#2{to}")
    consulted = await takes(scene, phone, hz, within=10)
    await talk.agent.until_hears(hz, 5)
    await scene.listen(consulted, 1)
    await talk.agent.hangup()
    await talk.callee.until_hears(hz, 5)
    await scene.listen(talk.callee, 2)
    sides = await sealed(scene, talk)
    assert audio.has_tone(tail(sides.other, 1), hz) is is_recorded
    assert audio.has_tone(tail(sides.callee, 1), AFTER) is is_recorded
    assert is_recorded or not sides.hold(hz)


@pytest.mark.parametrize("code", ["#1", "#2"])
async def test_a_callee_transfers_nobody(scene: Scene, code: str) -> None:
    talk = await recorded(scene, f"003319900141{4 if code == '#1' else 5}", "liege")
    before = len(scene.agents["ghent"].invites)
    talk.callee.silence()
    await keyed(talk.callee, f"{code}66")
    await scene.listen(talk.callee, 4)
    assert len(scene.agents["ghent"].invites) == before
    talk.callee.tone(AFTER)
    await talk.agent.until_hears(AFTER, 5)
    await talk.callee.until_hears(AGENT, 5)
    await sealed(scene, talk)


# A second callee, and a car park with several.


async def test_two_callees_who_are_brought_together_are_in_neither_recording(scene: Scene) -> None:
    """Each agreed to be recorded in their own call: what they say to each other is neither."""
    one = await recorded(scene, "0033199001416")
    await one.agent.hold()
    other = await recorded(scene, "0033199001417")
    other.callee.tone(STRANGER)
    await one.agent.transfer("61", other.agent)
    await one.callee.until_hears(STRANGER, 5)
    for talk in (one, other):
        await scene.watcher.until("call", talk.since, stage="accompanied", call=talk.id)
    one.callee.tone(CARD)
    await other.callee.until_hears(CARD, 5)
    await scene.listen(other.callee, 1)
    await other.callee.hangup()
    sides = await sealed(scene, one)
    await scene.watcher.until("sealed", other.since, call=other.id)
    others = Sides(*await scene.heard(other.id))
    assert not sides.hold(STRANGER)
    assert not sides.hold(CARD)
    assert not others.hold(CARD)


async def test_two_parked_callees_are_recorded_on_after_a_restart_of_callgate(scene: Scene) -> None:
    """They share the bridge of the car park, and hear each other as little as before."""
    talks = []
    for number in ("0033199001418", "0033199001419"):
        talks.append(await recorded(scene, number))
        await talks[-1].agent.transfer("700")
        await talks[-1].callee.until_hears(200, 5)
    await scene.lab.callgate.kill()
    since = scene.watcher.mark()
    await scene.lab.callgate.start()
    await scene.ready()
    for talk in talks:
        await scene.watcher.until("call", since, on="taken-up", call=talk.id)
    await scene.listen(talks[0].callee, 2)
    for talk in talks:
        await talk.callee.hangup()
        await scene.watcher.until("sealed", since, call=talk.id)
        sides = Sides(*await scene.heard(talk.id))
        assert audio.has_tone(tail(sides.callee, 1), AFTER)
        assert audio.has_tone(tail(sides.other, 1), 200)
        assert not await is_in_ledger(scene, talk.id, "recording-destroyed")
        assert not await is_in_ledger(scene, talk.id, "recording-paused")


# Before the conversation, and after it.


async def test_early_media_is_neither_recorded_nor_an_answer(scene: Scene) -> None:
    result = Result("early", "brussels", "0033199001353", "")
    since = scene.watcher.mark()
    agent = await scene.dial("brussels", result.dialled)
    callee = await scene.callee(digits(result.dialled))
    callee.tone(BEFORE)
    await callee.progress()
    await agent.until_hears(BEFORE, 5)
    assert not [fact for fact in scene.watcher.facts[since:] if fact.get("stage") == "identifying"]
    await callee.answer()
    call = await scene.stage("asking", since)
    await scene.listen(callee, 0.6)
    talk = Conversation(agent, callee, call, since)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    sides = await sealed(scene, talk)
    assert not sides.hold(BEFORE)


async def test_a_consent_is_for_one_call_and_who_is_called_back_is_asked_again(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001354")
    await sealed(scene, talk)
    await until(lambda: is_in_ledger(scene, talk.id, "closed"), "the first call closed", 15)
    result = Result("again", "brussels", "0033199001354", "")
    again = await asked(scene, result)
    await pressed(scene, again, "2")
    await both_talk(again, result)
    await hung_up(scene, again)
    not_recorded(scene, result, again.id)
    assert not result.failed


async def test_a_callee_who_forwards_is_not_followed(scene: Scene) -> None:
    before = len(scene.carrier.invites)
    agent = await scene.dial("brussels", "0033199001355")
    callee = await scene.callee("33199001355")
    host, port = scene.lab.place.sip
    await callee.reject(302, {"Contact": f"<sip:33199001356@{host}:{port}>"})
    await agent.until_ended(8)
    assert agent.answered_at is None
    assert [invite.user for invite in scene.carrier.invites[before:]] == ["33199001355"]


async def test_a_telephone_that_forwards_outside_passes_the_gate_or_reaches_nobody(scene: Scene) -> None:
    before = len(scene.carrier.invites)
    agent = await scene.dial("brussels", "66")
    ghent = await scene.callee("ghent")
    host, port = scene.lab.place.sip
    await ghent.reject(302, {"Contact": f"<sip:0033199001357@{host}:{port}>"})
    await agent.until_ended(15)
    assert scene.carrier.invites[before:] == []


async def test_a_callee_who_is_transferred_outside_passes_the_gate_or_reaches_nobody(scene: Scene) -> None:
    talk = await recorded(scene, "0033199001358")
    before = len(scene.carrier.invites)
    await talk.agent.transfer("0033199001359")
    await talk.callee.until_ended(15)
    assert scene.carrier.invites[before:] == []
