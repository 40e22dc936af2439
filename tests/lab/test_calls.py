"""Every promise, as a real call through a real Asterisk, looked at from both ends."""

import asyncio
import re
from contextlib import suppress

import pytest

from lab import audio
from lab.conversation import AFTER, AGENT, BEFORE, answered, asked, both_talk, hung_up, is_in_ledger, pressed
from lab.scenarios import SCENARIOS, Scenario
from lab.scene import Result, Scene
from lab.sip import CallEnded

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_call_ends_as_promised(scene: Scene, scenario: Scenario) -> None:
    result = await scenario.run(scene)
    assert not result.failed, "\n".join(result.failed)


async def test_a_key_pressed_before_the_question_is_no_consent(scene: Scene) -> None:
    result = Result("early", "brussels", "0033199001301", "")
    talk = await answered(scene, result)
    await scene.listen(talk.callee, 1)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    assert not result.failed
    assert not scene.recording(talk.id).exists()
    assert not await is_in_ledger(scene, talk.id, "consent")


async def test_a_wrong_key_is_no_consent_and_the_right_one_after_it_is(scene: Scene) -> None:
    result = Result("wrong-key", "brussels", "0033199001302", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "5")
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    await scene.watcher.until("sealed", talk.since, call=talk.id)
    callee, _ = await scene.heard(talk.id)
    assert not audio.has_tone(callee, BEFORE)


async def test_a_callee_who_hangs_up_during_the_notice_leaves_nothing(scene: Scene) -> None:
    result = Result("left", "lille", "0033199001303", "")
    talk = await answered(scene, result)
    await scene.listen(talk.callee, 1)
    await talk.callee.hangup()
    await talk.agent.until_ended(5)
    await scene.stage("closed", talk.since)
    assert not await is_in_ledger(scene, talk.id, "dropped")
    await scene.lab.no_channels()


async def test_objecting_in_mid_call_ends_it_thanked_and_keeps_what_was_consented_to(scene: Scene) -> None:
    result = Result("mid-call", "brussels", "0033199001304", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    at = asyncio.get_running_loop().time()
    await talk.callee.press("9")
    ended = await talk.callee.until_ended(8)
    assert audio.speech_spans(talk.callee.heard_between(at + 0.3, ended.at))
    await talk.agent.until_ended(8)
    await scene.watcher.until("sealed", talk.since, call=talk.id)
    assert await is_in_ledger(scene, talk.id, "objection")


async def test_the_agents_own_star_does_not_stop_the_recording(scene: Scene) -> None:
    result = Result("agents-star", "brussels", "0033199001305", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await talk.agent.press("*")
    await talk.agent.press("1")
    await hung_up(scene, talk)
    fact = await scene.watcher.until("sealed", talk.since, call=talk.id)
    assert fact["call"] == talk.id
    assert not await is_in_ledger(scene, talk.id, "withdrawal")


async def test_a_withdrawal_holds_with_callgate_dead_and_is_entered_when_it_is_back(scene: Scene) -> None:
    result = Result("withdrawn-dead", "brussels", "0033199001306", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await scene.lab.callgate.kill()
    await talk.callee.press("*")
    await talk.callee.until_speech(5, since=asyncio.get_running_loop().time())
    await scene.lab.callgate.start()
    assert await is_in_ledger(scene, talk.id, "withdrawal")
    assert not any(talk.id in path.name for path in scene.spooled())
    await talk.agent.hangup()
    await talk.callee.until_ended(5)
    await scene.lab.no_channels()
    assert not scene.recording(talk.id).exists()


async def test_an_objection_in_mid_call_holds_with_callgate_dead(scene: Scene) -> None:
    result = Result("objected-dead", "brussels", "0033199001307", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    await scene.lab.callgate.kill()
    with suppress(CallEnded):  # faster than the key's last packet
        await talk.callee.press("9")
    await talk.callee.until_ended(8)
    await scene.lab.callgate.start()
    assert await is_in_ledger(scene, talk.id, "objection")


async def test_a_recording_is_sealed_after_callgate_was_killed_in_mid_call(scene: Scene) -> None:
    result = Result("killed", "brussels", "0033199001308", "")
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await scene.lab.callgate.kill()
    since = scene.watcher.mark()
    await scene.lab.callgate.start()
    await talk.agent.hangup()
    await talk.callee.until_ended(5)
    await scene.watcher.until("sealed", since, call=talk.id)
    callee, agent = await scene.heard(talk.id)
    assert audio.has_tone(callee, AFTER)
    assert audio.has_tone(agent, AGENT)
    assert not audio.has_tone(callee, BEFORE)


async def test_a_block_made_while_callgate_was_down_is_entered_late(scene: Scene) -> None:
    await scene.lab.callgate.stop()
    agent = await scene.dial("brussels", "0033199001309")
    await agent.until_ended(8)
    await scene.lab.callgate.start()
    assert '"late": true' in await scene.callgate("ledger", "show", "--json")


async def test_no_number_of_a_person_is_in_callgates_log(scene: Scene) -> None:
    log = scene.lab.callgate.log.read_text()
    assert "ready" in log
    assert "1990012" not in log
    assert "1990013" not in log


async def test_a_stranger_cannot_speak_for_a_callee_over_fastagi(scene: Scene) -> None:
    result = Result("stranger", "brussels", "0033199001310", "")
    talk = await asked(scene, result)
    for script in ("object", "withdraw", "answer", "heard"):
        reader, writer = await asyncio.open_connection(*scene.lab.place.agi)
        head = {
            "network": "yes",
            "network_script": script,
            "request": f"agi://callgate/{script}",
            "channel": "PJSIP/carrier-00000001",
            "uniqueid": "1.1",
            "callerid": "unknown",
            "arg_1": talk.id,
        }
        writer.write("".join(f"agi_{name}: {value}\n" for name, value in head.items()).encode() + b"\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    assert not await is_in_ledger(scene, talk.id, "objection")


FORGED = "%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aUniqueid%3a%20"


async def test_dialled_line_ends_forge_no_event_and_hide_no_leg(scene: Scene) -> None:
    """Asterisk writes what was dialled into AMI events as it came; pbx/whole.py."""
    result = Result("forged", "brussels", "0033199001310", "")
    talk = await answered(scene, result)
    victim = re.search(
        r"^PJSIP/carrier-\S+!.*!(\S+)$", await scene.lab.asterisk.cli("core show channels concise"), re.M
    )
    assert victim
    since = scene.watcher.mark()
    around = await scene.dial("lille", f"770033199001311{FORGED}{victim[1]}")
    alarm = await scene.watcher.until("alarm", since, alarm="event-forged")
    assert alarm["endpoint"] == "PJSIP/lille"
    await around.until_ended(3)
    await both_talk(talk, result)
    await hung_up(scene, talk)
    assert not result.failed
