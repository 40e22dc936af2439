"""The guard: what rings on a trunk has a live verdict for that very number, or is hung up (P8).

This is detection: DialBegin comes after the INVITE has left (app_dial.c 2918). `judge` is pure; `Guard` reads the event
and knows the PBX. It has nothing to say about internal and inbound calls, nor about emergency numbers, exact (P7).
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from callgate.core import token
from callgate.core.dialplan import Variable
from callgate.core.token import Permit
from callgate.pbx.ami import Message


@dataclass(frozen=True, slots=True)
class Dial:
    """A DialBegin: who dials, what rings, and what the ringing channel inherited."""

    caller: str
    uniqueid: str
    callee: str
    callee_uniqueid: str
    digits: str
    call: str
    token: str
    context: str
    extension: str

    @classmethod
    def of(cls, message: Message) -> "Dial":
        """Read it from the event."""
        variables = message.variables("DestChanVariable")
        return cls(
            caller=message.get("Channel"),
            uniqueid=message.get("Uniqueid"),
            callee=message.get("DestChannel"),
            callee_uniqueid=message.get("DestUniqueid"),
            digits=dialled_digits(message.get("DialString")),
            call=variables.get(Variable.ID, ""),
            token=variables.get(Variable.TOKEN, ""),
            context=message.get("Context"),
            extension=message.get("Exten"),
        )


def dialled_digits(dial_string: str) -> str:
    """The number in a dial string, whatever the technology: `NUMBER@trunk`, `g1/NUMBER`, `trunk/sip:NUMBER@host`.

    What holds more than one number, or none, gives a string that no permit is for.
    """
    if "&" in dial_string:
        return ""
    last = dial_string.rpartition("/")[2]
    return re.sub(r"^sips?:", "", last).partition("@")[0]


@dataclass(frozen=True, slots=True)
class Allowed:
    """A call that the gate allowed, as the guard needs to know it: the permit, and its legs on a trunk.

    When it expires the token itself says, whose MAC is over that too: so the token of a callgate that died is good for
    the one that took over.
    """

    permit: Permit
    first_dialled: bool
    live_legs: int
    open: bool


class Ruling(StrEnum):
    """What the guard says about a dial."""

    ELSEWHERE = "not on a trunk"
    EMERGENCY = "an emergency number"
    PERMITTED = "permitted"
    NO_VERDICT = "no verdict"
    NOT_FOR_THIS = "the verdict is for another number or channel"
    EXPIRED = "the verdict had expired"
    SECOND_LEG = "a second live leg under one verdict"


PASSES = frozenset({Ruling.ELSEWHERE, Ruling.EMERGENCY, Ruling.PERMITTED})


def judge(
    dial: Dial,
    *,
    trunks: Collection[str],
    emergency: Collection[str],
    key: bytes,
    allowed: Allowed | None,
    now: datetime,
) -> Ruling:
    """Whether what rings may ring. `allowed` is the call known under the CALLGATE_ID that the channel carries."""
    if dial.callee.rpartition("-")[0] not in trunks:
        return Ruling.ELSEWHERE
    if dial.digits in emergency:
        return Ruling.EMERGENCY
    if not dial.token or allowed is None or not allowed.open:
        return Ruling.NO_VERDICT
    expires = token.expiry(dial.token)
    if expires is None:
        return Ruling.NOT_FOR_THIS
    permit = replace(allowed.permit, expires=expires)
    if (dial.uniqueid, dial.digits) != (permit.uniqueid, permit.digits) or not token.permits(key, dial.token, permit):
        return Ruling.NOT_FOR_THIS
    if allowed.live_legs:
        return Ruling.SECOND_LEG
    # Trunk failover dials again under the verdict whose first attempt was in time.
    if not allowed.first_dialled and now > permit.expires:
        return Ruling.EXPIRED
    return Ruling.PERMITTED


def permit_for(pbx: str, uniqueid: str, digits: str, campaign: str, now: datetime) -> Permit:
    """The permit of an allow given now. Its expiry is whole milliseconds, as the token holds it."""
    milliseconds = round(now.timestamp() * 1000) + token.LIFE_SECONDS * 1000
    expires = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return Permit(pbx, uniqueid, digits, campaign, expires)


@dataclass(frozen=True, slots=True)
class Bypass:
    """A channel that was hung up: what the alarm says. No number is in it."""

    ruling: Ruling
    dial: Dial


class Guard:
    """Judges each DialBegin of one PBX."""

    def __init__(
        self,
        *,
        trunks: Collection[str],
        emergency: Mapping[str, str],
        key: bytes,
        known: Callable[[str], Allowed | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._trunks = frozenset(trunks)
        self._emergency = frozenset(emergency.values())
        self._key = key
        self._known = known
        self._clock = clock

    def is_trunk(self, endpoint: str) -> bool:
        """Whether channels of this endpoint lead outside."""
        return endpoint in self._trunks

    def judge(self, message: Message) -> tuple[Dial, Ruling]:
        """What the guard says about one DialBegin."""
        dial = Dial.of(message)
        ruling = judge(
            dial,
            trunks=self._trunks,
            emergency=self._emergency,
            key=self._key,
            allowed=self._known(dial.call) if dial.call else None,
            now=self._clock(),
        )
        return dial, ruling
