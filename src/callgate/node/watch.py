"""What AMI shows: events become signals of the call that they belong to, and the guard looks at each dial.

An event that is not whole was cut by what somebody dialled. Its first piece still names the channel that it is about,
before anything that a telephone controls: that channel is hung up. What follows, up to the next whole event, is the
telephone's own and is passed over, so that it cannot make callgate hang up anybody else.
"""

from collections.abc import Callable

from callgate.core.call import On
from callgate.core.events import Kind
from callgate.live import Live
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.pbx.ami import Message
from callgate.pbx.channels import Channels
from callgate.pbx.guard import PASSES, Bypass, Guard, Ruling
from callgate.pbx.whole import Wholeness
from callgate.pilot import Pilot


class Watch:
    """Follows one PBX."""

    def __init__(self, *, channels: Channels, fleet: Fleet, guard: Guard, exchange: Exchange, live: Live) -> None:
        self._channels = channels
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
            "MixMonitorStart": self._recording_began,
        }

    async def on_event(self, message: Message) -> None:
        """Take in one event."""
        if not self.is_whole(message):
            if not self._in_pieces:
                self.cut(message)
            self._in_pieces = True
            return
        self._in_pieces = False
        self._channels.see(message)
        if (saw := self._saw.get(message.get("Event"))) is not None:
            saw(message)

    def cut(self, piece: Message) -> None:
        """The first piece of an event that somebody cut. A channel that it says is gone, is gone."""
        name = piece.get("Channel")
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
        elif ruling is Ruling.EMERGENCY:
            self._live.tell("emergency", agent=dial.caller.rpartition("-")[0])
            self._exchange.background(self._exchange.note(Kind.DIALLED, {"emergency": True}))

    def _bypassed(self, bypass: Bypass) -> None:
        """P8: hung up first, told afterwards."""
        dial = bypass.dial
        self._exchange.background(self._exchange.hang_up(dial.callee))
        agent = dial.caller.rpartition("-")[0]
        self._exchange.alarm("bypass", ruling=bypass.ruling, agent=agent, context=dial.context)

    def _hung_up(self, message: Message) -> None:
        self._gone(message.get("Uniqueid"))

    def _gone(self, uniqueid: str) -> None:
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

    def _recording_began(self, message: Message) -> None:
        """A recording without consent is stopped (P8). Ours begins in CONSENTED, on the callee's channel."""
        channel = message.get("Channel")
        if not any(pilot.may_record(channel) for pilot in self._fleet.all()):
            self._exchange.background(self._exchange.stop_recording(channel))
            self._exchange.alarm("recording-without-consent", endpoint=channel.rpartition("-")[0])
