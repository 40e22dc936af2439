"""What the scenarios are made of: a call up to a point, a key, a conversation, and what must be so afterwards.

Tones tell who was heard when: a callee sounds BEFORE until it presses a key and AFTER from then on, the agent sounds
AGENT. What must not be recorded is BEFORE.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab import audio
from lab.process import LabError
from lab.scene import Result, Scene
from lab.sip import Call, Ended

BEFORE, AFTER, AGENT = 700, 1100, 1500
KEY_HEARD_S = 0.6
"""How far into the question a callee presses a key: nobody answers faster than they hear."""


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
    """The sealed recording holds what came after the key, each side on its own channel, and nothing from before it."""
    fact = await scene.watcher.until("sealed", talk.since, call=talk.id)
    callee, agent = await scene.heard(talk.id)
    result.recording = {"seconds": fact["seconds"], "sealed": True}
    result.claim("the recording holds the callee after the key", audio.has_tone(callee, AFTER))
    result.claim("the recording holds the agent", audio.has_tone(agent, AGENT))
    mixed = audio.has_tone(callee, AGENT) or audio.has_tone(agent, AFTER)
    result.claim("each is on a channel of their own", not mixed)
    result.claim("the recording holds nothing from before the key", not audio.has_tone(callee, BEFORE))
    result.claim("what is kept is sealed", b"RIFF" not in scene.recording(talk.id).read_bytes())
    result.claim("nothing is left in the spool", not any(talk.id in path.name for path in scene.spooled()))


async def objects_from_now_on(scene: Scene, result: Result) -> None:
    """The number is suppressed for every centre."""
    suppressed = Result("", "lille", result.dialled, "")
    await blocked(scene, suppressed)
    reason_is(suppressed, "objection")
    result.failed += [f"dialled again: {claim}" for claim in suppressed.failed]


async def in_ledger(scene: Scene, call: str, kind: str) -> list[dict[str, Any]]:
    """The payloads of the call's events of one kind, in the ledger's order."""
    shown = json.loads(await scene.callgate("ledger", "show", "--call", call, "--json"))
    return [event["payload"] for event in shown if event["event"] == kind]


async def is_in_ledger(scene: Scene, call: str, kind: str) -> bool:
    """Whether the ledger holds such an event of the call."""
    return bool(await in_ledger(scene, call, kind))


def ms(seconds: float) -> float:
    return round(seconds * 1000)
