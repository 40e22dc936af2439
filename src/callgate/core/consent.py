"""What a key says while the notice and the question play: a pure function from keys to answers.

Consent is "freely given, specific, informed and unambiguous" (GDPR Art. 4(11)). So the key that agrees counts only
after the question began; a wrong key, silence or a hang-up is no consent; and the key that objects works at once. Who
cannot follow the language was not informed: a key changes it, and the notice begins anew in the other.

A voicemail does not consent: it presses nothing, however often it is asked, and silence is no.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

AGREE: Final = "1"
REFUSE: Final = "2"
OBJECT: Final = "9"
REPEAT: Final = "#"
WAKE: Final = "D"
"""Not on a telephone's keypad. callgate queues it on the callee's channel to end a prompt when the agent has left."""

LANGUAGE_KEYS: Final = "345678"
"""The keys that a campaign may give to a language."""

HEARD_MS: Final = 250
"""A key that ends earlier than this into the question was begun before it (people hold a key for 100 to 250 ms)."""

REPEATS: Final = 3
"""How often a callee may have a part played again, and change the language: a key that is stuck holds nobody."""


class Part(StrEnum):
    """The two parts of the notice."""

    IDENTIFICATION = "identification"
    QUESTION = "question"


class Answer(StrEnum):
    """What a key meant."""

    AGREED = "agreed"
    REFUSED = "refused"
    OBJECTED = "objected"
    REPEATED = "repeated"
    SWITCHED = "switched"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a campaign asks for consent, and what it does without it.

    The question is asked `times` times before silence is taken for an answer, with `answer_s` seconds for it each time.
    `languages` is by the key that changes to it. Where `goes_on` is False, a call without consent ends.
    """

    times: int = 1
    answer_s: float = 4.0
    languages: Mapping[str, str] = field(default_factory=dict)
    goes_on: bool = True


def read(key: str, part: Part, played_ms: int, languages: Mapping[str, str]) -> Answer:
    """What `key` means after `played_ms` milliseconds of that part. `languages` are the others that can be had."""
    if key == OBJECT:
        return Answer.OBJECTED
    if key == REPEAT:
        return Answer.REPEATED
    if key in languages:
        return Answer.SWITCHED
    if part is Part.QUESTION and played_ms >= HEARD_MS:
        if key == AGREE:
            return Answer.AGREED
        if key == REFUSE:
            return Answer.REFUSED
    return Answer.NOTHING


def listened_keys(part: Part, languages: Mapping[str, str]) -> str:
    """The keys that may interrupt a part of the notice; all others leave it playing."""
    always = OBJECT + REPEAT + WAKE + "".join(languages)
    return always if part is Part.IDENTIFICATION else AGREE + REFUSE + always
