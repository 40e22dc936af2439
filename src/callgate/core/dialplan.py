"""Every name that callgate shares with the dialplan in `asterisk/`.

A test reads `asterisk/*.conf` and fails where the two differ, so that neither side can rename alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Script(StrEnum):
    """The FastAGI scripts, as in `AGI(${CALLGATE_AGI}/gate,…)`."""

    GATE = "gate"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    OBJECT = "object"
    HEARD = "heard"
    HEARD_LAST = "heard-last"
    INBOUND = "inbound"
    PAUSE = "pause"
    RESUME = "resume"


class Context(StrEnum):
    """The contexts of `asterisk/callgate.conf`."""

    GATE = "callgate"
    DIAL = "callgate-dial"
    BLOCKED = "callgate-blocked"
    ANSWER = "callgate-answer"
    WITHDRAW = "callgate-withdraw"
    OBJECT = "callgate-object"
    HEARD = "callgate-heard"
    HEARD_LAST = "callgate-heard-last"
    PAUSE = "callgate-pause"
    RESUME = "callgate-resume"
    OUTBOUND = "callgate-outbound"
    INBOUND = "callgate-inbound"
    EMERGENCY = "callgate-emergency"


class Variable(StrEnum):
    """Channel variables and globals."""

    AGI = "CALLGATE_AGI"
    AGI_ALSO = "CALLGATE_AGI_ALSO"
    TRUNK = "CALLGATE_TRUNK"
    TRUNK_TAIL = "CALLGATE_TRUNK_TAIL"
    PROMPTS = "CALLGATE_PROMPTS"
    LANGUAGE = "CALLGATE_LANGUAGE"
    RING_SECONDS = "CALLGATE_RING_SECONDS"
    SITE_CALLERID = "CALLGATE_SITE_CALLERID"
    TRANSFER_CONTEXT = "CALLGATE_TRANSFER_CONTEXT"

    CENTRE = "CALLGATE_CENTRE"
    CAMPAIGN = "CALLGATE_CAMPAIGN"
    AGENT = "CALLGATE_AGENT"

    ANSWER = "CALLGATE_ANSWER"
    VERDICT = "CALLGATE_VERDICT"
    REASON = "CALLGATE_REASON"
    ID = "CALLGATE_ID"
    TOKEN = "CALLGATE_TOKEN"  # noqa: S105 - a variable's name
    DIGITS = "CALLGATE_DIGITS"
    CALLERID = "CALLGATE_CALLERID"
    CALLEE_LANGUAGE = "CALLGATE_CALLEE_LANGUAGE"
    HEARD = "CALLGATE_HEARD"
    DONE = "CALLGATE_DONE"
    TELL = "CALLGATE_TELL"
    RECORDER = "CALLGATE_RECORDER"


DB_FAMILY: Final = "callgate"
"""The AstDB family in which the dialplan keeps what callgate could not take at that moment."""


class Kept(StrEnum):
    """The kinds of keys below `DB_FAMILY`."""

    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What the gate tells the dialplan: one variable, so that the answer is there whole or not at all.

    `uniqueid` is the asking channel's own; the dialplan believes no answer that carries another, since a variable may
    be inherited or left over. No field holds the separator.
    """

    verdict: str
    uniqueid: str
    reason: str
    call: str = ""
    token: str = ""
    digits: str = ""
    callerid: str = ""
    callee_language: str = ""
    agent_language: str = ""

    SEPARATOR = "|"

    def encode(self) -> str:
        """The value of CALLGATE_ANSWER. Raises `ValueError` where a field would break it."""
        fields = (
            self.verdict,
            self.uniqueid,
            self.reason,
            self.call,
            self.token,
            self.digits,
            self.callerid,
            self.callee_language,
            self.agent_language,
        )
        for value in fields:
            if not value.isascii() or not all(character.isalnum() or character in ".-_+" for character in value):
                raise ValueError(f"{value!r} cannot stand in an answer to the dialplan")
        return self.SEPARATOR.join(fields)


def connect(uniqueid: str) -> str:
    """The value of CALLGATE_HEARD that lets a callee's channel be bridged, and no other channel."""
    return f"connect:{uniqueid}"


def done(uniqueid: str) -> str:
    """The value of CALLGATE_DONE that says: what the key asked for is committed."""
    return f"done:{uniqueid}"
