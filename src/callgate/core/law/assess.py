"""What the law of the called party's country says to a call.

Rules are those in force on the called party's own date; where their clocks show two dates, those of both. Each rule
that binds the callee and the purpose gives one finding, and the call may be made when all passed. Rules of marketing
bind marketing calls only. No pack, no marketing calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from callgate.core.law.finding import Finding
from callgate.core.law.judge import JUDGES, SHARED, Case, Met, standing, window_start
from callgate.core.law.opening import APPOINTMENT, Moment, Opening, Span, on, shown
from callgate.core.law.rule import Callee, Pack, Rule, Status, Topic
from callgate.core.law.situation import Common, Situation
from callgate.core.law.terms import ConsentAge, ContactCap, Counted, DaysOff, Hours, PriorConsent, YieldsTo
from callgate.core.law.zones import zones
from callgate.core.purpose import Purpose

_TIMED = (Topic.HOURS, Topic.DAYS_OFF)
_TRIES = 100
"""How many times a next moment is looked for before the answer is that there is none."""


@dataclass(frozen=True, slots=True)
class CapWindow:
    """A cap to count attempts against: at most `max` since `since` (UTC; None is ever)."""

    rule: str
    per: Counted
    max: int
    since: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class _Bound:
    """The rules that bind a kind of call on some days.

    Those about time, those about all else, those about time on any day, how old a consent may be, what asks for
    consent, and what lifts a rule about time.
    """

    timed: tuple[Rule, ...]
    judged: tuple[tuple[Rule, Topic], ...]
    ever: tuple[Rule, ...]
    age: timedelta | None
    asking: tuple[PriorConsent, ...]
    lifted_by: frozenset[YieldsTo]


class _Minute(NamedTuple):
    """What is the same for every call of a kind, to whoever may have these clocks, in one minute.

    The findings of rules about time are those of a call for which none of them is lifted.
    """

    bound: _Bound
    clocks: tuple[tzinfo, ...]
    local: Moment
    timed: tuple[Finding, ...]
    open: bool
    caps: tuple[CapWindow, ...]


def assess(packs: Mapping[str, Pack], situation: Situation, now: datetime) -> tuple[Finding, ...]:
    """A finding for every rule that binds the call; it may be made when all of them passed.

    `packs` is by region, as `by_region` makes it; `now` is aware. There is always at least one finding.
    """
    pack = packs.get(situation.number.country)
    if pack is None:
        return (_unruled(situation, f"the law of {situation.number.country or 'no single country'} is not known"),)
    minute = _minute(pack, situation, now)
    bound, local = minute.bound, minute.local
    if local[0].date() < pack.since:
        return (_unruled(situation, f"the pack of {pack.country} says nothing of days before {pack.since}"),)
    counts = standing(situation.consent, bound.age)
    case = Case(situation, now.astimezone(UTC), minute.clocks, local, counts, bound.asking)
    shared = _in_common(bound, situation.common)
    findings = [
        found or _finding(rule, topic, JUDGES[topic](rule.terms, case))
        for found, (rule, topic) in zip(shared, bound.judged, strict=True)
    ]
    return (*_timed(minute, case), *findings) or (_unruled(situation, "no rule binds it"),)


def next_moment(packs: Mapping[str, Pack], situation: Situation, now: datetime) -> datetime | None:
    """When the call may be made: `now`, a later moment in UTC, or None where time alone does not bring it.

    Copies of lists are taken to be kept as fresh as they are now.
    """
    at = now
    for _ in range(_TRIES):
        failed = [
            finding
            for finding in assess(packs, situation, at)
            if not finding.passed and (at == now or finding.topic is not Topic.LIST)
        ]
        if not failed:
            return at
        times = [finding.retry_at for finding in failed if finding.retry_at is not None]
        if len(times) < len(failed):
            return None
        at = max(times)
    return None


def cap_windows(packs: Mapping[str, Pack], situation: Situation, now: datetime) -> tuple[CapWindow, ...]:
    """The caps that bind the call, for a store that counts and reserves. Needs nothing of `situation.contacts`."""
    pack = packs.get(situation.number.country)
    return () if pack is None else _minute(pack, situation, now).caps


def _minute(pack: Pack, situation: Situation, now: datetime) -> _Minute:
    number = situation.number
    clocks = zones(number, pack.zones[number.country])
    minute = now.replace(second=0, microsecond=0)
    return _in_minute(pack, number.country, clocks, (situation.treated_as, situation.purpose), minute)


@lru_cache(maxsize=1024)
def _in_minute(
    pack: Pack, region: str, clocks: tuple[tzinfo, ...], kind: tuple[Callee, Purpose], minute: datetime
) -> _Minute:
    local = on(clocks, minute)
    bound = _bound_on(pack, *kind, frozenset(moment.date() for moment in local))
    timed = _clocked(bound, Opening(bound.ever, clocks, region, {}), minute)
    caps = tuple(
        CapWindow(rule.name, terms.per, terms.max, window_start(terms.days, local) if terms.days else None)
        for rule, _ in bound.judged
        if isinstance(terms := rule.terms, ContactCap)
    )
    return _Minute(bound, clocks, local, timed, all(finding.passed for finding in timed), caps)


def _unruled(situation: Situation, saw: str) -> Finding:
    """No rule speaks: which is enough for a service call, and too little for a marketing call."""
    passed = situation.purpose is not Purpose.MARKETING
    return Finding("pack", passed, saw, "", Status.NONE_FOUND, Topic.PACK)


@lru_cache(maxsize=512)
def _bound_on(pack: Pack, callee: Callee, purpose: Purpose, days: frozenset[date]) -> _Bound:
    ever = tuple(rule for rule in pack.rules if callee in rule.binds and purpose in rule.purposes)
    rules = tuple(rule for rule in ever if any(rule.in_force(day) for day in days))
    return _Bound(
        timed=tuple(rule for rule in rules if rule.topic in _TIMED),
        judged=tuple((rule, rule.topic) for rule in rules if rule.topic in JUDGES or rule.topic in SHARED),
        ever=tuple(rule for rule in ever if rule.topic in _TIMED),
        age=min(
            (timedelta(days=rule.terms.days) for rule in rules if isinstance(rule.terms, ConsentAge)), default=None
        ),
        asking=tuple(rule.terms for rule in rules if isinstance(rule.terms, PriorConsent)),
        lifted_by=frozenset(rule.terms.yields_to for rule in ever if isinstance(rule.terms, Hours | DaysOff))
        - {YieldsTo.NOTHING},
    )


def _finding(rule: Rule, topic: Topic, met: Met) -> Finding:
    return Finding(rule.name, met.passed, met.saw, rule.source, rule.status, topic, rule.origin, met.retry_at)


@lru_cache(maxsize=1024)
def _in_common(bound: _Bound, common: Common) -> tuple[Finding | None, ...]:
    """What each rule finds that looks at nothing else; None for those that do."""
    return tuple(
        _finding(rule, topic, met) if topic in SHARED and (met := SHARED[topic](rule.terms, common)) else None
        for rule, topic in bound.judged
    )


def _timed(minute: _Minute, case: Case) -> tuple[Finding, ...]:
    """The findings about hours and days off: what the minute says, but for whom a rule that is closed may be lifted."""
    if minute.open or not (lifts := _lifts(minute.bound.lifted_by, case)):
        return minute.timed
    return _clocked(
        minute.bound, Opening(minute.bound.ever, case.clocks, case.situation.number.country, lifts), case.now
    )


def _clocked(bound: _Bound, opening: Opening, now: datetime) -> tuple[Finding, ...]:
    """The findings of a moment, which share the one at which all of them would pass.

    The search for that moment runs into days on which other versions of the rules are in force.
    """
    local = on(opening.clocks, now)
    closed = [opening.closed(rule, local) for rule in bound.timed]
    retry_at = opening.next_open(now) if any(closed) else None
    open_at = "; ".join(map(shown, local))
    return tuple(
        Finding(
            rule.name,
            not why,
            why or open_at,
            rule.source,
            rule.status,
            rule.topic,
            rule.origin,
            retry_at if why else None,
        )
        for rule, why in zip(bound.timed, closed, strict=True)
    )


def _lifts(by: frozenset[YieldsTo], case: Case) -> dict[YieldsTo, Span]:
    """When what may lift a rule about hours or days does so."""
    consent = case.situation.consent
    if case.standing is None or consent is None:
        return {}
    lifts = {YieldsTo.CONSENT: case.standing} if YieldsTo.CONSENT in by else {}
    if consent.appointment is not None:
        end = min(consent.appointment + APPOINTMENT, case.standing.end)
        lifts[YieldsTo.APPOINTMENT] = Span(max(consent.appointment, case.standing.start), end)
    return lifts
