"""On what ground a call centre's country may have the data (GDPR Art. 44 to 49), as of a day.

It is in the European Economic Area; or the Commission found it adequate (Art. 45), by itself or for those who are
certified; or the standard contractual clauses were signed with it (Art. 46(2)(c)). No ground, no calls.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date

from callgate.core.law.rule import Sure


@dataclass(frozen=True, slots=True)
class Adequacy:
    """A decision under Art. 45(3): both dates are the first and last day of its force.

    `scheme` is what a recipient there must be certified under, such as `DPF`; "" where the whole country is adequate.
    """

    country: str
    decision: str
    since: date
    until: date
    sure: Sure
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class Clauses:
    """Clauses that the Commission adopted: the decision, and the first day on which they could be signed."""

    decision: str
    since: date


@dataclass(frozen=True, slots=True)
class Transfers:
    """What was in force when it was `checked`: the EEA's countries (ISO 3166), adequacy decisions, clauses."""

    checked: date
    eea: frozenset[str]
    adequate: tuple[Adequacy, ...]
    clauses: Clauses


@dataclass(frozen=True, slots=True)
class Signed:
    """The standard clauses as signed with one centre; `expires` is their last day."""

    reference: str
    signed: date
    expires: date


@dataclass(frozen=True, slots=True)
class Ground:
    """Whether the centre may have the data, what was looked at, the source, and the last day on which this holds."""

    passed: bool
    saw: str
    source: str
    until: date = date.max


def ground(
    transfers: Transfers,
    country: str,
    day: date,
    signed: Signed | None = None,
    certified: Container[str] = (),
) -> Ground:
    """The ground that holds longest, or why there is none.

    `certified` names the schemes under which the centre is certified and that the operator relies on: who takes `DPF`
    out of it for every centre has switched the framework off.
    """
    if country in transfers.eea:
        return Ground(True, f"{country} is in the EEA", "GDPR Art. 44")
    grounds = [_adequate(decision, day, certified) for decision in transfers.adequate if decision.country == country]
    if signed is not None:
        grounds.append(_clauses(transfers.clauses, signed, day))
    holding = [each for each in grounds if each.passed]
    if holding:
        return max(holding, key=lambda each: each.until)
    saw = "; ".join(each.saw for each in grounds) or "no adequacy decision, and no standard clauses on file"
    return Ground(False, f"{country} is outside the EEA: {saw}", "GDPR Art. 44-46")


def _adequate(decision: Adequacy, day: date, certified: Container[str]) -> Ground:
    source = f"GDPR Art. 45, {decision.decision}"
    if day < decision.since:
        return Ground(False, f"adequate only from {decision.since}", source)
    if day > decision.until:
        return Ground(False, f"adequate only until {decision.until}", source)
    if decision.scheme and decision.scheme not in certified:
        return Ground(False, f"adequate only under {decision.scheme}, which is not relied on for this centre", source)
    under = f" under {decision.scheme}" if decision.scheme else ""
    return Ground(True, f"{decision.country} is adequate{under}", source, decision.until)


def _clauses(clauses: Clauses, signed: Signed, day: date) -> Ground:
    source = f"GDPR Art. 46(2)(c), {clauses.decision}"
    if signed.signed < clauses.since:
        return Ground(False, f"{signed.reference} was signed on {signed.signed}, before {clauses.decision}", source)
    if day < signed.signed:
        return Ground(False, f"{signed.reference} is signed as of {signed.signed}", source)
    if day > signed.expires:
        return Ground(False, f"{signed.reference} lapsed on {signed.expires}", source)
    return Ground(True, f"{signed.reference}, signed on {signed.signed}", source, signed.expires)
