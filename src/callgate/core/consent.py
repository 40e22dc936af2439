"""What a key says while the notice and the question play: a pure function from keys to answers.

Consent is "freely given, specific, informed and unambiguous" (GDPR Art. 4(11)). So the key that agrees counts only
after the question began; a wrong key, silence or a hang-up is no consent; and the key that objects works at once.
"""

from enum import StrEnum
from typing import Final

AGREE: Final = "1"
REFUSE: Final = "2"
OBJECT: Final = "9"
WAKE: Final = "D"
"""Not on a telephone's keypad. callgate queues it on the callee's channel to end a prompt when the agent has left."""

HEARD_MS: Final = 250
"""A key that ends earlier than this into the question was begun before it (people hold a key for 100 to 250 ms)."""


class Part(StrEnum):
    """The two parts of the notice."""

    IDENTIFICATION = "identification"
    QUESTION = "question"


class Answer(StrEnum):
    """What a key meant."""

    AGREED = "agreed"
    REFUSED = "refused"
    OBJECTED = "objected"
    NOTHING = "nothing"


def read(key: str, part: Part, played_ms: int) -> Answer:
    """What `key` means after `played_ms` milliseconds of that part."""
    if key == OBJECT:
        return Answer.OBJECTED
    if part is Part.QUESTION and played_ms >= HEARD_MS:
        if key == AGREE:
            return Answer.AGREED
        if key == REFUSE:
            return Answer.REFUSED
    return Answer.NOTHING


def listened_keys(part: Part) -> str:
    """The keys that may interrupt a part of the notice; all others leave it playing."""
    return OBJECT + WAKE if part is Part.IDENTIFICATION else AGREE + REFUSE + OBJECT + WAKE
