"""One PBX's node, wired: the AGI server, the link to AMI, and what stands between them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import structlog

from callgate.boundary import Office
from callgate.live import Live
from callgate.node.charge import Charge
from callgate.node.company import Company
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.later import LateFile
from callgate.node.meanwhile import Meanwhile
from callgate.node.reception import Reception
from callgate.node.recorders import Recorders
from callgate.node.recovery import Recovery
from callgate.node.spoolwatch import SpoolWatch
from callgate.node.strays import Strays
from callgate.node.watch import Watch
from callgate.pbx.agi import AgiServer
from callgate.pbx.ami import Address, Link, State
from callgate.pbx.bridges import Bridges
from callgate.pbx.channels import Channels
from callgate.pbx.guard import Guard
from callgate.pbx.recordings import Recordings
from callgate.pilot import Tools
from callgate.prompts.catalogue import Catalogue

log = structlog.stdlib.get_logger()

SWEEP_S = 5.0
LOOK_S = 0.5
OPENS_WITHIN_S = 0.8
"""How long after it took charge a node lets whoever asks wait until it sees the PBX; the dialplan waits 1.2 seconds."""
SETTLE_EVERY = 12
"""Sweeps between two looks at what the dialplan kept: a callgate that hung for a moment loses no AMI connection."""


@dataclass(frozen=True, slots=True)
class Station:
    """What a node must know of its PBX.

    `emergency` maps what may be dialled to the emergency number itself; below `guarded` the guard may delete.
    """

    pbx: str
    agi: Address
    agi_allowed: Sequence[IPv4Network | IPv6Network]
    ami: Address
    ami_user: str
    ami_secret: str
    trunks: Sequence[str]
    emergency: Mapping[str, str]
    token_key: bytes
    guarded: Sequence[Path] = ()


class Node:
    """Everything that runs beside one PBX."""

    def __init__(
        self,
        station: Station,
        *,
        office: Office,
        catalogue: Callable[[], Catalogue],
        recordings: Recordings,
        later: LateFile,
        live: Live,
        clock: Callable[[], datetime],
    ) -> None:
        self._station = station
        self._clock = clock
        self._live = live
        self._later = later
        self._charge = Charge(recordings.spool.folder)
        self._open_until = 0.0
        channels = Channels()
        self._exchange = Exchange(office, live, later)
        tools = Tools(office, catalogue, recordings, self._exchange, live, later, clock)
        self.fleet = Fleet(tools)
        guard = Guard(
            trunks=station.trunks,
            emergency=station.emergency,
            key=station.token_key,
            known=self.fleet.allowed,
            clock=clock,
        )
        bridges = Bridges(channels)
        self._company = Company(channels, bridges, self.fleet)
        self._recorders = Recorders(
            channels=channels,
            fleet=self.fleet,
            company=self._company,
            exchange=self._exchange,
            strays=Strays(station.guarded, self._exchange, clock),
        )
        self._watch = Watch(
            channels=channels,
            bridges=bridges,
            fleet=self.fleet,
            company=self._company,
            recorders=self._recorders,
            guard=guard,
            exchange=self._exchange,
            live=live,
        )
        self._recovery = Recovery(
            station.pbx,
            tools=tools,
            channels=channels,
            fleet=self.fleet,
            watch=self._watch,
            exchange=self._exchange,
        )
        self._spool = SpoolWatch(recordings, self.fleet, self._exchange)
        reception = Reception(
            station.pbx,
            station.emergency,
            station.token_key,
            tools=tools,
            fleet=self.fleet,
            channels=channels,
            exchange=self._exchange,
            recovery=self._recovery,
            opens=self._opens,
        )
        self._meanwhile = Meanwhile(office, self.fleet, self._exchange)
        self._link = self._exchange.link = Link(
            station.ami,
            station.ami_user,
            station.ami_secret,
            on_event=self._watch.on_event,
            on_snapshot=self._recovery.on_snapshot,
            on_state=self._on_state,
        )
        self._server = AgiServer(reception.handlers, allowed=station.agi_allowed)

    @property
    def ready(self) -> bool:
        """Whether the node sees its PBX and has read what the dialplan kept."""
        return self._exchange.up and self._recovery.settled

    @property
    def in_charge(self) -> bool:
        """Whether this callgate is the one that acts on the PBX."""
        return self._charge.held

    @property
    def stands_by(self) -> bool:
        """Whether another callgate is in charge of the PBX, and this one takes over when that is gone."""
        return self._charge.elsewhere

    @property
    def hindrance(self) -> str:
        """Why no call passes here; empty where the node is ready."""
        unseen = "the PBX is not seen over AMI, or what its dialplan kept is not entered yet"
        return self._charge.hindrance or ("" if self.ready else unseen)

    @property
    def ami_up(self) -> bool:
        """Whether the PBX is seen over AMI."""
        return self._exchange.up

    @property
    def agi_up(self) -> bool:
        """Whether FastAGI is listened for."""
        return self._server.listening

    @property
    def agi_sessions(self) -> int:
        """How many FastAGI sessions are open."""
        return self._server.sessions

    @property
    def calls_open(self) -> int:
        """How many calls are under way."""
        return len(self.fleet)

    async def run(self) -> None:
        """Serve until cancelled, once this callgate is in charge. Raises OSError where the AGI port is taken."""
        # Now, so that one that stands by does not find out when it is needed.
        await self._server.bind(*self._station.agi)
        late = asyncio.create_task(self._later.run())
        try:
            await self._take_charge()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._link.run())
                tasks.create_task(self._meanwhile.run(lambda: self.ready))
                tasks.create_task(self._sweep())
                tasks.create_task(self._look_after_wanderers())
        finally:
            await self._stop()
            self._charge.leave()
            late.cancel()

    async def _take_charge(self) -> None:
        took_over = await self._charge.take()
        self._open_until = asyncio.get_running_loop().time() + OPENS_WITHIN_S
        await self._server.listen()
        log.info("agi-listens", address=f"{self._station.agi[0]}:{self._station.agi[1]}")
        if took_over:
            self._exchange.alarm("took-charge", pbx=self._station.pbx)

    async def _opens(self) -> None:
        """Return when the PBX is seen and what it kept is read, if that is a matter of a moment: after a start."""
        now = asyncio.get_running_loop().time
        while not self.ready and now() < self._open_until:  # noqa: ASYNC110 - of three things, none tells
            await asyncio.sleep(0.02)

    async def _stop(self, grace_s: float = 5.0) -> None:
        await self._server.stop(grace_s=1.0)
        await self.fleet.stop(grace_s)
        await self._exchange.stop()

    async def _sweep(self) -> None:
        """End calls whose channels went without a word, and forget old ones."""
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_S)
            sweeps += 1
            now = self._clock()
            self.fleet.forget(now)
            await self._spool.look()
            if not self.ready:
                continue
            for pilot in self.fleet.under_way():
                if (now - pilot.born).total_seconds() > SWEEP_S:
                    self._watch.reconcile(pilot)
            if sweeps % SETTLE_EVERY == 0:
                await self._recovery.settle()

    async def _look_after_wanderers(self) -> None:
        """A callee who is in no bridge may be in an application that records: ask, as long as there is one."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._exchange.up and any(map(self._company.wanders, self.fleet.under_way())):
                shown = await self._exchange.ask("CoreShowChannels", {})
                self._recorders.applications([channel for channel in shown if self._watch.is_whole(channel)])

    def _on_state(self, state: State, reason: str) -> None:
        self._live.tell("pbx", pbx=self._station.pbx, state=state)
        if state is State.UP:
            self._exchange.background(self._recovery.settle())
            return
        log.warning("ami-down", state=state, reason=reason)
        if state is State.REFUSED:
            self._exchange.alarm("ami-login-refused", reason=reason)
