"""What AMI shows: events become signals of the call that they belong to, and the guard looks at each dial.

An event that is not whole was cut by what somebody dialled. Its first piece still names the channel that it is about,
before anything that a telephone controls: that channel is hung up. What follows, up to the next whole event, is the
telephone's own and is passed over, so that it cannot make callgate hang up anybody else.
"""

from collections.abc import Callable

from callgate.core.call import On
from callgate.core.events import Kind
from callgate.live import Live
from callgate.node.company import Company
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.recorders import Recorders
from callgate.pbx.ami import Message
from callgate.pbx.bridges import Bridges
from callgate.pbx.channels import Channel, Channels, hidden
from callgate.pbx.guard import PASSES, Bypass, Guard, Ruling
from callgate.pbx.whole import Wholeness, tells_of_a_channel
from callgate.pilot import Pilot

_PARTING = frozenset({"BridgeLeave", "Hangup", "ChanSpyStop"})
"""What ends somebody's hearing somebody: whom it concerns is asked before it is taken in."""


class Watch:
    """Follows one PBX."""

    def __init__(
        self,
        *,
        channels: Channels,
        bridges: Bridges,
        fleet: Fleet,
        company: Company,
        recorders: Recorders,
        guard: Guard,
        exchange: Exchange,
        live: Live,
    ) -> None:
        self._channels = channels
        self._bridges = bridges
        self._company = company
        self._recorders = recorders
        self._fleet = fleet
        self._guard = guard
        self._exchange = exchange
        self._live = live
        self.is_whole = Wholeness()
        self._in_pieces = False
        self._saw: dict[str, Callable[[Message], None]] = {
            "DialBegin": self._dial_began,
            "Hangup": self._hung_up,
            "HangupRequest": self._hangup_requested,
            "SoftHangupRequest": self._hangup_requested,
            "Newchannel": self._began,
            "Rename": self._renamed,
            "MixMonitorStart": recorders.began,
            "MixMonitorStop": lambda message: recorders.ended(message.get("Uniqueid")),
            "BridgeEnter": self._entered,
            "BridgeLeave": self._moved,
            "ChanSpyStart": self._spied,
            "ChanSpyStop": self._spied,
            "ConfbridgeRecord": recorders.conference,
            "ConfbridgeStopRecord": recorders.conference,
            "BridgeDestroy": recorders.conference,
        }

    async def on_event(self, message: Message) -> None:
        """Take in one event."""
        if not self.is_whole(message) or (self._in_pieces and not tells_of_a_channel(message)):
            if not self._in_pieces:
                self.cut(message)
            self._in_pieces = True
            return
        self._in_pieces = False
        self._channels.see(message)
        before = self._company.concerned(message.get("Uniqueid")) if message.get("Event") in _PARTING else []
        self._bridges.see(message)
        for pilot in before:
            self._company.look(pilot)
        if (saw := self._saw.get(message.get("Event"))) is not None:
            saw(message)

    def cut(self, piece: Message) -> None:
        """The first piece of an event that somebody cut. A channel that it says is gone, is gone."""
        name = piece.get("Channel") or piece.get("SpyerChannel")
        channel = self._channels.named(name)
        if piece.get("Event") == "Hangup" and channel is not None:
            self._channels.forget(channel.uniqueid)
            self._gone(channel.uniqueid)
            return
        self._exchange.background(self._exchange.hang_up(name))
        self._exchange.alarm("event-forged", endpoint=name.rpartition("-")[0])

    def _dial_began(self, message: Message) -> None:
        dial, ruling = self._guard.judge(message)
        pilot = self._fleet.get(dial.call)
        if ruling not in PASSES:
            self._bypassed(Bypass(ruling, dial))
        elif ruling is Ruling.PERMITTED and pilot is not None:
            self._fleet.ringing(pilot, dial.callee_uniqueid, dial.callee)
            self._recorders.look(pilot.uniqueid)
        elif ruling is Ruling.EMERGENCY:
            caller = self._channels.named(dial.caller)
            self._live.tell("emergency", agent=dial.caller.rpartition("-")[0], centre=caller.centre if caller else "")
            self._exchange.background(self._exchange.note(Kind.DIALLED, {"emergency": True}))

    def _bypassed(self, bypass: Bypass) -> None:
        """P8: hung up first, told afterwards."""
        dial = bypass.dial
        self._exchange.background(self._exchange.hang_up(dial.callee))
        agent = dial.caller.rpartition("-")[0]
        self._exchange.alarm(
            "bypass", ruling=bypass.ruling, agent=agent, context=dial.context, extension=hidden(dial.extension)
        )

    def _hung_up(self, message: Message) -> None:
        self._gone(message.get("Uniqueid"))

    def _began(self, message: Message) -> None:
        """ARI's snoop is a spy from its first moment; what else there is of a new channel comes with its bridge."""
        if message.get("Channel").startswith("Snoop/"):
            self._recorders.look(message.get("Uniqueid"))

    def _renamed(self, message: Message) -> None:
        """A masquerade gave the callee's channel another name, under which it is to be acted on from now on."""
        pilot = self._fleet.of_leg(message.get("Uniqueid"))
        if pilot is not None and pilot.callee == message.get("Uniqueid"):
            pilot.callee_channel = message.get("Newname")

    def _entered(self, message: Message) -> None:
        self._moved(message)
        self._recorders.entered(message)

    def _moved(self, message: Message) -> None:
        """A channel came into a bridge, or left it."""
        uniqueid = message.get("Uniqueid")
        for pilot in self._company.concerned(uniqueid):
            self._company.look(pilot)
        self._recorders.look(uniqueid)

    def _spied(self, message: Message) -> None:
        for pilot in self._company.concerned(message.get("SpyeeUniqueid")):
            self._company.look(pilot)
        if message.get("Event") == "ChanSpyStart":
            self._recorders.spied(message)

    def _gone(self, uniqueid: str) -> None:
        self._recorders.ended(uniqueid)
        if (pilot := self._fleet.of_agent_channel(uniqueid)) is not None:
            self.agent_left(pilot)
            self._end_if_over(pilot)
        if (pilot := self._fleet.leg_gone(uniqueid)) is not None:
            pilot.legs.discard(uniqueid)
            self._end_if_over(pilot, left=uniqueid)

    def _hangup_requested(self, message: Message) -> None:
        """The agent hung up. While a notice plays, their channel ends only with it; this says so at once."""
        if (pilot := self._fleet.of_agent_channel(message.get("Uniqueid"))) is not None:
            self.agent_left(pilot)

    def agent_left(self, pilot: Pilot) -> None:
        """Tell the pilot once."""
        if not pilot.agent_gone:
            pilot.agent_gone = True
            pilot.signal(On.AGENT_LEFT)

    def _end_if_over(self, pilot: Pilot, left: str = "") -> None:
        """`left` is the leg that was hung up: a call ends with its callee, whoever else is still there."""
        if pilot.is_open and (self._is_over(pilot) or (left and left == pilot.callee)):
            pilot.signal(On.ENDED)

    def _is_over(self, pilot: Pilot) -> bool:
        """AGI may be ahead of AMI: a channel that AMI did not show yet is not one that is gone."""
        return pilot.agent_gone and not pilot.legs and pilot.uniqueid not in self._channels

    def reconcile(self, pilot: Pilot) -> None:
        """Hold a pilot against the channels that there are."""
        for gone in [uniqueid for uniqueid in pilot.legs if uniqueid not in self._channels]:
            pilot.legs.discard(gone)
            self._fleet.leg_gone(gone)
        if pilot.uniqueid not in self._channels:
            self.agent_left(pilot)
        self._end_if_over(pilot)
        self._company.look(pilot)

    def reset(self, snapshot: list[Message], bridges: list[Message]) -> None:
        """What CoreShowChannels lists is what there is, in these bridges of BridgeList."""
        for piece in snapshot:
            if not self.is_whole(piece):
                self.cut(piece)
        whole = [channel for channel in snapshot if self.is_whole(channel)]
        self._channels.reset(whole)
        self._bridges.reset(whole, bridges)

    def insist(self, pilot: Pilot) -> None:
        """After a gap in what AMI showed: what must be so is done once more, since nobody knows whether it was."""
        if pilot.is_open:
            self._company.look(pilot, unseen=True)
            pilot.insist()
            self._recorders.insist(pilot)
        self.reconcile(pilot)

    def after_gap(self, snapshot: list[Message]) -> None:
        """What may record a callee, for all that is known."""
        self._recorders.applications([channel for channel in snapshot if self.is_whole(channel)], gap=True)

    def is_bridged(self, channel: Channel) -> bool:
        """Whether a channel is in a bridge."""
        return self._bridges.holds(channel.uniqueid)

    def callee_of(self, call: str, agent: str) -> Channel | None:
        """The callee's channel of a call, after a restart: a leg on a trunk, whoever else inherited the CALLGATE_ID."""
        legs = (channel for channel in self._channels.of_call(call) if channel.uniqueid != agent)
        return next((channel for channel in legs if self._guard.is_trunk(channel.endpoint)), None)
