"""What lists and the law say of calls to a person, whenever they are made and however often.

It is judged by the gate's own rules, once for all leads that these cannot tell apart: of one country, on the same
lists, without a consent or a relation on file. Only those with one are judged one by one. Kinds of line are told apart
where the law does so, which means that each number has to be read once more.

Left to the gate is what is about the call: the hour, earlier calls, the number that is shown, what is offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from callgate.core import law, legal, phone
from callgate.core.bulk import Numbers
from callgate.core.gate import ListState
from callgate.core.law import NOTHING, Listing, Topic
from callgate.core.phone import KINDS, Number
from callgate.core.policy import Campaign, Policy
from callgate.core.reasons import Reason
from callgate.scrub.judging import PLACES, OnFile, Unscrubbable, Verdicts

OF_PERSONS = frozenset({Topic.PACK, Topic.LIST, Topic.PRIOR_CONSENT, Topic.CONSENT_AGE})
_NOTHING_ON_FILE = OnFile()
_UNUSABLE = frozenset({Reason.LIST_MISSING, Reason.LIST_STALE})


@dataclass(frozen=True, slots=True)
class LawOfLists:
    """For calls of a campaign made `now`, with these lists in force. See `judging.Law`."""

    policy: Policy
    campaign: Campaign
    in_force: Mapping[str, ListState]
    now: datetime
    _judged: dict[tuple[str, str, frozenset[str]], Reason] = field(default_factory=dict)

    def lists(self, country: str) -> tuple[str, ...]:
        """Those to look into for calls to a country: the campaign's own, and the law's as far as they are loaded."""
        of_law = legal.lists_of(self.policy.law, country, self.campaign)
        loaded = (name for name in of_law if name in self.in_force)
        return tuple(dict.fromkeys((*self.campaign.lists.get(country, ()), *loaded)))

    def check(self) -> None:
        """That the law's lists are there and fresh. Raises `Unscrubbable`."""
        for country in sorted(self.campaign.countries):
            for kind in sorted(KINDS):
                self._reason(_of(country, kind), frozenset(), _NOTHING_ON_FILE)

    def unknown(self, country: str, listed: frozenset[str], numbers: Numbers) -> Verdicts:
        """See `judging.Law`."""
        of_kinds = {kind: self._without(country, kind, listed) for kind in KINDS}
        if len({*of_kinds.values()}) == 1:
            return np.full(len(numbers), PLACES[of_kinds.popitem()[1]], np.uint8)
        kinds = (phone.known(f"+{number}", country).kind for number in numbers.tolist())
        return np.fromiter((PLACES[of_kinds[kind]] for kind in kinds), np.uint8, len(numbers))

    def known(self, country: str, listed: frozenset[str], number: int, on_file: OnFile) -> int:
        """See `judging.Law`."""
        return PLACES[self._reason(phone.known(f"+{number}", country), listed, on_file)]

    def _without(self, country: str, kind: str, listed: frozenset[str]) -> Reason:
        alike = country, kind, listed
        if alike not in self._judged:
            self._judged[alike] = self._reason(_of(country, kind), listed, _NOTHING_ON_FILE)
        return self._judged[alike]

    def _reason(self, number: Number, listed: frozenset[str], on_file: OnFile) -> Reason:
        copies = {name: Listing(state.scrubbed_at, name in listed) for name, state in self.in_force.items()}
        related = legal.relations(self.campaign, on_file.related, self.now) if on_file.related else NOTHING
        call = legal.situation(number, self.campaign, consent=on_file.consent, relations=related, lists=copies)
        findings = [each for each in law.assess(self.policy.law, call, self.now) if each.topic in OF_PERSONS]
        against = legal.deciding(findings)
        if against is not None:
            reason = legal.reason_of(against, call.lists)
            if reason in _UNUSABLE:
                raise Unscrubbable(
                    f"calls to {number.country}: {against.saw} ({against.source}); import the list first"
                )
            return reason
        judged = {finding.rule for finding in findings}
        unjudged = (name for name in self.campaign.lists.get(number.country, ()) if name not in judged)
        return Reason.NATIONAL_LIST if any(name in listed for name in unjudged) else Reason.CLEAR


def _of(country: str, kind: str = "") -> Number:
    """Any number of a country."""
    return Number("", country, kind)
