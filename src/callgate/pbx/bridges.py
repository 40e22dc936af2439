"""Who hears whom on one PBX: bridges, the two halves of Local channels, and spies, folded from AMI events.

What matters of a channel is not its own bridge alone. A Local channel joins two bridges, and a spy listens from
outside; so `reach` follows all of these. In a holding bridge (parking, waiting) nobody hears anybody.
"""

from collections.abc import Iterable

from callgate.pbx.ami import Message
from callgate.pbx.channels import Channels

_HOLDING = "holding_bridge"


class Bridges:
    """The bridges of one PBX. What it is told may come twice."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._bridge_of: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self._holding: set[str] = set()
        self._spies: dict[str, str] = {}

    def reset(self, snapshot: Iterable[Message], bridges: Iterable[Message] = ()) -> None:
        """What CoreShowChannels lists is what there is; `bridges`, of BridgeList, tell which are for holding.

        In one of which nobody told, everybody hears everybody. Neither list tells of spies.
        """
        self._bridge_of, self._members, self._spies = {}, {}, {}
        self._holding |= {told.get("BridgeUniqueid") for told in bridges if told.get("BridgeTechnology") == _HOLDING}
        for message in snapshot:
            if bridge := message.get("BridgeId"):
                self._enter(message.get("Uniqueid"), bridge)
        self._holding &= self._members.keys()

    def see(self, message: Message) -> None:
        """Take in one event."""
        uniqueid, bridge = message.get("Uniqueid"), message.get("BridgeUniqueid")
        match message.get("Event"):
            case "BridgeEnter":
                if message.get("BridgeTechnology") == _HOLDING:
                    self._holding.add(bridge)
                self._enter(uniqueid, bridge)
            case "BridgeLeave" if self._bridge_of.get(uniqueid) == bridge:
                self._leave(uniqueid)
            case "Hangup":
                self._leave(uniqueid)
                self._spies.pop(uniqueid, None)
            case "Newchannel" if message.get("Channel").startswith("Snoop/"):
                self._spies[uniqueid] = message.get("Channel").removeprefix("Snoop/").rpartition("-")[0]
            case "ChanSpyStart":
                self._spies[message.get("SpyerUniqueid")] = message.get("SpyeeUniqueid")
            case "ChanSpyStop":
                self._spies.pop(message.get("SpyerUniqueid"), None)

    def bridge_of(self, uniqueid: str) -> str:
        """The bridge that the channel is in, if any."""
        return self._bridge_of.get(uniqueid, "")

    def holds(self, uniqueid: str) -> bool:
        """Whether the channel is in a bridge. One that is not runs an application of the dialplan."""
        return uniqueid in self._bridge_of

    def reach(self, uniqueid: str) -> set[str]:
        """The channels whose ends hear this one, or are heard by it, itself among them."""
        reached, edge = {uniqueid}, [uniqueid]
        while edge:
            for other in self._beside(edge.pop()) - reached:
                reached.add(other)
                edge.append(other)
        return reached

    def _beside(self, uniqueid: str) -> set[str]:
        bridge = self._bridge_of.get(uniqueid, "")
        beside = set(self._members.get(bridge, ())) if bridge not in self._holding else set()
        beside.update(spyer for spyer, spyee in self._spies.items() if spyee == uniqueid)
        if uniqueid in self._spies:
            beside.add(self._spies[uniqueid])
        if (half := self.other_half(uniqueid)) is not None:
            beside.add(half)
        return beside

    def other_half(self, uniqueid: str) -> str | None:
        """The other half of a Local channel, as far as it is known."""
        channel = self._channels.get(uniqueid)
        if channel is None or not channel.is_local:
            return None
        pair = {"1": "2", "2": "1"}.get(channel.name[-1:], "")
        half = self._channels.named(channel.name[:-1] + pair)
        return half.uniqueid if half else None

    def _enter(self, uniqueid: str, bridge: str) -> None:
        self._leave(uniqueid)
        self._bridge_of[uniqueid] = bridge
        self._members.setdefault(bridge, set()).add(uniqueid)

    def _leave(self, uniqueid: str) -> None:
        if (bridge := self._bridge_of.pop(uniqueid, None)) is None:
            return
        members = self._members[bridge]
        members.discard(uniqueid)
        if not members:
            del self._members[bridge]
            self._holding.discard(bridge)
