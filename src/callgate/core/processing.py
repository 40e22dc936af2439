"""May this call centre have the data of this controller's people? By contract, and by where it stands.

A centre calls under a processor contract with the controller (GDPR Art. 28(3)), or as a sub-processor of a centre that
has one: then the controller authorised it there (Art. 28(2)), and the contract between the two centres is in force as
well (Art. 28(4)). Outside the European Economic Area there must be a ground for the transfer besides (Art. 44-49).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import takewhile

from callgate.core.law import transfers
from callgate.core.policy import Centre, Mandate, Policy
from callgate.core.reasons import Reason

CONTRACT, TRANSFER = "contract", "transfer"
WARNED = (60, 30, 7)
"""Days ahead at which it is said that something lapses: time to sign anew, to press, to stop hiring for it."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must hold: what it is about, whether it does, what was seen, the source, why a call is blocked
    where it does not, and the last day on which it will hold."""

    name: str
    passed: bool
    saw: str
    source: str
    reason: Reason
    until: date = date.max


@dataclass(frozen=True, slots=True)
class Lapse:
    """What lapses soon, or has lapsed: for which centre and controller, what, and its last day; None: it never held."""

    centre: str
    controller: str
    what: str
    until: date | None

    def __str__(self) -> str:
        """The sentence for people."""
        when = f"lapses after {self.until}" if self.until else "blocks every call"
        return f"{self.centre} for {self.controller} {when}: {self.what}"

    def warned(self, day: date) -> int:
        """The warning that is due on a day: the least of `WARNED` that the days left are within; 0 where none are left.

        What lapses later than all of them has none yet: then it is the first.
        """
        left = (self.until - day).days if self.until else -1
        return 0 if left < 0 else min((days for days in WARNED if left <= days), default=WARNED[0])


@lru_cache(maxsize=1024)
def terms(policy: Policy, controller: str, centre: Centre, day: date) -> tuple[Term, ...]:
    """What must hold on a day, up to the first that does not."""
    found = (*_contracts(policy, controller, centre, day), _transfer(policy, centre, day))
    holding = sum(1 for _ in takewhile(lambda term: term.passed, found))
    return found[: holding + 1]


def lapsing(policy: Policy, day: date, within: timedelta) -> list[Lapse]:
    """What of the mandates does not hold on a day, or will not some time after it; the soonest first."""
    found = [
        Lapse(centre, controller, term.saw, term.until if term.passed else None)
        for controller, centre in policy.mandates
        for term in terms(policy, controller, policy.centres[centre], day)
        if not term.passed or term.until <= day + within
    ]
    return sorted(found, key=lambda lapse: (lapse.until or date.min, lapse.centre, lapse.controller))


def _contracts(policy: Policy, controller: str, centre: Centre, day: date) -> Iterator[Term]:
    mandate = policy.mandates.get((controller, centre.id))
    if mandate is None:
        saw = f"no processor contract between {controller} and {centre.id} is on file"
        yield Term(CONTRACT, False, saw, "GDPR Art. 28(3)", Reason.NOT_MANDATED)
        return
    yield _in_force(mandate, day)
    if not mandate.under:
        return
    above = policy.mandates.get((controller, mandate.under))
    if above is None or above.under or centre.id not in above.sub_processors:
        saw = f"{controller} has not authorised {centre.id} as a sub-processor of {mandate.under}"
        yield Term(CONTRACT, False, saw, "GDPR Art. 28(2)", Reason.NOT_MANDATED)
        return
    yield _in_force(above, day)


def _in_force(mandate: Mandate, day: date) -> Term:
    source = "GDPR Art. 28(4)" if mandate.under else "GDPR Art. 28(3)"
    what = f"the processor contract {mandate.reference}"
    if day < mandate.since:
        return Term(CONTRACT, False, f"{what} begins on {mandate.since}", source, Reason.NO_CONTRACT)
    if day > mandate.expires:
        return Term(CONTRACT, False, f"{what} lapsed on {mandate.expires}", source, Reason.NO_CONTRACT)
    return Term(CONTRACT, True, f"{what}, until {mandate.expires}", source, Reason.NO_CONTRACT, mandate.expires)


def _transfer(policy: Policy, centre: Centre, day: date) -> Term:
    ground = transfers.ground(policy.transfers, centre.country, day, centre.clauses, centre.certified)
    saw = ground.saw
    if not ground.passed and centre.clauses is None:
        saw = f"{saw}; an adequacy decision or standard contractual clauses are missing"
    return Term(TRANSFER, ground.passed, saw, ground.source, Reason.NO_TRANSFER_BASIS, ground.until)
