"""Recorders that are not callgate's own: none may run on a call to a callee, with consent or without (P8).

Consent is for the recording that callgate can seal, and destroy when it is withdrawn. docs/guard.md has the table: by
means of recording how AMI shows it and what stops it. Where nothing does, the channel that records is hung up; where
that is one which AMI does not show, the callee's is.

A recorder is nobody's business until a callee can be heard on its channel: internal and inbound calls are left alone.
So one that was begun early, on an agent's channel say, is remembered and stopped when a callee comes.
"""

from typing import Final

from callgate.node.company import Company
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.node.strays import Strays
from callgate.pbx.ami import Message
from callgate.pbx.channels import Channel, Channels
from callgate.pilot import Pilot

RECORDING_CHANNELS: Final = ("Snoop/", "UnicastRTP/", "MulticastRTP/", "AudioSocket/", "WebSocket/")
"""Channels that exist to take a call's audio elsewhere: snoop and external media of ARI."""

RECORDING_APPLICATIONS: Final = frozenset(
    {"record", "voicemail", "minivmrecord", "dictate", "audiosocket", "stasis", "externalivr", "eagi"}
)
"""Applications of the dialplan that take the audio of the channel that runs them. Nothing stops them but a hang-up."""


class Recorders:
    """Looks after who records on one PBX."""

    def __init__(
        self, *, channels: Channels, fleet: Fleet, company: Company, exchange: Exchange, strays: Strays
    ) -> None:
        self._channels = channels
        self._fleet = fleet
        self._company = company
        self._exchange = exchange
        self._strays = strays
        self._running: set[str] = set()
        self._recorded: set[str] = set()

    # MixMonitor.

    def began(self, message: Message) -> None:
        """A MixMonitor began on a channel."""
        uniqueid, name = message.get("Uniqueid"), message.get("Channel")
        pilot = self._fleet.of_leg(uniqueid)
        if pilot is not None and pilot.claims(name):
            return
        self._running.add(uniqueid)
        self.look(uniqueid)

    def ended(self, uniqueid: str) -> None:
        """It ended, or its channel did."""
        self._running.discard(uniqueid)

    def look(self, uniqueid: str) -> None:
        """Something changed about a channel: stop every recorder that now hears a callee."""
        concerned = {pilot.id: pilot for pilot in (*self._company.concerned(uniqueid), *self._agents(uniqueid))}
        for pilot in concerned.values():
            for channel in self._hearing(pilot):
                if channel.uniqueid in self._running:
                    self._running.discard(channel.uniqueid)
                    self._stop(channel, pilot)
                elif channel.name.startswith(RECORDING_CHANNELS):
                    self._hang_up(channel, pilot, "channel")

    def _agents(self, uniqueid: str) -> list[Pilot]:
        """The call that this channel makes: what it records before the answer it would go on recording after it."""
        pilot = self._fleet.of_agent_channel(uniqueid)
        return [pilot] if pilot is not None and pilot.is_open else []

    def _hearing(self, pilot: Pilot) -> list[Channel]:
        own = (self._channels.get(uniqueid) for uniqueid in (pilot.callee or "", pilot.uniqueid, *pilot.legs))
        return [*self._company.with_callee(pilot), *(channel for channel in own if channel is not None)]

    def _stop(self, channel: Channel, pilot: Pilot) -> None:
        ours_too = channel.uniqueid == pilot.callee and pilot.wants_recording
        self._exchange.background(self._strays.stop_and_destroy(channel, pilot.id, spare_ours=ours_too))
        self._alarm("mixmonitor", channel, pilot)

    # What only a hang-up stops.

    def spied(self, message: Message) -> None:
        """Somebody listens. Whether they record, only the application's own arguments tell."""
        spyer = self._channels.get(message.get("SpyerUniqueid"))
        if spyer is not None:
            for pilot in self._company.concerned(spyer.uniqueid):
                self._exchange.background(self._judge_spy(spyer, pilot))

    async def _judge_spy(self, spyer: Channel, pilot: Pilot) -> None:
        shown = await self._exchange.ask("Status", {"Channel": spyer.name})
        told = [message.get("Data") for message in shown if message.get("Application").lower() == "chanspy"]
        if not told or _spy_records(told[0]):
            self._hang_up(spyer, pilot, "chanspy")

    # Bridges whose recorder AMI does not show, and callgate's account may not stop: the callee leaves them.

    def conference(self, message: Message) -> None:
        """A conference begins or ends to record; and any bridge that is gone records nothing."""
        bridge = message.get("BridgeUniqueid")
        if message.get("Event") == "ConfbridgeRecord":
            self._recorded.add(bridge)
            for pilot in self._fleet.all():
                self._leave_recorded(pilot)
        else:
            self._recorded.discard(bridge)

    def entered(self, message: Message) -> None:
        """A channel came into a bridge. What ARI does with one of its own, nobody sees from outside."""
        if message.get("BridgeCreator") == "Stasis":
            self._recorded.add(message.get("BridgeUniqueid"))
        for pilot in self._company.concerned(message.get("Uniqueid")):
            self._leave_recorded(pilot)

    def _leave_recorded(self, pilot: Pilot) -> None:
        callee = self._channels.get(pilot.callee or "")
        if callee is not None and pilot.is_open and self._company.bridges_of(pilot) & self._recorded:
            self._hang_up(callee, pilot, "bridge")

    # Applications.

    def applications(self, snapshot: list[Message], *, gap: bool = False) -> None:
        """What runs on the channels that a callee hears, as CoreShowChannels tells it.

        After a `gap` nobody knows which conferences record.
        """
        forbidden = RECORDING_APPLICATIONS | ({"confbridge"} if gap else set())
        for message in snapshot:
            if message.get("Application").lower() not in forbidden:
                continue
            channel = self._channels.get(message.get("Uniqueid"))
            for pilot in self._company.concerned(channel.uniqueid) if channel is not None else ():
                if channel is not None and pilot.is_open:
                    self._hang_up(channel, pilot, message.get("Application").lower())

    def _hang_up(self, channel: Channel, pilot: Pilot, means: str) -> None:
        self._exchange.background(self._exchange.hang_up(channel.name))
        self._alarm(means, channel, pilot)

    def _alarm(self, means: str, channel: Channel, pilot: Pilot) -> None:
        self._exchange.alarm(
            "recording-without-consent",
            means=means,
            endpoint=channel.endpoint,
            call=pilot.id,
            agent=pilot.agent,
            context=channel.context,
            extension=channel.extension,
        )

    # After a gap.

    def insist(self, pilot: Pilot) -> None:
        """What began unseen cannot be told from what may be there: every recorder is stopped but callgate's own."""
        for channel in self._hearing(pilot):
            if not (channel.uniqueid == pilot.callee and pilot.wants_recording):
                self._exchange.background(self._exchange.stop_recording(channel.name))


def _spy_records(data: str) -> bool:
    """Whether ChanSpy's arguments ask for a recording: `prefix,options` with an `r` outside parentheses."""
    options, depth = data.partition(",")[2], 0
    for letter in options:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "r" and depth == 0:
            return True
    return False
