"""The calls that show each promise. `python -m lab demo` runs them all; tests/lab runs each as a test.

Callees are numbers kept for fiction: +33 1 99 00 … in France, +44 20 7946 0… on the United Kingdom's list. Each
scenario has a number of its own, since an objection is for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from lab import audio
from lab.conversation import (
    AFTER,
    AGENT,
    answered,
    asked,
    blocked,
    both_talk,
    digits,
    hung_up,
    is_in_ledger,
    kept,
    ms,
    not_recorded,
    objects_from_now_on,
    pressed,
    reason_is,
)
from lab.process import LabError
from lab.scene import Result, Scene
from lab.sip import By, CallEnded

Play = Callable[[Scene, Result], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call, or a few that belong together."""

    name: str
    centre: str
    dialled: str
    expected: str
    play: Play

    async def run(self, scene: Scene) -> Result:
        """Play it; whatever goes wrong is a failed claim. Phones and programs are left as they were found."""
        result = Result(self.name, self.centre, self.dialled, self.expected)
        try:
            await self.play(scene, result)
        except (LabError, CallEnded, TimeoutError) as error:
            result.failed.append(f"{type(error).__name__}: {error}")
        finally:
            await restored(scene)
        try:
            await scene.quiet()
        except (LabError, TimeoutError) as error:
            result.failed.append(f"afterwards: {error}")
        return result


async def restored(scene: Scene) -> None:
    """Every program of the lab runs again."""
    lab = scene.lab
    with suppress(LabError):
        lab.callgate.thaw()
    if not lab.redis.running:
        await lab.redis.start()
    if not lab.callgate.running:
        await lab.callgate.start()
    await scene.ready()


SCENARIOS: list[Scenario] = []


def scenario(name: str, centre: str, dialled: str, expected: str) -> Callable[[Play], Play]:
    """Enter a scenario in the list."""

    def enter(play: Play) -> Play:
        SCENARIOS.append(Scenario(name, centre, dialled, expected, play))
        return play

    return enter


@scenario("consented", "brussels", "0033199001201", "connected and recorded")
async def consented(scene: Scene, result: Result) -> None:
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    result.outcome = "connected and recorded"
    await kept(scene, result, talk)


@scenario("refused", "brussels", "0033199001202", "connected, not recorded")
async def refused(scene: Scene, result: Result) -> None:
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    result.outcome = "connected, not recorded"
    not_recorded(scene, result, talk.id)


@scenario("silent", "lille", "0033199001203", "connected, not recorded")
async def silent(scene: Scene, result: Result) -> None:
    talk = await asked(scene, result)
    scene.say("the callee presses nothing")
    await both_talk(talk, result)
    await hung_up(scene, talk)
    result.outcome = "connected, not recorded"
    not_recorded(scene, result, talk.id)


@scenario("objects", "brussels", "0033199001204", "thanked and ended, suppressed")
async def objects(scene: Scene, result: Result) -> None:
    talk = await answered(scene, result)
    await scene.listen(talk.callee, 1.5)
    at = asyncio.get_running_loop().time()
    await pressed(scene, talk, "9")
    ended = await talk.callee.until_ended(8)
    thanks = audio.speech_spans(talk.callee.heard_between(at + 0.3, ended.at))
    result.outcome, result.notice_played = "thanked and ended, suppressed", True
    result.claim("the callee is thanked", bool(thanks))
    result.claim("callgate ends the call", ended.by is By.PEER)
    await talk.agent.until_ended(8)
    result.claim("the agent was never bridged", not audio.has_tone(talk.agent.heard_early(), AFTER))
    await objects_from_now_on(scene, result)


@scenario("objected-elsewhere", "lille", "0033199001204", "blocked")
async def objected_elsewhere(scene: Scene, result: Result) -> None:
    scene.say("the number that objected at brussels a moment ago")
    await blocked(scene, result)
    reason_is(result, "objection")


