"""The spool's disk while calls are recorded. MixMonitor says nothing of a full one, so somebody has to look.

A supervisor is told when less is free than what is to stay free, which is before sound is lost; of what was recorded
while the disk was full the ledger says that it is not whole.
"""

from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.pbx.recordings import Recordings


class SpoolWatch:
    """Looks every few seconds, and tells of what is wrong once for as long as it is."""

    def __init__(self, recordings: Recordings, fleet: Fleet, exchange: Exchange) -> None:
        self._recordings = recordings
        self._fleet = fleet
        self._exchange = exchange
        self._told = ""

    async def look(self) -> None:
        """Look once. Never raises."""
        recorded = [pilot.id for pilot in self._fleet.all() if pilot.wants_recording and not pilot.is_settled]
        trouble = await self._recordings.trouble(recorded) if recorded else ""
        if trouble and trouble != self._told:
            self._exchange.alarm(trouble)
        self._told = trouble
