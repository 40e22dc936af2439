"""Who calls over FastAGI, and what they are told.

The reception believes nobody: an answer, a withdrawal or an objection counts only for a channel that AMI shows live as
the one of that CALLGATE_ID which may say so. While AMI is not up, or what the dialplan kept was not read yet, the gate
says no.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

import structlog

from callgate.boundary import Decision, NotCommitted
from callgate.core import token
from callgate.core.call import On
from callgate.core.dialplan import DB_FAMILY, GateAnswer, Kept, Script, Variable, done
from callgate.core.events import Json
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.recovery import Recovery
from callgate.pbx.agi import Handler, Request, Session
from callgate.pbx.callback import CallBack, words_of
from callgate.pbx.channels import Channels
from callgate.pbx.guard import permit_for
from callgate.pbx.interview import Interview, Speech
from callgate.pilot import Pilot, Tools

log = structlog.stdlib.get_logger()

SEEN_WITHIN_S = 1.0
"""How long a request waits for AMI to show its channel: AGI may be ahead of AMI by some milliseconds."""


def _arguments(request: Request, count: int) -> tuple[str, ...]:
    return (*request.arguments, *[""] * count)[:count]


def _agent(request: Request, configured: str) -> str:
    """Who dials: the endpoint's own `CALLGATE_AGENT`, or else the endpoint with the caller ID that it gave."""
    return configured or f"{request.channel.rpartition('-')[0]}/{request.callerid or ''}"


