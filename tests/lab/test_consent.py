"""What counts as consent on a real line, and what does not: which key, when, how it was sent, and in which language."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np
import pytest

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    Conversation,
    answered,
    asked,
    both_talk,
    hung_up,
    in_ledger,
    is_in_ledger,
    kept,
    not_recorded,
    pressed,
)
from lab.scene import Result, Scene
from lab.sip import By, Call

pytestmark = [
    pytest.mark.lab,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("left_in_order"),
]

Press = Callable[[Call, str], Awaitable[object]]


@pytest.mark.parametrize(
    ("centre", "number", "press"),
    [
        pytest.param("brussels", "0033199001320", Call.press_inband, id="in band"),
        pytest.param("liege", "0033199001321", Call.press_info, id="by SIP INFO"),
    ],
)
async def test_a_telephone_without_rfc_4733_consents_and_withdraws(
    scene: Scene, centre: str, number: str, press: Press
) -> None:
    result = Result("keys", centre, number, "")
    scene.carrier.telephone_events = scene.carrier2.telephone_events = False
    try:
        talk = await asked(scene, result)
    finally:
        scene.carrier.telephone_events = scene.carrier2.telephone_events = True
    talk.callee.silence()
    await press(talk.callee, "1")
    await both_talk(talk, result)
    assert any(talk.id in path.name for path in scene.spooled())
    talk.callee.silence()
    await press(talk.callee, "*")
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    await hung_up(scene, talk)
    not_recorded(scene, result, talk.id)
    assert not result.failed


@pytest.mark.parametrize("telephone_events", [True, False])
async def test_a_voicemail_that_answers_does_not_consent(scene: Scene, telephone_events: bool) -> None:
    """It speaks, it beeps, it listens: and nothing of that is a key."""
    result = Result("voicemail", "brussels", "0033199001322", "")
    scene.carrier.telephone_events = telephone_events
    try:
        talk = await answered(scene, result)
    finally:
        scene.carrier.telephone_events = True
    greeting = audio.read_wav(scene.lab.place.prompts / "current" / "fr" / "callee" / "dropped.wav")
    talk.callee.silence()
    await talk.callee.play(np.concatenate((greeting, audio.tone(1000, 0.5))))
    await talk.agent.until_answered(25)
    await hung_up(scene, talk)
    assert not await is_in_ledger(scene, talk.id, "consent")
    assert [refusal["answer"] for refusal in await in_ledger(scene, talk.id, "refusal")] == ["silent"]
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_noise_keys_neither_agree_nor_hurry_the_question(scene: Scene) -> None:
    result = Result("noise", "brussels", "0033199001323", "")
    talk = await asked(scene, result)
    for key in "350*":
        await talk.callee.press(key)
    await talk.agent.until_answered(25)
    await hung_up(scene, talk)
    assert not await is_in_ledger(scene, talk.id, "consent")
    assert not await is_in_ledger(scene, talk.id, "withdrawal")
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_a_campaign_may_announce_without_asking_and_then_records_nothing(scene: Scene) -> None:
    result = Result("announced", "ghent", "0033199001324", "")
    talk = await answered(scene, result)
    await talk.agent.until_answered(15)
    talk.callee.tone(AFTER)
    talk.agent.tone(AGENT)
    await talk.callee.until_hears(AGENT, 5)
    await hung_up(scene, talk)
    assert "asking" in {fact.get("stage") for fact in scene.watcher.facts[talk.since :]}
    assert not await is_in_ledger(scene, talk.id, "refusal")
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_the_agent_hears_all_the_while_that_the_notice_plays(scene: Scene) -> None:
    result = Result("told", "brussels", "0033199001329", "")
    talk = await asked(scene, result)
    await talk.agent.until_answered(25)
    early = talk.agent.heard_early()
    told = audio.speech_spans(early, pause=1)
    assert len(told) >= 3
    pauses = [after - before for (_, before), (after, _) in pairwise([(0, 0), *told, (len(early) / audio.RATE, 0)])]
    assert max(pauses) < 4
    await hung_up(scene, talk)


async def test_the_operators_limit_on_a_call_holds_in_the_conversation(scene: Scene) -> None:
    result = Result("limited", "ghent", "640033199001338", "")
    began = asyncio.get_running_loop().time()
    agent = await scene.dial(result.from_, result.dialled)
    callee = await scene.callee("33199001338")
    await callee.answer()
    await agent.until_answered(15)
    agent.tone(AGENT)
    await callee.until_hears(AGENT, 5)
    ended = [await leg.until_ended(20) for leg in (callee, agent)]
    assert all(end.by is By.PEER for end in ended)
    assert 15 <= ended[0].at - began < 18


async def ended_without_consent(scene: Scene, talk: Conversation) -> None:
    """The callee was told and let go; the agent, who was told too, never spoke with them."""
    at = asyncio.get_running_loop().time()
    ended = await talk.callee.until_ended(20)
    assert ended.by is By.PEER
    assert audio.speech_spans(talk.callee.heard_between(at, ended.at))
    await talk.agent.until_ended(10)
    assert talk.agent.answered_at is None
    assert audio.speech_spans(talk.agent.heard_early()[-3 * audio.RATE :])
    assert not audio.has_tone(talk.agent.heard_early(), AFTER)


async def test_without_consent_a_call_ends_where_the_campaign_says_so(scene: Scene) -> None:
    result = Result("strict", "liege", "0033199001325", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await ended_without_consent(scene, talk)
    assert [refusal["answer"] for refusal in await in_ledger(scene, talk.id, "refusal")] == ["refused"]
    assert not await is_in_ledger(scene, talk.id, "connected")
    not_recorded(scene, result, talk.id)
    assert not result.failed


async def test_a_callee_who_stays_silent_is_asked_again_and_then_taken_for_a_no(scene: Scene) -> None:
    result = Result("asked-twice", "liege", "0033199001326", "")
    talk = await asked(scene, result)
    await ended_without_consent(scene, talk)
    (refusal,) = await in_ledger(scene, talk.id, "refusal")
    questions = [part for part in refusal["played"] if part["prompt"].startswith("question/")]
    assert [part["whole"] for part in questions] == [True, True]


async def test_the_second_asking_may_be_answered(scene: Scene) -> None:
    result = Result("second-asking", "liege", "0033199001327", "")
    talk = await asked(scene, result)
    # The question lasts some 4 s and its silence 3 s; then it is asked again.
    await scene.listen(talk.callee, 7.5)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await kept(scene, result, talk)
    assert not result.failed


async def test_a_question_that_is_repeated_by_key_plays_from_its_beginning(scene: Scene) -> None:
    result = Result("repeated", "brussels", "0033199001328", "")
    talk = await asked(scene, result)
    await scene.listen(talk.callee, 1)
    await talk.callee.press("#")
    await scene.listen(talk.callee, 1)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    (proof,) = await in_ledger(scene, talk.id, "consent")
    questions = [part for part in proof["heard"] if part["name"].startswith("question/")]
    assert [part["whole"] for part in questions] == [False, False]
    assert all(part["milliseconds"] > 500 for part in questions)


@pytest.mark.parametrize(("number", "at_question"), [("0033199001329", False), ("0033199001330", True)])
async def test_another_language_begins_the_notice_anew_and_the_proof_says_so(
    scene: Scene, number: str, at_question: bool
) -> None:
    result = Result("language", "liege", number, "")
    talk = await (asked if at_question else answered)(scene, result)
    await scene.listen(talk.callee, 1)
    since = scene.watcher.mark()
    await talk.callee.press("4")
    await scene.stage("asking", since)
    await scene.listen(talk.callee, 0.6)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await pressed(scene, talk, "*")  # its confirmation is in the new language: the dialplan takes it from the channel
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    await hung_up(scene, talk)
    (proof,) = await in_ledger(scene, talk.id, "consent")
    heard = [(part["name"].split("/")[0], part["language"]) for part in proof["heard"]]
    before = [("identification", "fr"), ("language", "nl"), ("question", "fr")]
    assert heard == [*before[: 3 if at_question else 1], ("identification", "nl"), ("question", "nl")]
    assert [part["whole"] for part in proof["heard"]][-2:] == [True, False]
    assert not result.failed
