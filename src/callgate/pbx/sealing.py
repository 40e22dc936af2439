"""Sealing a recording until it is sealed: in steps whose order survives a power cut, tried again until they hold.

1. The office gives a key for this one file, fresh at each try, and keeps what opens it again.
2. The file is sealed, and on disk under its final name.
3. The seal is committed, with the hashes of both.
4. The plain files go.

Cut off before 3, the plain files are there and the call is open in the ledger: it is taken up again and sealed anew,
the file that may be there already being replaced. Cut off after 3, the ledger says so, and the plain files go.

What cannot be done now (a full disk, a slow one, a ledger that is away) is an alarm, and is tried again for as long as
callgate runs. The person agreed to this recording, so it is not given up; it stays in the spool, in the clear, which
is why the alarm.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from callgate.boundary import Decision, Office
from callgate.core.events import Json, Kind
from callgate.core.faults import place_of
from callgate.core.sealedfile import FORMAT, Header
from callgate.pbx.recordings import Recordings, Sealed
from callgate.pbx.spool import NotRecorded

log = structlog.stdlib.get_logger()

AGAIN_S = (1.0, 5.0, 15.0, 60.0)
"""From one try to the next; the last for ever."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals the recordings of one node."""

    office: Office
    recordings: Recordings
    clock: Callable[[], datetime]

    async def seal(
        self, decision: Decision, agent: str, alarm: Callable[[str], None], *, committed: bool = False
    ) -> Sealed | None:
        """Seal a call's recording, and return when it is; None where it was before, or is not to be kept and destroyed.

        `committed`: the ledger says that it was sealed. `alarm` is told once of what stands in the way, and
        of a recording that is not whole.

        Raises `NotRecorded` where there is nothing that could be sealed.
        """
        call, sealed, tries = decision.call, None, 0
        while True:
            try:
                # Once it is committed the plain files only go: one of them may have gone already.
                if not (committed and await self.recordings.is_sealed(call)):
                    sealed = await self._commit(decision, agent)
                    committed = True
                await self.recordings.discard_plain(call)
            except NotRecorded:
                raise
            except Exception as error:
                # Whatever it is: what somebody agreed to is not given up.
                failed = {"error": type(error).__name__, "place": place_of(error)}
                log.error("recording-not-sealed", call=call, **failed)
            else:
                if sealed is not None and not sealed.whole:
                    alarm("recording-incomplete")
                return sealed
            if not tries:
                alarm("recording-not-sealed")
            await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
            tries += 1

    async def _commit(self, decision: Decision, agent: str) -> Sealed | None:
        """Seal it and commit that; None where it is not to be kept."""
        call, at = decision.call, self.clock().isoformat()
        given = await self.office.recording_key(call)
        if given is None:
            existed = await self.recordings.destroy(call)
            await self.office.record(Kind.RECORDING_DESTROYED, call, {"why": "not to be kept", "existed": existed})
            return None
        header = Header(call, decision.controller, decision.campaign, at, given.subject, given.wrapped)
        sealed = await self.recordings.seal(call, given.key, header)
        await self.office.record(Kind.RECORDING_SEALED, call, _facts(sealed, decision, agent))
        return sealed


def _facts(sealed: Sealed, decision: Decision, agent: str) -> dict[str, Json]:
    """What the ledger keeps of it. Centre and campaign say later who may listen, when the verdict may be gone."""
    return {
        "seconds": round(sealed.seconds, 2),
        "sha256": sealed.sha256,
        "sealed_sha256": sealed.sealed_sha256,
        "format": FORMAT,
        "whole": sealed.whole,
        "centre": decision.centre,
        "campaign": decision.campaign,
        "agent": agent,
    }