@scenario("objects-orally", "brussels", "0033199001205", "connected, suppressed by the agent's key")
async def objects_orally(scene: Scene, result: Result) -> None:
    talk = await asked(scene, result)
    await pressed(scene, talk, "2")
    await both_talk(talk, result)
    scene.say("the callee says: never again; the agent presses *9")
    await talk.agent.press("*")
    await talk.agent.press("9")
    await scene.watcher.until("objection", talk.since, call=talk.id)
    await hung_up(scene, talk)
    await objects_from_now_on(scene, result)

    later = Result("", "brussels", "0033199001206", "")
    talk = await asked(scene, later)
    await pressed(scene, talk, "2")
    await both_talk(talk, later)
    await hung_up(scene, talk)
    scene.say("the agent dials *9 after the call")
    hot = await scene.dial("brussels", "*9")
    await scene.watcher.until("objection", talk.since, call=talk.id)
    await hot.until_ended(8)
    result.claim("the agent hears that it is noted", bool(audio.speech_spans(hot.heard())))
    await objects_from_now_on(scene, later)
    result.failed += [f"after the call: {claim}" for claim in later.failed]
    result.outcome = "connected, suppressed by the agent's key"


@scenario("national-list", "brussels", "00442079460201", "blocked")
async def national_list(scene: Scene, result: Result) -> None:
    await blocked(scene, result)
    reason_is(result, "national-list")


@scenario("no-contract", "casablanca", "0033199001207", "blocked")
async def no_contract(scene: Scene, result: Result) -> None:
    since = scene.watcher.mark()
    await blocked(scene, result)
    reason_is(result, "no-transfer-basis")
    fact = await scene.watcher.until("block", since)
    detail = str(fact["detail"])
    result.claim(f"the reason names what is missing ({detail})", "contractual clauses are missing" in detail)


@scenario("withdrawn", "brussels", "0033199001208", "connected, recording destroyed")
async def withdrawn(scene: Scene, result: Result) -> None:
    talk = await asked(scene, result)
    await pressed(scene, talk, "1")
    await both_talk(talk, result)
    result.claim("the call is being recorded", len([path for path in scene.spooled() if talk.id in path.name]) == 2)
    await pressed(scene, talk, "*")
    await scene.watcher.until("withdrawal", talk.since, call=talk.id)
    at = asyncio.get_running_loop().time()
    await talk.callee.until_speech(5, since=at - 0.5)
    scene.say("the recording is destroyed; the call goes on")
    await talk.callee.until_hears(AGENT, 8, since=at + 2.5)
    not_recorded(scene, result, talk.id)
    await hung_up(scene, talk)
    not_recorded(scene, result, talk.id)
    result.outcome = "connected, recording destroyed"


@scenario("bypass", "brussels", "770033199001209", "hung up by the guard")
async def bypass(scene: Scene, result: Result) -> None:
    since = scene.watcher.mark()
    number = "0033199001209"
    scene.say("the agent dials the trunk around the gate")
    agent = await scene.dial("brussels", result.dialled)
    callee = await scene.callee(number)
    result.carrier_rang = True
    await callee.until_ended(3)
    await scene.watcher.until("alarm", since, alarm="bypass")
    await agent.until_ended(5)
    result.claim("the callee was never connected", callee.answered_at is None)
    result.outcome = "hung up by the guard"
    result.noted["rang_ms"] = ms(callee.ended.at - scene.carrier.invites[-1].at if callee.ended else 0)


@scenario("emergency", "brussels", "112", "connected at once")
async def emergency(scene: Scene, result: Result) -> None:
    await emergency_call(scene, result)
    result.outcome = "connected at once"


async def emergency_call(scene: Scene, result: Result) -> None:
    """112 passes: no notice, no recording, the site's caller ID."""
    scene.say("the agent dials 112")
    before = scene.spooled()
    agent = await scene.dial("brussels", "112")
    callee = await scene.callee("112")
    result.carrier_rang = True
    await callee.answer()
    await agent.until_answered(3)
    callee.tone(AFTER)
    agent.tone(AGENT)
    await callee.until_hears(AGENT, 3)
    await agent.until_hears(AFTER, 3)
    result.claim("nothing was announced", not audio.speech_spans(callee.heard()))
    result.claim("nothing was recorded", scene.spooled() == before)
    await agent.hangup()
    await callee.until_ended(5)


