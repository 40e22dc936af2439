"""The closed list of prompts: their names, who hears them, the fields of their texts, how long they may last.

A prompt's name is a path, `callee/objected` or `identification/<campaign>/<centre>`. The two parts of the notice exist
once per campaign (and centre), and so does the key for another language; an override for `identification` holds for all
of them, one for `identification/<campaign>` for that campaign.
"""

from enum import StrEnum
from typing import Final

from callgate.core.reasons import ALLOWING, Reason

IDENTIFICATION: Final = "identification"
QUESTION: Final = "question"
CALLBACK: Final = "callback"
LANGUAGE: Final = "language"


class Callee(StrEnum):
    """What a callee hears after the notice."""

    THANKS_RECORDING = "callee/thanks-recording"
    THANKS_NO_RECORDING = "callee/thanks-no-recording"
    OBJECTED = "callee/objected"
    WITHDRAWN = "callee/withdrawn"
    APOLOGY = "callee/apology"
    DROPPED = "callee/dropped"
    NO_NUMBER = "callee/no-number"
    DECLINED = "callee/declined"


class Agent(StrEnum):
    """What an agent hears about a call that was allowed."""

    NOTICE_PLAYING = "agent/notice-playing"
    NOTICE_FAILED = "agent/notice-failed"
    CALLEE_OBJECTED = "agent/callee-objected"
    CALLEE_DECLINED = "agent/callee-declined"
    CALLEE_RECORDING = "agent/callee-recording"
    CALLEE_NOT_RECORDING = "agent/callee-not-recording"
    OBJECTION_NOTED = "agent/objection-noted"
    OBJECTION_UNCLEAR = "agent/objection-unclear"
    WITHDRAWN = "agent/withdrawn"
    PAUSED = "agent/paused"
    NOT_PAUSED = "agent/not-paused"
    RESUMED = "agent/resumed"
    NOT_RESUMED = "agent/not-resumed"


def blocked(reason: Reason) -> str:
    """The name of the prompt that tells an agent why the call was not made."""
    return f"blocked/{reason}"


BLOCKED: Final = tuple(blocked(reason) for reason in Reason if reason not in ALLOWING)


def identification(campaign: str, centre: str) -> str:
    """Who calls, for whom, why, where the privacy policy is, and the key that objects."""
    return f"{IDENTIFICATION}/{campaign}/{centre}"


def question(campaign: str) -> str:
    """May the call be recorded? Only campaigns that record ask."""
    return f"{QUESTION}/{campaign}"


def callback(campaign: str) -> str:
    """What somebody hears who calls back the number that a campaign shows."""
    return f"{CALLBACK}/{campaign}"


def language(campaign: str, key: str) -> str:
    """In a language of its own: which key changes to it."""
    return f"{LANGUAGE}/{campaign}/{key}"


FIELDS: Final[dict[str, frozenset[str]]] = {
    LANGUAGE: frozenset({"key"}),
    IDENTIFICATION: frozenset({"centre", "company", "purpose", "privacy_policy"}),
    CALLBACK: frozenset({"centres", "company", "purpose", "privacy_policy"}),
}
"""The fields that the texts of a kind carry, all of them and no others (GDPR Art. 13(1)(a) and (c), Art. 14)."""

NOTICE_LIMIT: Final = 12.0
"""Seconds for both parts of the notice together: nobody may talk to the callee before its end."""

_LIMITS: Final[dict[str, float]] = {
    IDENTIFICATION: NOTICE_LIMIT,
    QUESTION: NOTICE_LIMIT,
    # Whoever called listens of their own accord, and every centre of a company may be named.
    CALLBACK: 40.0,
    Callee.NO_NUMBER: 8.0,
    LANGUAGE: 2.0,
    "callee": 4.0,
    "agent": 4.0,
    "blocked": 3.0,
    # The agent has hung up: the callee must be free within a second.
    Callee.APOLOGY: 0.8,
    Callee.DROPPED: 3.0,
    # The agent hears it while the callee hears the notice, and must not talk over its end.
    Agent.NOTICE_PLAYING: 0.9,
    Agent.CALLEE_RECORDING: 1.5,
    Agent.CALLEE_NOT_RECORDING: 1.5,
    # The dialplan plays these by itself, within the time that it gives a call when callgate is dead.
    blocked(Reason.CALLGATE_UNAVAILABLE): 1.4,
    blocked(Reason.CALLGATE_TIMEOUT): 1.4,
}
"""Seconds, by name or else by kind."""

EVERYWHERE: Final = frozenset({*Callee, *Agent, *BLOCKED, IDENTIFICATION, QUESTION, CALLBACK, LANGUAGE})
"""The names that are the same for every operator."""


def kind(name: str) -> str:
    """The first step of a name: identification, question, callback, language, callee, agent or blocked."""
    return name.partition("/")[0]


def limit(name: str) -> float:
    """Seconds that a prompt may last, silence at its ends included."""
    return _LIMITS.get(name, _LIMITS[kind(name)])
