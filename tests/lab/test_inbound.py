"""Somebody calls back the number that they were shown, with a real telephone call, and objects."""

import asyncio
import json

import pytest

from lab import audio
from lab.conversation import objects_from_now_on
from lab.scene import Result, Scene

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="session")]

SHOWN = "3225550199"


async def test_whoever_calls_back_hears_who_calls_and_the_key_ends_all_calls(scene: Scene) -> None:
    caller = "33199001601"
    call = await scene.carrier.dial(SHOWN, scene.lab.place.sip, caller=caller)
    await call.until_answered(5)
    await call.until_speech(5)
    await scene.listen(call, 2)
    at = asyncio.get_running_loop().time()
    await call.press("9")
    ended = await call.until_ended(10)
    assert audio.speech_spans(call.heard_between(at + 0.3, ended.at)), "it is said that it is noted"
    fact = await scene.watcher.until("called-back")
    campaigns = fact["campaigns"]
    assert isinstance(campaigns, list)
    assert "spring" in campaigns, "those who show that number"
    assert fact["objected"] is True
    again = Result("called-back", "lille", f"00{caller}", "")
    await objects_from_now_on(scene, again)
    assert not again.failed, "\n".join(again.failed)
    shown = json.loads(await scene.callgate("suppress", "show", f"+{caller}", "--json"))
    assert [(one["event"], one["controller"]) for one in shown] == [("objection", "acme")]


async def test_whoever_shows_no_number_hears_all_of_it_and_is_blocked_from_nothing(scene: Scene) -> None:
    call = await scene.carrier.dial(SHOWN, scene.lab.place.sip, caller="anonymous")
    since = scene.watcher.mark()
    await call.until_answered(5)
    await call.until_speech(5)
    await call.press("9")
    await call.until_ended(15)
    assert (await scene.watcher.until("called-back", since))["objected"] is False


async def test_with_callgate_dead_the_caller_hears_of_a_fault_and_is_let_go(scene: Scene) -> None:
    await scene.lab.callgate.stop()
    try:
        call = await scene.carrier.dial(SHOWN, scene.lab.place.sip, caller="33199001602")
        await call.until_answered(5)
        await call.until_ended(12)
        assert audio.speech_spans(call.heard())
    finally:
        await scene.lab.callgate.start()
    await scene.lab.no_channels()
