"""The calls that show each promise. `python -m lab demo` runs them all; tests/lab runs each as a test.

Callees are numbers kept for fiction: +33 1 99 00 … in France, +44 20 7946 0… on the United Kingdom's list. Each
scenario has a number of its own, since an objection is for ever.

Tones tell who was heard when: a callee sounds BEFORE until it presses a key and AFTER from then on, the agent sounds
AGENT. What must not be recorded is BEFORE.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from lab import audio
from lab.process import LabError
from lab.scene import Result, Scene
from lab.sip import By, Call, CallEnded, Ended

BEFORE, AFTER, AGENT = 700, 1100, 1500
KEY_HEARD_S = 0.6
"""How far into the question a callee presses a key: nobody answers faster than they hear."""

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


def digits(dialled: str) -> str:
    """What the carrier sees of a number that was dialled with 00 or +."""
    return dialled.removeprefix("00").removeprefix("+")


# Pieces that scenarios are made of.


@dataclass(slots=True)
class Conversation:
    """Both ends of a call, and its CALLGATE_ID."""

    agent: Call
    callee: Call
    id: str
    since: int


async def answered(scene: Scene, result: Result) -> Conversation:
    """The agent dials and the callee answers; the notice begins."""
    since = scene.watcher.mark()
    scene.say(f"{result.from_} dials {result.dialled}")
    agent = await scene.dial(result.from_, result.dialled)
    callee = await scene.callee(digits(result.dialled))
    result.carrier_rang = True
    callee.tone(BEFORE)
    await callee.answer()
    scene.say("the callee answers; the notice plays")
    call = await scene.stage("identifying", since)
    return Conversation(agent, callee, call, since)


async def asked(scene: Scene, result: Result) -> Conversation:
    """As `answered`, until the callee has heard the question begin."""
    talk = await answered(scene, result)
    await scene.stage("asking", talk.since)
    await scene.listen(talk.callee, KEY_HEARD_S)
    return talk


async def pressed(scene: Scene, talk: Conversation, key: str) -> None:
    """The callee presses a key, and sounds differently from then on."""
    scene.say(f"the callee presses {key}")
    talk.callee.tone(AFTER)
    await talk.callee.press(key)


async def both_talk(talk: Conversation, result: Result) -> None:
    """Agent and callee hear each other."""
    await talk.agent.until_answered(20)
    talk.agent.tone(AGENT)
    talk.callee.tone(AFTER)
    await talk.callee.until_hears(AGENT, 5)
    await talk.agent.until_hears(AFTER, 5)
    notice_was_heard(talk, result)


def notice_was_heard(talk: Conversation, result: Result) -> None:
    """The callee heard speech for the length of a notice, and nothing of the agent before it had ended."""
    speech = sum(end - start for start, end in audio.speech_spans(talk.callee.heard()))
    result.notice_played = speech > 5
    result.claim(f"the callee heard the notice (heard {speech:.1f} s of speech)", result.notice_played)
    result.claim("the agent heard that the notice plays", bool(audio.speech_spans(talk.agent.heard_early())))


async def hung_up(scene: Scene, talk: Conversation) -> None:
    """The agent ends the call; both legs are gone."""
    scene.say("the agent hangs up")
    await talk.agent.hangup()
    await talk.callee.until_ended(5)
    await scene.stage("closed", talk.since)


async def blocked(scene: Scene, result: Result, centre: str = "", within: float = 8.0) -> Ended:
    """A dial that is refused: the agent hears why before a 403, is never answered, and the carrier sees nothing."""
    since = scene.watcher.mark()
    before = len(scene.carrier.invites)
    scene.say(f"{centre or result.from_} dials {result.dialled}")
    agent = await scene.dial(centre or result.from_, result.dialled)
    ended = await agent.until_ended(within)
    result.outcome = "blocked"
    result.claim(f"the agent gets 403 (got {ended.status})", ended.status == 403)
    result.claim("the agent is never answered", agent.answered_at is None)
    result.claim("the agent hears why", bool(audio.speech_spans(agent.heard_early())))
    result.claim("the carrier gets no INVITE", len(scene.carrier.invites) == before)
    with suppress(LabError):
        fact = await scene.watcher.until("block", since, within=0.5)
        result.reason = str(fact["reason"])
    return ended


def reason_is(result: Result, reason: str) -> None:
    """The block was told with this reason."""
    result.claim(f"the reason is {reason} (is {result.reason or 'not told'})", result.reason == reason)


def not_recorded(scene: Scene, result: Result, call: str) -> None:
    """There is no file of the call anywhere."""
    files = [path for path in (*scene.spooled(), scene.recording(call)) if call in path.name and path.exists()]
    result.claim(f"there is no recording (found {[path.name for path in files]})", not files)


async def kept(scene: Scene, result: Result, talk: Conversation) -> None:
    """The sealed recording holds what came after the key, of both sides, and nothing from before it."""
    fact = await scene.watcher.until("sealed", talk.since, call=talk.id)
    samples = audio.read_wav(scene.recording(talk.id))
    result.recording = {"seconds": fact["seconds"], "sealed": True}
    result.claim("the recording holds the callee after the key", audio.has_tone(samples, AFTER))
    result.claim("the recording holds the agent", audio.has_tone(samples, AGENT))
    result.claim("the recording holds nothing from before the key", not audio.has_tone(samples, BEFORE))
    result.claim("nothing is left in the spool", not any(talk.id in path.name for path in scene.spooled()))


async def objects_from_now_on(scene: Scene, result: Result) -> None:
    """The number is suppressed for every centre."""
    suppressed = Result("", "lille", result.dialled, "")
    await blocked(scene, suppressed)
    reason_is(suppressed, "objection")
    result.failed += [f"dialled again: {claim}" for claim in suppressed.failed]


# The calls.


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
    spooled = scene.lab.place.recordings / f"{talk.id}.wav"
    result.claim("the call is being recorded", spooled.exists())
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
    result.noted["rang_ms"] = _ms(callee.ended.at - scene.carrier.invites[-1].at if callee.ended else 0)


@scenario("emergency", "brussels", "112", "connected at once")
async def emergency(scene: Scene, result: Result) -> None:
    await emergency_call(scene, result)
    result.outcome = "connected at once"


async def emergency_call(scene: Scene, result: Result) -> None:
    """112 passes: no notice, no recording, the site's caller ID."""
    scene.say("the agent dials 112")
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
    result.claim("nothing was recorded", not scene.spooled())
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
    result.noted["cut_off_ms"] = _ms(took)
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
    result.noted["free_ms"] = _ms(took)
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


async def is_in_ledger(scene: Scene, call: str, kind: str) -> bool:
    """Whether the ledger holds such an event of the call."""
    shown = json.loads(await scene.callgate("ledger", "show", "--call", call, "--json"))
    return any(event["event"] == kind for event in shown)


def _ms(seconds: float) -> float:
    return round(seconds * 1000)
