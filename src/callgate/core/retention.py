"""How long what the ledger says is kept, by kind of event.

A term runs from the time of the event. When it is over, what the event says goes; that it was, and its place in the
chain, stays. Some kinds have no term: an objection holds until it is taken back, and what tells of erasures and
retention is what accounts for the gaps. Neither holds anything of a person but under their key.

What proves consents and refusals is kept as long as the law of the called person's country asks, where that is longer
than the operator's own term (UWG § 7a: five years; décret 2026-662: three). That § 7a counts "after each use" needs no
more: a consent to be called has no term here until the person is erased, and after that nobody uses it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from callgate.core.events import SUPPRESSING, DataClass, Kind, class_of
from callgate.core.law.rule import Pack, Rule, Topic
from callgate.core.law.terms import Retention

_OF_THE_LEDGER = {
    Kind.ERASURE,
    Kind.RETENTION,
    Kind.RESTORED,
    Kind.GAP_ACCEPTED,
    Kind.PARTNER_FETCHED,
    Kind.EXPORTED,
}
KEPT = SUPPRESSING | _OF_THE_LEDGER | {Kind.LIST_LOADED, Kind.POLICY_LOADED, Kind.ALARM, Kind.ALARM_TAKEN}
"""The kinds without a term."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each class of data is kept; `proof_by_law` has what the law asks for proof, by the called country."""

    contact: timedelta
    recording: timedelta
    proof: timedelta
    proof_by_law: Mapping[str, timedelta] = field(default_factory=dict)

    def proof_in(self, country: str) -> timedelta:
        """How long proof is kept of people called in a country; "", which nobody can tell, has the longest there is."""
        if not country:
            return self.longest_proof
        return max(self.proof, self.proof_by_law.get(country, self.proof))

    def kept_by_law(self, now: datetime) -> Mapping[str, datetime]:
        """For "" and each country whose law asks for a longer term of proof than the operator: from when it is kept."""
        countries = {"", *self.proof_by_law}
        return {country: now - term for country in countries if (term := self.proof_in(country)) > self.proof}

    @property
    def longest_proof(self) -> timedelta:
        """The longest that any country's law asks for proof, or the operator."""
        return max((self.proof, *self.proof_by_law.values()))

    def limits(self, now: datetime) -> Mapping[Kind, datetime]:
        """For each kind that has a term: what is dated before this moment is past it."""
        of_class = {
            DataClass.CONTACT: self.contact,
            DataClass.RECORDING: self.recording,
            DataClass.PROOF: self.proof,
        }
        return {kind: now - of_class[class_of(kind)] for kind in Kind if kind not in KEPT}


class Unlike(NamedTuple):
    """A rule of a country, and for how many days the operator keeps what it is about."""

    country: str
    rule: Rule
    days: int


def asked_by_law(law: Mapping[str, Pack], of: DataClass) -> Mapping[str, timedelta]:
    """For each region (ISO 3166) whose law says so: how long a class of data is kept at least.

    Versions of a rule that are over, or are still to come, count too: what was kept for too long can still go.
    """
    days = {
        region: [terms.at_least_days for _, terms in _rules(pack) if terms.keeps is of and terms.at_least_days]
        for region, pack in law.items()
    }
    return {region: timedelta(max(found)) for region, found in days.items() if found}


def unlike(law: Mapping[str, Pack], kept: Mapping[DataClass, int], countries: Iterable[str]) -> Iterator[Unlike]:
    """Of the countries: the rules by which what is `kept` for so many days is kept for too short, or for too long."""
    for country in (country for country in countries if country in law):
        for rule, terms in _rules(law[country]):
            days = kept.get(terms.keeps) if terms.keeps else None
            if days is not None and not (terms.at_least_days or 0) <= days <= (terms.at_most_days or days):
                yield Unlike(country, rule, days)


def _rules(pack: Pack) -> Iterator[tuple[Rule, Retention]]:
    return ((rule, rule.terms) for rule in pack.of(Topic.RETENTION) if isinstance(rule.terms, Retention))


@dataclass(frozen=True, slots=True)
class RecordingTerms:
    """How long recordings are kept, from when they were sealed; `campaigns` have terms of their own, none longer."""

    term: timedelta
    campaigns: Mapping[str, timedelta] = field(default_factory=dict)

    def of(self, campaign: str) -> timedelta:
        """The term of a campaign's recordings."""
        return min(self.term, self.campaigns.get(campaign, self.term))
