"""May this call be made?

The order of the rules, and the answer of the first that speaks against the call:

1. What was dialled is one telephone number.
2. The call centre is known and not suspended, the campaign is known.
3. The centre may have the data of the campaign's controller: by a contract in force (GDPR Art. 28), and by where it
   stands (Art. 44-49; `processing`).
4. The campaign calls the number's country.
5. callgate can know: the suppression store answers, is complete, and holds a fresh copy of each list of that country.
6. The controller erased the person's data at their request, or restricted it (Art. 17, 18), or the person objected: to
   the controller, to the campaign, or to everyone (Art. 21). Nothing outweighs that here. Or their number begins with
   what the operator has numbers left alone that begin with it.
7. Nobody is calling the person for this company right now.
8. Every rule of law of the called party's country that binds the call lets it pass (`law`): hours, holidays, consent,
   national lists, contact pressure, caller ID. By the law as of the moment at which the call was asked for.
9. The number is on no list that the campaign names and no law judges.

Rules 1 to 4 need no store, so that a call which they block costs no round trip. What cannot be known is a block (P6).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from callgate.core import law, legal, phone, processing
from callgate.core.law import NOTHING, CapWindow, Consent, Contacts, Finding, Listing, Related, Share, Situation
from callgate.core.phone import Number
from callgate.core.policy import Campaign, Centre, Policy
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
    """Whose calls an entry of the suppression store speaks against.

    The last two speak against one controller's, which erased or restricted the person's data.
    """

    NATIONAL = "national"
    ALL = "all"
    CONTROLLER = "controller"
    CAMPAIGN = "campaign"
    ERASED = "erased"
    RESTRICTED = "restricted"


OBJECTION, PATTERN = "objection", "pattern"
_SCOPES = (Scope.ALL, Scope.CONTROLLER, Scope.CAMPAIGN)


@dataclass(frozen=True, slots=True)
class Hit:
    """The number is in the store: under this scope, from this source (a list's id, `OBJECTION` or `PATTERN`)."""

    scope: Scope
    source: str


@dataclass(frozen=True, slots=True)
class ListState:
    """A loaded list: its version and the moment to which its source was true."""

    version: str
    scrubbed_at: datetime


class Facts(NamedTuple):
    """What the store knows of one number for one campaign.

    `contacts` are earlier attempts, without this one; None is unknown. `busy`: another call to the person is under way
    for the same controller. `abandoned` is the campaign's share over each span of days that a law asks for.
    `related` is how the person and the controller are connected, with proof on file.
    """

    hits: tuple[Hit, ...]
    lists: dict[str, ListState]
    consent: Consent | None = None
    contacts: Contacts | None = None
    busy: bool = False
    abandoned: Mapping[int | None, Share] = NOTHING
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the store's word cannot be had; `detail` is for the officer."""

    reason: Reason
    detail: str


class Verdict(NamedTuple):
    """Allow or block, with the reason, the officer's sentence and the trail of rules that led to it.

    `retry_at` (UTC): when the law would let the call pass if nothing but time changed; None where time does not help.
    `lists` is the version of each national list that was looked into.
    """

    reason: Reason
    detail: str
    trail: tuple[Finding, ...]
    policy: str
    number: Number | None = None
    campaign: Campaign | None = None
    centre: Centre | None = None
    retry_at: datetime | None = None
    lists: Mapping[str, str] = NOTHING

    @property
    def source(self) -> str:
        """The source of the rule of law that decided; "" where none did."""
        return "" if self.allowed else self.trail[-1].source

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

    def __init__(self, policy: Policy, number: Number | None, of: "_Route | None" = None) -> None:
        self.findings: list[Finding] = []
        self.policy = policy
        self.number = number
        self.campaign = of.campaign if of else None
        self.centre = of.centre if of else None
        self.lists: Mapping[str, str] = NOTHING

    def passed(self, name: str, saw: str) -> None:
        self.findings.append(Finding(name, True, saw))

    def verdict(self, reason: Reason, name: str, detail: str) -> Verdict:
        self.findings.append(Finding(name, reason in ALLOWING, detail))
        return self.ended(reason, detail)

    def ended(self, reason: Reason, detail: str, retry_at: datetime | None = None) -> Verdict:
        whose = self.number, self.campaign, self.centre
        return Verdict(reason, detail, tuple(self.findings), self.policy.version, *whose, retry_at, self.lists)


@dataclass(frozen=True, slots=True, eq=False)
class _Route:
    """A campaign's calls into one country from one centre on one day, against which neither of rules 2 to 4 speaks."""

    policy: Policy
    campaign: Campaign
    centre: Centre
    passed: tuple[Finding, ...]
    lists: tuple[str, ...]


class Question(NamedTuple):
    """A call that no rule before the store speaks against: what is left to ask the store, then `answer`.

    `at` is when it was asked: the law's moment, also for a callee who answers a little later. `lists` are the national
    lists to ask for, `caps` those to count attempts against.
    """

    number: Number
    campaign: Campaign
    centre: Centre
    at: datetime
    lists: tuple[str, ...]
    caps: tuple[CapWindow, ...]
    read: Finding
    route: _Route


def ask(request: CallRequest, policy: Policy, now: datetime) -> Question | Verdict:
    """Rules 1 to 4: a verdict that blocks, or what is left to ask the store."""
    try:
        number = phone.parse(request.dialled, policy.home, policy.outside_line)
    except phone.NotANumber as error:
        return _Trail(policy, None).verdict(Reason.BAD_NUMBER, "number", str(error))
    read = Finding("number", True, f"{number.masked}, {number.kind}, {number.country or 'no country'}")
    route = _route(policy, request.centre, request.campaign, number.country, now.date())
    if isinstance(route, Verdict):
        return route._replace(number=number, trail=(read, *route.trail))
    caps = law.cap_windows(policy.law, legal.situation(number, route.campaign), now)
    return Question(number, route.campaign, route.centre, now, route.lists, caps, read, route)


@lru_cache(maxsize=1024)
def _route(policy: Policy, centre_id: str, campaign_id: str, country: str, day: date) -> _Route | Verdict:
    """Rules 2 to 4, which are the same for every number of a country; a verdict lacks the number."""
    trail = _Trail(policy, None)
    centre = trail.centre = policy.centres.get(centre_id)
    if centre is None:
        return trail.verdict(Reason.UNKNOWN_CENTRE, "centre", f"no centre {centre_id!r} is configured")
    if centre.suspended:
        return trail.verdict(Reason.CENTRE_SUSPENDED, "centre", f"{centre.id} is suspended")
    trail.passed("centre", f"{centre.id} in {centre.country}")
    campaign = trail.campaign = policy.campaigns.get(campaign_id)
    if campaign is None:
        return trail.verdict(Reason.UNKNOWN_CAMPAIGN, "campaign", f"no campaign {campaign_id!r} is configured")
    trail.passed("campaign", f"{campaign.id} of {campaign.controller}, {campaign.purpose}")
    if against := _contracts(trail, centre, campaign, day) or _country(trail, country, campaign):
        return against
    lists = (*campaign.lists.get(country, ()), *legal.lists_of(policy.law, country, campaign))
    return _Route(policy, campaign, centre, tuple(trail.findings), tuple(dict.fromkeys(lists)))


def _contracts(trail: _Trail, centre: Centre, campaign: Campaign, day: date) -> Verdict | None:
    """Rule 3."""
    for term in processing.terms(trail.policy, campaign.controller, centre, day):
        if not term.passed:
            return trail.verdict(term.reason, term.name, f"{term.saw} ({term.source})")
        trail.passed(term.name, term.saw)
    return None


def _country(trail: _Trail, country: str, campaign: Campaign) -> Verdict | None:
    """Rule 4."""
    if country not in campaign.countries:
        served = ", ".join(sorted(campaign.countries)) or "none"
        detail = f"{campaign.id} calls {served}; the number is of {country or 'no single country'}"
        return trail.verdict(Reason.COUNTRY_NOT_SERVED, "country", detail)
    trail.passed("country", country)
    return None


def answer(question: Question, facts: Facts | Unknown, now: datetime) -> Verdict:
    """Rules 5 to 9. May be called again with newer facts: the trail of the question itself is left as it was."""
    trail = _Trail(question.route.policy, question.number, question.route)
    trail.findings += (question.read, *question.route.passed)
    if isinstance(facts, Unknown):
        return trail.verdict(facts.reason, "store", facts.detail)
    if facts.lists:
        trail.lists = {name: state.version for name, state in facts.lists.items()}
    named = question.campaign.lists.get(question.number.country, ())
    for name in named:
        stale = _freshness(trail, name, facts.lists.get(name), now)
        if stale is not None:
            return stale
    if against := _objected(trail, facts.hits) or _in_progress(trail, facts):
        return against
    listed = {hit.source for hit in facts.hits if hit.scope is Scope.NATIONAL}
    copies = {name: Listing(state.scrubbed_at, name in listed) for name, state in facts.lists.items()}
    call = legal.situation(
        question.number,
        question.campaign,
        consent=facts.consent,
        relations=legal.relations(question.campaign, facts.related, question.at) if facts.related else NOTHING,
        contacts=facts.contacts,
        lists=copies,
        abandoned=facts.abandoned,
    )
    findings = law.assess(trail.policy.law, call, question.at)
    if against := _unlawful(trail, call, findings, question.at) or _listed(trail, listed.intersection(named), findings):
        return against
    trail.findings.append(_CLEAR)
    return trail.ended(Reason.CLEAR, _CLEAR.saw)


def _freshness(trail: _Trail, name: str, state: ListState | None, now: datetime) -> Verdict | None:
    """Rule 5, for one list."""
    allowed = timedelta(days=trail.policy.lists[name].max_age_days)
    if state is None:
        return trail.verdict(Reason.LIST_MISSING, f"list {name}", f"the list {name} was never loaded")
    if now - state.scrubbed_at > allowed:
        of = f"{state.scrubbed_at:%Y-%m-%d}"
        detail = f"the list {name}, version {state.version}, is of {of}; {allowed.days} days are allowed"
        return trail.verdict(Reason.LIST_STALE, f"list {name}", detail)
    trail.passed(f"list {name}", f"version {state.version} of {state.scrubbed_at.date()}")
    return None


def _objected(trail: _Trail, hits: Iterable[Hit]) -> Verdict | None:
    """Rule 6."""
    if not hits:
        trail.findings.append(_NO_OBJECTION)
        return None
    objected = {hit.scope for hit in hits if hit.source != PATTERN}
    covered = {hit.scope for hit in hits if hit.source == PATTERN}
    for mark, reason, detail in _MARKS:
        if mark in objected:
            return trail.verdict(reason, mark, detail)
    for scope in _SCOPES:
        if scope in objected:
            detail = f"an objection with the scope {scope} is on file (GDPR Art. 21)"
            return trail.verdict(Reason.OBJECTION, "objection", detail)
    trail.findings.append(_NO_OBJECTION)
    for scope in _SCOPES:
        if scope in covered:
            detail = f"a pattern with the scope {scope} covers the number: callgate suppress patterns"
            return trail.verdict(Reason.PATTERN, "pattern", detail)
    return None


_NO_OBJECTION: Final = Finding("objection", True, "none on file")
_NO_OTHER_CALL: Final = Finding("one call at a time", True, "no other call to this person is under way")
_CLEAR: Final = Finding("clear", True, SENTENCES[Reason.CLEAR])

_MARKS = (
    (Scope.ERASED, Reason.ERASED, "this controller erased the person's data at their request (GDPR Art. 17)"),
    (Scope.RESTRICTED, Reason.RESTRICTED, "this controller may only keep the person's data (GDPR Art. 18)"),
)
"""What says more than an objection does, and so comes before it."""


def _in_progress(trail: _Trail, facts: Facts) -> Verdict | None:
    """Rule 7."""
    if facts.busy:
        return trail.verdict(Reason.IN_PROGRESS, "one call at a time", "another call to this person is under way")
    trail.findings.append(_NO_OTHER_CALL)
    return None


def _unlawful(trail: _Trail, call: Situation, findings: tuple[Finding, ...], now: datetime) -> Verdict | None:
    """Rule 8: the trail has every finding, and the one that decides last."""
    against = legal.deciding(findings)
    if against is None:
        trail.findings += findings
        return None
    trail.findings += [finding for finding in findings if finding is not against]
    trail.findings.append(against)
    detail = f"{against.saw} ({against.source})" if against.source else against.saw
    retry_at = law.next_moment(trail.policy.law, call, now)
    return trail.ended(legal.reason_of(against, call.lists), detail, retry_at)


def _listed(trail: _Trail, names: set[str], findings: Iterable[Finding]) -> Verdict | None:
    """Rule 9."""
    for name in sorted(names.difference(finding.rule for finding in findings) if names else ()):
        return trail.verdict(Reason.NATIONAL_LIST, f"list {name}", f"the number is on {name}")
    return None
