"""Finding the way back: after a start, and after every gap in what AMI shows.

First the channels that exist: calls whose channels are gone are over, open calls of the ledger are taken up again. Then
what the dialplan kept in AstDB is entered, and recordings that belong to no call are destroyed. Only then is the gate
open.
"""

import asyncio

import structlog

from callgate.boundary import LateBlock, NotCommitted, OpenCall
from callgate.core.call import On
from callgate.core.dialplan import DB_FAMILY, Kept
from callgate.core.events import Json, Kind
from callgate.core.gate import CallRequest
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.watch import Watch
from callgate.pbx import kept
from callgate.pbx.agi import RemoteError, Session
from callgate.pbx.ami import ActionRefused, Message
from callgate.pbx.ami import RemoteError as AmiError
from callgate.pbx.channels import Channels, hidden
from callgate.pbx.guard import permit_for
from callgate.pilot import Tools

log = structlog.stdlib.get_logger()

AGAIN_S = 2.0
DELETED_AT_ONCE = 5
"""AstDB keys that are deleted behind one answered question."""


class Recovery:
    """Reconciles one PBX with what callgate knows."""

    def __init__(
        self, pbx: str, *, tools: Tools, channels: Channels, fleet: Fleet, watch: Watch, exchange: Exchange
    ) -> None:
        self._pbx = pbx
        self._tools = tools
        self._channels = channels
        self._fleet = fleet
        self._watch = watch
        self._exchange = exchange
        self._entered: list[str] = []
        self._trying = False
        self._strangers = 0
        self.settled = False

    async def on_snapshot(self, snapshot: list[Message]) -> None:
        """The channels that exist. Raises `NotCommitted` where the ledger cannot be read: the link asks again."""
        # Without an answer two who are parked look like two who talk: the safe side.
        self._watch.reset(snapshot, await self._exchange.ask("BridgeList", {}))
        for pilot in self._fleet.all():
            self._watch.insist(pilot)
        for opened in await self._tools.office.open_calls(self._pbx):
            if self._fleet.get(opened.decision.call) is None:
                self._take_up(opened)
        self._watch.after_gap(snapshot)

    def _take_up(self, opened: OpenCall) -> None:
        decision = opened.decision
        permit = permit_for(self._pbx, opened.uniqueid, decision.digits, decision.campaign, self._tools.clock())
        waits = not (opened.connected or opened.parting)
        pilot = self._fleet.add(decision, opened.uniqueid, opened.agent, permit if waits else None)
        callee = self._watch.callee_of(pilot.id, opened.uniqueid)
        # Nobody is bridged to a callee who has not heard the notice: the dialplan sees to that.
        talking = callee is not None and self._watch.is_bridged(callee)
        pilot.restore(
            connected=opened.connected or talking,
            recording=self._has_recording(opened),
            paused=opened.paused,
            callee=callee.uniqueid if callee else "",
            callee_channel=callee.name if callee else "",
            sealed=opened.sealed,
            dialled=opened.dialled,
            parting=opened.parting,
        )
        pilot.withdrew = opened.withdrawn
        if callee is not None:
            self._fleet.took_up(pilot, callee.uniqueid)
        log.info("call-taken-up", call=pilot.id, state=pilot.state)
        # Whether a recording was begun cannot be told: without the ledger's word there is no consent.
        self._watch.insist(pilot)

    def _has_recording(self, opened: OpenCall) -> bool:
        """Also one that began when callgate died, or while the ledger was away: the consent to it is there."""
        begun = opened.consented or (opened.agreed and self._tools.recordings.spool.taken(opened.decision.call))
        return begun and not opened.withdrawn

    async def settle(self) -> None:
        """Enter what the dialplan kept, and destroy recordings that belong to no call."""
        try:
            answer = await self._read_kept()
            for entry in kept.read(answer):
                await self._enter(entry)
        except (AmiError, NotCommitted) as error:
            log.warning("not-settled", error=str(error))
            if not self._trying:
                self._trying = True
                self._exchange.background(self._settle_again())
            return
        for name in self._tools.recordings.orphans({p.id for p in self._fleet.all() if p.wants_recording}):
            if self._tools.recordings.destroy_orphan(name):
                self._exchange.alarm("orphan-recording-destroyed", recording=name)
        self._look_for_strangers()
        if not self.settled:
            self.settled = True
            log.info("ready", pbx=self._pbx, calls=len(self._fleet))

    def _look_for_strangers(self) -> None:
        """What callgate did not ask for in the spool is left alone, and told of when there is more of it."""
        found = self._tools.recordings.spool.strangers()
        if found > self._strangers:
            self._exchange.alarm("spool-has-other-files", count=found)
        self._strangers = found

    async def _settle_again(self) -> None:
        await asyncio.sleep(AGAIN_S)
        self._trying = False
        await self.settle()

    async def _read_kept(self) -> list[Message]:
        if self._exchange.link is None:
            return []
        try:
            return await self._exchange.link.collect("DBGetTree", {"Family": DB_FAMILY})
        except ActionRefused:
            return []  # there is no such family: nothing was kept

    async def _enter(self, entry: kept.Entry) -> None:
        if entry.key in self._entered:
            return
        match entry.kind:
            case Kept.OBJECTED:
                await self._tools.office.object(entry.name, "kept-by-pbx")
            case Kept.WITHDRAWN:
                await self._withdraw(entry.name)
            case Kept.BLOCKED:
                await self._enter_block(entry)
        self._entered.append(entry.key)

    async def _enter_block(self, entry: kept.Entry) -> None:
        asked = CallRequest(self._pbx, entry.name, "", entry.dialled, "", entry.centre, "")
        block = LateBlock(f"{self._pbx}-{entry.name}", entry.at, asked, entry.reason)
        for late in await self._tools.office.late([block]):
            detail = f"blocked by the dialplan on {entry.at:%Y-%m-%d at %H:%M:%S} UTC, entered late"
            facts = {"reason": late.reason, "detail": detail, "centre": entry.centre, "number": hidden(entry.dialled)}
            self._tools.live.tell("block", call=late.key, **facts)

    async def _withdraw(self, call: str) -> None:
        pilot = self._fleet.get(call)
        if pilot is not None:
            await pilot.ask(On.WITHDREW, "kept-by-pbx")
        else:
            await self._tools.office.withdraw(call, "kept-by-pbx")
            await self._destroy(call)

    async def _destroy(self, call: str) -> None:
        if await self._tools.recordings.destroy(call):
            facts: dict[str, Json] = {"why": "withdrawn", "existed": True}
            try:
                await self._tools.office.record(Kind.RECORDING_DESTROYED, call, facts)
            except NotCommitted:
                self._tools.later.keep("record", {"kind": Kind.RECORDING_DESTROYED, "call": call, "facts": facts})

    async def forget_kept(self, session: Session) -> None:
        """Delete from AstDB what is entered. Only an AGI session may, so it is done behind an answered question."""
        for _ in range(min(DELETED_AT_ONCE, len(self._entered))):
            if not self._entered:  # another session was faster
                return
            key = self._entered.pop(0)
            try:
                await session.database_del(DB_FAMILY, key)
            except RemoteError:
                self._entered.append(key)
                return
