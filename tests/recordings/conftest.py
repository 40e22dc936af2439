"""An office with a real ledger, and a node that seals into its archive."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from callgate.boundary import Heard, Played
from callgate.core.access import Principal, Role
from callgate.core.events import DataClass, Event, Kind
from callgate.core.policy import Policy
from callgate.office.local import LocalOffice
from callgate.pbx.recordings import Recordings, Sealed
from callgate.pbx.sealing import Sealer
from callgate.recordings.archive import Archive
from callgate.recordings.listening import Listening
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.journal import Journal
from callgate.stores.schema import Entry
from tests.node.fakes import DECISION
from tests.node.sounds import record
from tests.stores.conftest import ANNA, NOW, either, journal, ledger, postgres, url

__all__ = ["either", "journal", "ledger", "postgres", "url"]

OFFICER = Principal("A. Officer", Role.OFFICER)
HEARD = Heard(
    (Played("question", "fr", "ab" * 32, "Pouvons-nous enregistrer ?", 2500, whole=True),), "1", NOW, 12.5, "PJSIP/c-1"
)


@dataclass(slots=True)
class House:
    """Everything that a recording passes through."""

    ledger: Ledger
    recordings: Recordings
    archive: Archive
    now: datetime = NOW

    @property
    def office(self) -> LocalOffice:
        """A new one, which remembers no call."""
        return LocalOffice(
            self.ledger,
            cast(SuppressionCache, None),
            policy=lambda: cast(Policy, None),
            clock=lambda: self.now,
            doubt=lambda _: None,
            alarm=lambda _: None,
        )

    @property
    def listening(self) -> Listening:
        return Listening(self.ledger, self.archive, lambda: self.now)

    async def consented(self, call: str = "c1", number: str = ANNA, controller: str = "acme") -> None:
        """A call whose callee agreed, and whose recording began."""
        said = {"outcome": "allow", "pbx": "lab", "centre": "brussels", "campaign": "spring"}
        await self.ledger.append([Event(Kind.VERDICT, self.now, call, number, controller, dict(said))])
        office = self.office
        await office._remember(call)
        await office.consent(call, HEARD)
        await office.record(Kind.RECORDING_STARTED, call, {})

    async def seal(
        self, call: str = "c1", seconds: float = 0.5, campaign: str = "spring", controller: str = "acme"
    ) -> Sealed | None:
        """Asterisk wrote a recording of this call, and it is sealed."""
        record(self.recordings, call, seconds)
        decision = replace(DECISION, call=call, campaign=campaign, controller=controller)
        sealer = Sealer(self.office, self.recordings, lambda: self.now)
        return await sealer.seal(decision, "alice", _alarm)

    async def recorded(
        self, call: str = "c1", number: str = ANNA, seconds: float = 0.5, campaign: str = "spring"
    ) -> Sealed:
        """Both."""
        await self.consented(call, number)
        sealed = await self.seal(call, seconds, campaign)
        assert sealed is not None
        return sealed

    async def erase(self, journal: Journal, number: str = ANNA, of: DataClass = DataClass.RECORDING) -> int:
        """Destroy the person's keys of one class."""
        destroyed, _ = await self.ledger.erase(number, "acme", [of], self.now, by="A. Officer", journal=journal)
        return destroyed

    async def entered(self, kind: Kind) -> list[Entry]:
        """The events of a kind."""
        return await self.ledger.read(kinds=[kind])

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days)


def _alarm(what: str) -> None:
    raise AssertionError(what)


def make_house(ledger: Ledger, folder: Path) -> House:
    """A house in a folder of its own."""
    (folder / "spool").mkdir(mode=0o700)
    return House(ledger, Recordings(folder / "spool", folder / "sealed"), Archive(folder / "sealed"))


@pytest.fixture
def house(ledger: Ledger, tmp_path: Path) -> House:
    return make_house(ledger, tmp_path)
