"""Who is with a callee: the recording follows the callee's consent, and nobody is recorded who did not give theirs.

The agent's side is the channel that made the call, and every channel of its own call centre: colleagues and
supervisors, whom the centre told as their employer (docs/decisions/0008-third-parties.md). Whoever else the callee can
hear, or is heard by, is a third party: an outside line, another centre's telephone, a channel that tells of no centre,
the open end of a Local channel. While one is there the recording is paused.
"""

from callgate.core.call import BEFORE_TALK, On
from callgate.node.fleet import Fleet
from callgate.pbx.bridges import Bridges
from callgate.pbx.channels import Channel, Channels
from callgate.pilot import Pilot


class Company:
    """Follows who is with the callees of one PBX."""

    def __init__(self, channels: Channels, bridges: Bridges, fleet: Fleet) -> None:
        self._channels = channels
        self._bridges = bridges
        self._fleet = fleet

    def concerned(self, uniqueid: str) -> list[Pilot]:
        """The pilots whose callee this channel can hear, or is."""
        found = (self._fleet.of_leg(reached) for reached in self._bridges.reach(uniqueid))
        return [pilot for pilot in found if pilot is not None]

    def with_callee(self, pilot: Pilot) -> list[Channel]:
        """The channels with the callee, without the callee's own."""
        reached = self._bridges.reach(pilot.callee) - {pilot.callee} if pilot.callee else set()
        return [channel for uniqueid in reached if (channel := self._channels.get(uniqueid)) is not None]

    def bridges_of(self, pilot: Pilot) -> set[str]:
        """The bridges in which the callee is heard."""
        reached = self._bridges.reach(pilot.callee) if pilot.callee else set()
        return {bridge for uniqueid in reached if (bridge := self._bridges.bridge_of(uniqueid))}

    def look(self, pilot: Pilot, *, unseen: bool = False) -> None:
        """Tell the pilot when a third party came or went; `unseen` in a gap, and perhaps long ago."""
        if pilot.callee is None or pilot.state in BEFORE_TALK:
            return
        accompanied = any(self._is_stranger(channel, pilot) for channel in self.with_callee(pilot))
        if accompanied != pilot.accompanied:
            pilot.accompanied = accompanied
            came = On.OVERHEARD if unseen else On.JOINED
            pilot.signal(came if accompanied else On.PARTED)

    def wanders(self, pilot: Pilot) -> bool:
        """Whether the callee is in no bridge, though they were connected: an application of the dialplan has them.

        One whose channel waits for callgate's own word hears callgate, and no other application.
        """
        there = pilot.callee is not None and pilot.callee in self._channels and not pilot.is_interviewed
        return (
            there and pilot.is_open and pilot.state not in BEFORE_TALK and not self._bridges.holds(pilot.callee or "")
        )

    def _is_stranger(self, channel: Channel, pilot: Pilot) -> bool:
        if channel.uniqueid == pilot.uniqueid:
            return False
        if channel.is_local:
            half = self._bridges.other_half(channel.uniqueid)
            return half is None or not self._bridges.holds(half)
        return not channel.centre or channel.centre != pilot.decision.centre
