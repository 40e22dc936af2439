"""May this call be made?

The order of the rules, and the answer of the first that speaks against the call:

1. What was dialled is one telephone number.
2. The call centre is known, the campaign is known.
3. The centre holds a processor contract with the campaign's controller that has not lapsed (GDPR Art. 28), and stands
   in the EEA or on a transfer basis that has not lapsed (Art. 44-49).
4. The campaign calls the number's country.
5. callgate can know: the suppression store answers, is complete, and holds a fresh copy of each list of that country.
6. The person objected: to the controller, to the campaign, or to everyone (Art. 21). Nothing outweighs that here.
7. The number is on a national list that binds the campaign.

Rules 1 to 4 need no store, so that a call which they block costs no round trip. What cannot be known is a block (P6).
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callgate.core import phone
from callgate.core.phone import Number
from callgate.core.policy import EEA, Campaign, Centre, Policy
from callgate.core.reasons import ALLOWING, SENTENCES, Reason


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A question at the gate. `pbx` and `uniqueid` together name the asking channel; UNIQUEIDs of two PBXs collide."""

    pbx: str
    uniqueid: str
    channel: str
    dialled: str
    campaign: str
    centre: str
    agent: str


class Scope(StrEnum):
    """Whose calls an entry of the suppression store speaks against."""

    NATIONAL = "national"
    ALL = "all"
    CONTROLLER = "controller"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Hit:
    """The number is in the store: under this scope, from this source (a list's id, or "objection")."""

    scope: Scope
    source: str


@dataclass(frozen=True, slots=True)
class ListState:
    """A loaded list: its version and the moment to which its source was true."""

    version: str
    scrubbed_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What the suppression store knows of one number for one campaign."""

    hits: tuple[Hit, ...]
    lists: dict[str, ListState]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the store's word cannot be had; `detail` is for the officer."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a verdict's trail: the rule that was looked at, whether it let the call pass, and what it saw."""

    name: str
    passed: bool
    saw: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allow or block, with the reason, the officer's sentence and the trail of rules that led to it."""

    reason: Reason
    detail: str
    trail: tuple[Rule, ...]
    policy: str
    number: Number | None = None
    campaign: Campaign | None = None
    centre: Centre | None = None

    @property
    def allowed(self) -> bool:
        """Whether the trunk may ring."""
        return self.reason in ALLOWING

    @property
    def outcome(self) -> str:
        """`allow` or `block`: the word in the dialplan, the ledger and the API."""
        return "allow" if self.allowed else "block"

    @property
    def sentence(self) -> str:
        """The sentence for the agent."""
        return SENTENCES[self.reason]


class _Trail:
    """Collects the rules, and knows what every verdict of one question carries."""

    def __init__(self, policy: Policy) -> None:
        self.rules: list[Rule] = []
        self.policy = policy
        self.number: Number | None = None
        self.campaign: Campaign | None = None
        self.centre: Centre | None = None

    def fork(self) -> "_Trail":
        other = copy(self)
        other.rules = list(self.rules)
        return other

    def passed(self, name: str, saw: str) -> None:
        self.rules.append(Rule(name, True, saw))

    def verdict(self, reason: Reason, name: str, detail: str) -> Verdict:
        self.rules.append(Rule(name, reason in ALLOWING, detail))
        return Verdict(reason, detail, tuple(self.rules), self.policy.version, self.number, self.campaign, self.centre)


@dataclass(frozen=True, slots=True)
class Question:
    """A call that no rule before the store speaks against: what is left to ask the store, then `answer`."""

    number: Number
    campaign: Campaign
    centre: Centre
    trail: _Trail

    @property
    def lists(self) -> tuple[str, ...]:
        """The national lists that bind this call."""
        return self.campaign.lists.get(self.number.country, ())


def ask(request: CallRequest, policy: Policy, now: datetime) -> Question | Verdict:
    """Rules 1 to 4: a verdict that blocks, or what is left to ask the store."""
    trail = _Trail(policy)
    try:
        number = trail.number = phone.parse(request.dialled, policy.home, policy.outside_line)
    except phone.NotANumber as error:
        return trail.verdict(Reason.BAD_NUMBER, "number", str(error))
    trail.passed("number", f"{number.masked}, {number.kind}, {number.country or 'no country'}")

    centre = trail.centre = policy.centres.get(request.centre)
    if centre is None:
        return trail.verdict(Reason.UNKNOWN_CENTRE, "centre", f"no centre {request.centre!r} is configured")
    trail.passed("centre", f"{centre.id} in {centre.country}")
    campaign = trail.campaign = policy.campaigns.get(request.campaign)
    if campaign is None:
        return trail.verdict(Reason.UNKNOWN_CAMPAIGN, "campaign", f"no campaign {request.campaign!r} is configured")
    trail.passed("campaign", f"{campaign.id} of {campaign.controller}, {campaign.purpose}")

    return _contracts(trail, centre, campaign, now) or _country(trail, number, centre, campaign)