@scenario("store-down", "brussels", "0033199001210", "blocked; passes again when Redis is back")
async def store_down(scene: Scene, result: Result) -> None:
    scene.say("Redis is stopped")
    await scene.lab.redis.stop()
    await blocked(scene, result)
    reason_is(result, "store-unavailable")
    scene.say("Redis is back, and empty")
    await scene.lab.redis.start()
    await scene.ready()
    talk = await answered(scene, result)
    await hung_up(scene, talk)
    result.outcome = "blocked; passes again when Redis is back"


@scenario("gate-down", "brussels", "0033199001211", "blocked by the dialplan; 112 passes")
async def gate_down(scene: Scene, result: Result) -> None:
    scene.say("callgate is stopped")
    await scene.lab.callgate.stop()
    await blocked(scene, result)
    await emergency_call(scene, result)
    result.carrier_rang = scene.invites(digits(result.dialled)) > 0
    result.reason = "callgate-unavailable"
    result.outcome = "blocked by the dialplan; 112 passes"


@scenario("gate-hangs", "brussels", "0033199001212", "cut off within 3 s")
async def gate_hangs(scene: Scene, result: Result) -> None:
    scene.say("callgate is frozen")
    scene.lab.callgate.freeze()
    began = asyncio.get_running_loop().time()
    ended = await blocked(scene, result)
    took = ended.at - began
    result.noted["cut_off_ms"] = ms(took)
    result.claim(f"it takes less than 3 s (took {took:.2f} s)", took < 3)
    await scene.lab.no_channels(1)
    result.reason = "callgate-timeout"
    result.outcome = "cut off within 3 s"


@scenario("answer-dead", "brussels", "0033199001213", "the callee is dropped")
async def answer_dead(scene: Scene, result: Result) -> None:
    agent = await scene.dial("brussels", result.dialled)
    callee = await scene.callee(digits(result.dialled))
    result.carrier_rang = True
    scene.say("callgate dies while the callee's phone rings")
    await scene.lab.callgate.kill()
    callee.tone(AFTER)
    agent.tone(AGENT)
    await callee.answer()
    await callee.until_ended(5)
    await agent.until_ended(8)
    result.claim("the callee never heard the agent", not audio.has_tone(callee.heard(), AGENT))
    result.claim("the agent never heard the callee", not audio.has_tone(agent.heard_early(), AFTER))
    result.claim("the agent hears why", bool(audio.speech_spans(agent.heard_early())))
    result.outcome = "the callee is dropped"


@scenario("abandoned", "brussels", "0033199001214", "apology, free within a second")
async def abandoned(scene: Scene, result: Result) -> None:
    talk = await answered(scene, result)
    await scene.listen(talk.callee, 2)
    scene.say("the agent hangs up while the notice plays")
    left = asyncio.get_running_loop().time()
    await talk.agent.hangup()
    ended = await talk.callee.until_ended(5)
    took = ended.at - left
    result.noted["free_ms"] = ms(took)
    result.claim(f"the callee is free within a second (took {took:.2f} s)", took < 1)
    # The notice breaks off, there is a gap, and then the apology: speech that begins after the agent has left.
    spans = audio.speech_spans(talk.callee.heard_between(left + 0.05, ended.at), pause=0.02)
    result.claim("the callee hears an apology", bool(spans))
    await scene.stage("leaving", talk.since)
    result.claim("it is counted as abandoned", await is_in_ledger(scene, talk.id, "abandoned"))
    result.notice_played = False
    result.outcome = "apology, free within a second"


@scenario("injection", "brussels", "0033199001215%40carrier%26PJSIP%2F0033199001216", "blocked")
async def injection(scene: Scene, result: Result) -> None:
    hostile = [
        result.dialled,
        "0033199001215%2C30%2CU(x)",
        "0033199001215%25",
        "0033199001215%26Local%2F112%40agents",
        "0033199001215%22%5D%3F",
        "0033199001215)%2Cspring",
    ]
    for dialled in hostile:
        tried = Result("", "brussels", dialled, "")
        await blocked(scene, tried)
        result.failed += [f"{dialled}: {claim}" for claim in tried.failed]
    result.outcome, result.reason = "blocked", "bad-number"
