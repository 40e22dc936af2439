"""How long what the ledger says is kept, by kind of event.

A term runs from the time of the event. When it is over, what the event says goes; that it was, and its place in the
chain, stays. Some kinds have no term: an objection holds until it is taken back, and what tells of erasures and
retention is what accounts for the gaps. Neither holds anything of a person but under their key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callgate.core.events import SUPPRESSING, DataClass, Kind, class_of

_OF_THE_LEDGER = {Kind.ERASURE, Kind.RETENTION, Kind.RESTORED, Kind.GAP_ACCEPTED, Kind.PARTNER_FETCHED}
KEPT = SUPPRESSING | _OF_THE_LEDGER | {Kind.LIST_LOADED, Kind.POLICY_LOADED, Kind.ALARM, Kind.ALARM_TAKEN}
"""The kinds without a term."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each class of data is kept."""

    contact: timedelta
    recording: timedelta
    proof: timedelta

    def limits(self, now: datetime) -> Mapping[Kind, datetime]:
        """For each kind that has a term: what is dated before this moment is past it."""
        of_class = {
            DataClass.CONTACT: self.contact,
            DataClass.RECORDING: self.recording,
            DataClass.PROOF: self.proof,
        }
        return {kind: now - of_class[class_of(kind)] for kind in Kind if kind not in KEPT}


@dataclass(frozen=True, slots=True)
class RecordingTerms:
    """How long recordings are kept, from when they were sealed; `campaigns` have terms of their own, none longer."""

    term: timedelta
    campaigns: Mapping[str, timedelta] = field(default_factory=dict)

    def of(self, campaign: str) -> timedelta:
        """The term of a campaign's recordings."""
        return min(self.term, self.campaigns.get(campaign, self.term))