def _contracts(trail: _Trail, centre: Centre, campaign: Campaign, now: datetime) -> Verdict | None:
    """Rule 3."""
    mandate = trail.policy.mandates.get((campaign.controller, centre.id))
    if mandate is None:
        detail = f"no processor contract between {campaign.controller} and {centre.id} is on file (GDPR Art. 28(3))"
        return trail.verdict(Reason.NOT_MANDATED, "contract", detail)
    if mandate.expires < now.date():
        detail = f"the processor contract {mandate.reference} lapsed on {mandate.expires} (GDPR Art. 28(3))"
        return trail.verdict(Reason.NO_CONTRACT, "contract", detail)
    trail.passed("contract", f"{mandate.reference}, until {mandate.expires}")

    if centre.country in EEA:
        trail.passed("transfer", f"{centre.country} is in the EEA")
        return None
    basis = centre.transfer_basis
    if basis is None:
        detail = (
            f"{centre.id} is in {centre.country}, outside the EEA, and no transfer basis is on file: an adequacy"
            " decision or standard contractual clauses are missing (GDPR Art. 44-46)"
        )
        return trail.verdict(Reason.NO_TRANSFER_BASIS, "transfer", detail)
    if basis.expires < now.date():
        detail = f"the transfer basis of {centre.id}, {basis.kind} {basis.reference}, lapsed on {basis.expires}"
        return trail.verdict(Reason.NO_TRANSFER_BASIS, "transfer", detail)
    trail.passed("transfer", f"{basis.kind} {basis.reference}, until {basis.expires}")
    return None


def _country(trail: _Trail, number: Number, centre: Centre, campaign: Campaign) -> Question | Verdict:
    """Rule 4."""
    if number.country not in campaign.countries:
        served = ", ".join(sorted(campaign.countries)) or "none"
        detail = f"{campaign.id} calls {served}; the number is of {number.country or 'no single country'}"
        return trail.verdict(Reason.COUNTRY_NOT_SERVED, "country", detail)
    trail.passed("country", number.country)
    return Question(number, campaign, centre, trail)


def answer(question: Question, facts: Facts | Unknown, now: datetime) -> Verdict:
    """Rules 5 to 7. May be called again with newer facts: the trail of the question itself is left as it was."""
    trail = question.trail.fork()
    if isinstance(facts, Unknown):
        return trail.verdict(facts.reason, "store", facts.detail)
    for name in question.lists:
        stale = _freshness(trail, name, facts.lists.get(name), now)
        if stale is not None:
            return stale
    return _suppressed(trail, facts.hits) or trail.verdict(Reason.CLEAR, "clear", SENTENCES[Reason.CLEAR])


def _freshness(trail: _Trail, name: str, state: ListState | None, now: datetime) -> Verdict | None:
    """Rule 5, for one list."""
    allowed = timedelta(days=trail.policy.lists[name].max_age_days)
    if state is None:
        return trail.verdict(Reason.LIST_MISSING, f"list {name}", f"the list {name} was never loaded")
    if now - state.scrubbed_at > allowed:
        of = f"{state.scrubbed_at:%Y-%m-%d}"
        detail = f"the list {name}, version {state.version}, is of {of}; {allowed.days} days are allowed"
        return trail.verdict(Reason.LIST_STALE, f"list {name}", detail)
    trail.passed(f"list {name}", f"version {state.version} of {state.scrubbed_at:%Y-%m-%d}")
    return None


def _suppressed(trail: _Trail, hits: Iterable[Hit]) -> Verdict | None:
    """Rules 6 and 7: an objection speaks before a list."""
    by_scope = {hit.scope: hit for hit in hits}
    for scope in (Scope.ALL, Scope.CONTROLLER, Scope.CAMPAIGN):
        if scope in by_scope:
            detail = f"an objection with the scope {scope} is on file (GDPR Art. 21)"
            return trail.verdict(Reason.OBJECTION, "objection", detail)
    trail.passed("objection", "none on file")
    if Scope.NATIONAL in by_scope:
        source = by_scope[Scope.NATIONAL].source
        return trail.verdict(Reason.NATIONAL_LIST, f"list {source}", f"the number is on {source}")
    return None