class Reception:
    """The handlers of the FastAGI scripts."""

    def __init__(
        self,
        pbx: str,
        emergency: Mapping[str, str],
        token_key: bytes,
        *,
        tools: Tools,
        fleet: Fleet,
        channels: Channels,
        exchange: Exchange,
        recovery: Recovery,
        opens: Callable[[], Awaitable[None]],
    ) -> None:
        """`opens` returns when the node has found its way back, or does not find it soon."""
        self._pbx = pbx
        self._emergency = emergency
        self._token_key = token_key
        self._tools = tools
        self._fleet = fleet
        self._channels = channels
        self._exchange = exchange
        self._recovery = recovery
        self._opens = opens

    @property
    def handlers(self) -> dict[str, Handler]:
        """The scripts by name."""
        return {script: self._when_open(handler) for script, handler in self._scripts().items()}

    def _when_open(self, handler: Handler) -> Handler:
        async def serve(session: Session) -> None:
            await self._opens()
            await handler(session)

        return serve

    def _scripts(self) -> dict[str, Handler]:
        return {
            Script.GATE: self._gate,
            Script.ANSWER: self._answer,
            Script.WITHDRAW: lambda session: self._callee_key(session, On.WITHDREW, Kept.WITHDRAWN),
            Script.OBJECT: lambda session: self._callee_key(session, On.OBJECTED, Kept.OBJECTED),
            Script.HEARD: self._heard,
            Script.HEARD_LAST: self._heard_last,
            Script.INBOUND: self._inbound,
            Script.PAUSE: lambda session: self._agent_key(session, On.PAUSED),
            Script.RESUME: lambda session: self._agent_key(session, On.RESUMED),
        }

    # The gate.

    async def _gate(self, session: Session) -> None:
        request = session.request
        dialled, campaign, centre, agent = _arguments(request, 4)
        asked = CallRequest(
            self._pbx, request.uniqueid, request.channel, dialled, campaign, centre, _agent(request, agent)
        )
        decision = await self._decide(asked)
        permission = self._let_fly(asked, decision) if decision.allowed and decision.call else ""
        answer = GateAnswer(
            verdict="allow" if decision.allowed else "block",
            uniqueid=request.uniqueid,
            reason=decision.reason,
            call=decision.call,
            token=permission,
            digits=decision.digits,
            callerid=decision.caller_id,
            callee_language=decision.callee_language,
            agent_language=decision.agent_language,
        )
        await session.set_variable(Variable.ANSWER, answer.encode())
        if not decision.allowed:
            self._blocked(asked, decision)
        await self._recovery.forget_kept(session)

    async def _decide(self, asked: CallRequest) -> Decision:
        if (number := self._emergency.get(asked.dialled)) is not None:
            return Decision("", Reason.EMERGENCY, allowed=True, detail="", digits=number)
        if not self._exchange.up:
            detail = "AMI is down: callgate could not see a recording or a bypass"
            return Decision("", Reason.PBX_UNSEEN, allowed=False, detail=detail, committed=False)
        if not self._recovery.settled:
            detail = "what the dialplan kept while callgate was away is not entered yet"
            return Decision("", Reason.CALLGATE_STARTING, allowed=False, detail=detail, committed=False)
        return await self._tools.office.decide(asked)

    def _let_fly(self, asked: CallRequest, decision: Decision) -> str:
        permit = permit_for(self._pbx, asked.uniqueid, decision.digits, decision.campaign, self._tools.clock())
        self._fleet.add(decision, asked.uniqueid, asked.agent, permit)
        self._tools.live.tell("allow", call=decision.call, reason=decision.reason, **_facts(asked, decision))
        return token.issue(self._token_key, permit)

    def _blocked(self, asked: CallRequest, decision: Decision) -> None:
        if not decision.committed:
            request: dict[str, Json] = dict(asdict(asked))
            key = f"{self._pbx}-{asked.uniqueid}"
            self._tools.later.keep("block", {"key": key, "request": request, "reason": decision.reason})
        self._tools.live.tell(
            "block", call=decision.call, reason=decision.reason, detail=decision.detail, **_facts(asked, decision)
        )

    # The callee's channel, and the keys.

    async def _answer(self, session: Session) -> None:
        request = session.request
        pilot = await self._believed(session, lambda pilot: request.uniqueid in pilot.legs)
        if pilot is None:
            return
        decision = pilot.decision
        catalogue, languages = self._tools.catalogue(), decision.manner.languages
        speech = Speech(
            notice=lambda language: catalogue.notice(decision.campaign, decision.centre, language),
            language=decision.callee_language,
            manner=decision.manner,
            offers=dict(zip(languages, catalogue.offers(decision.campaign, languages), strict=True)),
        )

        async def wake(key: str) -> None:
            await self._exchange.press(request.channel, key)

        await pilot.answered(Interview(session, speech, wake, self._tools.clock), request.uniqueid)

    async def _callee_key(self, session: Session, on: On, kind: Kept) -> None:
        pilot = await self._believed(session, lambda pilot: session.request.uniqueid == pilot.callee)
        if pilot is not None and await pilot.ask(on, "callee-key"):
            await self._confirm(session, f"{kind}/{pilot.id}")

    async def _heard(self, session: Session) -> None:
        pilot = await self._believed(session, lambda pilot: session.request.uniqueid == pilot.uniqueid)
        if pilot is not None and await pilot.ask(On.HEARD, "agent-key"):
            await self._confirm(session, f"{Kept.OBJECTED}/{pilot.id}")

    async def _agent_key(self, session: Session, on: On) -> None:
        pilot = await self._believed(session, lambda pilot: session.request.uniqueid == pilot.uniqueid)
        if pilot is not None and await pilot.ask(on, "agent-key"):
            await session.set_variable(Variable.DONE, done(session.request.uniqueid))

    async def _heard_last(self, session: Session) -> None:
        request = session.request
        if not await self._channels.until(lambda: request.uniqueid in self._channels, SEEN_WITHIN_S):
            self._disbelieve(session, "the channel is not live")
            return
        pilot = self._fleet.last_call_of(_agent(request, _arguments(request, 3)[2]))
        if pilot is not None and await pilot.ask(On.HEARD, "agent-key-after"):
            await session.set_variable(Variable.DONE, done(request.uniqueid))

    # Whoever calls back.

    async def _inbound(self, session: Session) -> None:
        called, caller = _arguments(session.request, 2)
        uniqueid, office = session.request.uniqueid, self._tools.office
        if not await self._channels.until(lambda: uniqueid in self._channels, SEEN_WITHIN_S):
            self._disbelieve(session, "the channel is not live")
            return
        found = await office.called_back(called, caller)
        if found is None:
            self._exchange.alarm("called-back-unknown", script=session.request.script)
            return

        async def commit() -> bool:
            try:
                await office.object_calling_back(called, caller)
            except NotCommitted as error:
                log.error("objection-not-committed", error=str(error))
                return False
            return True

        words = words_of(found, self._tools.catalogue())
        objected = await CallBack(session, words).serve(commit if found.number else None)
        await session.set_variable(Variable.DONE, done(uniqueid))
        self._tools.live.tell("called-back", campaigns=[*found.campaigns], objected=objected)

    async def _believed(self, session: Session, may: Callable[[Pilot], bool]) -> Pilot | None:
        """The pilot for which this session's channel may speak, once AMI shows it live."""
        uniqueid = session.request.uniqueid
        pilot = self._fleet.get(_arguments(session.request, 1)[0])
        if pilot is None:
            self._disbelieve(session, "there is no such call")
            return None
        if not self._exchange.up:
            self._disbelieve(session, "AMI is down")
            return None
        if not await self._channels.until(lambda: uniqueid in self._channels and may(pilot), SEEN_WITHIN_S):
            self._disbelieve(session, "the channel is not live under that call")
            return None
        return pilot

    def _disbelieve(self, session: Session, why: str) -> None:
        self._exchange.alarm("agi-not-believed", script=session.request.script, peer=session.peer, why=why)

    async def _confirm(self, session: Session, key: str) -> None:
        """It is committed: the dialplan may say so, and AstDB need not keep it."""
        await session.set_variable(Variable.DONE, done(session.request.uniqueid))
        await session.database_del(DB_FAMILY, key)


def _facts(asked: CallRequest, decision: Decision) -> dict[str, Json]:
    """For whom a call was asked for, and by whom."""
    return {
        "number": decision.masked,
        "campaign": asked.campaign,
        "controller": decision.controller,
        "centre": asked.centre,
        "agent": asked.agent,
    }
