"""Calls of dialers that do not use Asterisk's dialplan: they ask here, and say what becomes of each call.

`start` is the gate, `connected` the second look when the callee answers, `end` the end. What the dialplan does for its
own calls on answer (the notice, the question, the keys) is then the dialer's duty: docs/api.md.

A dialer may die like anything else, and a person must not stay reserved for a call that nobody makes: a call that does
not come about within `RINGS_FOR`, or does not end within `LASTS`, is closed from here. The calls of a callgate that was
restarted are taken up from the ledger, each by the callgate that decided it: another one with the same ledger knows
nothing of its dialer. One of these that is answered later is looked up like any other.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from callgate.boundary import Decision, NotCommitted, Office
from callgate.clock import Clock
from callgate.core import token
from callgate.core.access import Principal
from callgate.core.events import Json
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason
from callgate.core.token import Permit
from callgate.live import Live

log = structlog.stdlib.get_logger()

RINGS_FOR = timedelta(minutes=3)
LASTS = timedelta(hours=4)
LOOK_EVERY_S = 5.0
PBX = "api:"
"""Before the name of the dialer's user: the PBX of such calls. No PBX in the configuration can be called so."""

Keep = Callable[[str, Mapping[str, Json]], None]
"""Keeps what the ledger could not take now (`node.later.LateFile.keep`)."""


class NoSuchCall(Exception):
    """Not a call of this dialer, or one that has ended."""


@dataclass(slots=True)
class _Call:
    user: str
    started: datetime
    decision: Decision
    agent: str
    connected: bool = False


class Dialers:
    """The calls that dialers have under way."""

    def __init__(self, office: Office, live: Live, clock: Clock, token_key: bytes, keep: Keep) -> None:
        self._office = office
        self._live = live
        self._clock = clock
        self._key = token_key
        self._keep = keep
        self._calls: dict[str, _Call] = {}

    async def start(self, who: Principal, request: CallRequest) -> tuple[Decision, str]:
        """Ask the gate; the decision, and for an allow the token of the call. A block is told to the live page."""
        decision = await self._office.decide(request)
        if not decision.allowed:
            self._blocked(request, decision)
            return decision, ""
        self._calls[decision.call] = _Call(who.name, self._clock(), decision, request.agent)
        self._tell(decision.call, "allowed")
        expires = self._clock() + timedelta(seconds=token.LIFE_SECONDS)
        permit = Permit(request.pbx, request.uniqueid, decision.digits, decision.campaign, expires)
        return decision, token.issue(self._key, permit)

    async def connected(self, who: Principal, call: str) -> Reason:
        """The callee answered. Anything but `Reason.CLEAR`: it is to be ended, with an apology.

        Raises `NoSuchCall`, `NotCommitted`.
        """
        known = self._of(who, call)
        reason = await self._office.answered(call)
        known.connected = known.connected or reason is Reason.CLEAR
        self._tell(call, "answered" if reason is Reason.CLEAR else "dropped")
        return reason

    async def objected(self, who: Principal, call: str) -> None:
        """The callee objects; in force on return. Raises `NoSuchCall`, `NotCommitted`."""
        known = self._of(who, call)
        await self._office.object(call, who.name)
        self._live.tell("objection", **self._facts(call, known), by=who.name)

    async def end(self, who: Principal, call: str) -> None:
        """The call is over. Raises `NoSuchCall`, `NotCommitted`."""
        self._of(who, call)
        await self._close(call, {"by": who.name})

    async def run(self) -> None:
        """Close what nobody ends, until cancelled."""
        while True:
            try:
                await self.look()
            except NotCommitted as error:
                log.warning("dialers-not-looked-after", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def take_up(self, user: str) -> None:
        """Take up the calls of a dialer that are open in the ledger. Raises `NotCommitted`."""
        for opened in await self._office.open_calls(PBX + user):
            call = opened.decision.call
            if not opened.ours:
                continue
            self._calls.setdefault(call, _Call(user, self._clock(), opened.decision, opened.agent, opened.connected))

    async def look(self) -> None:
        """Close what nobody ends. Raises `NotCommitted`."""
        now = self._clock()
        for call, known in list(self._calls.items()):
            if now - known.started > (LASTS if known.connected else RINGS_FOR):
                log.warning("call-not-ended", call=call, connected=known.connected)
                await self._close(call, {"by": "callgate", "why": "the dialer did not end it"})

    def _of(self, who: Principal, call: str) -> _Call:
        known = self._calls.get(call)
        if known is None or known.user != who.name:
            raise NoSuchCall
        return known

    async def _close(self, call: str, facts: dict[str, Json]) -> None:
        await self._office.close(call, facts)
        self._tell(call, "closed")
        del self._calls[call]

    def _blocked(self, request: CallRequest, decision: Decision) -> None:
        if not decision.committed:
            asked = {name: str(getattr(request, name)) for name in CallRequest.__slots__}
            key = f"{request.pbx}-{request.uniqueid}"
            self._keep("block", {"key": key, "request": dict(asked), "reason": decision.reason})
        self._live.tell(
            "block",
            call=decision.call,
            number=decision.masked,
            controller=decision.controller,
            reason=decision.reason,
            detail=decision.detail,
            campaign=request.campaign,
            centre=request.centre,
            agent=request.agent,
        )

    def _tell(self, call: str, stage: str) -> None:
        if known := self._calls.get(call):
            self._live.tell("call", **self._facts(call, known), stage=stage, on="api")

    @staticmethod
    def _facts(call: str, known: _Call) -> dict[str, Json]:
        of = known.decision
        said = {"call": call, "number": of.masked, "campaign": of.campaign, "controller": of.controller}
        return {**said, "centre": of.centre, "agent": known.agent}


def new_reference() -> str:
    """A name for a call whose dialer gave it none."""
    return secrets.token_hex(8)
