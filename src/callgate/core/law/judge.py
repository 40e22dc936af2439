"""Is a rule met? One function per kind of rule, but hours and days off, which are `opening`'s.

Each takes the rule's terms and the case, and gives a `Met`: whether it passes, what was looked at, and when time alone
would make it pass. What is unknown is not met.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from callgate.core.law import daysoff
from callgate.core.law.opening import Moment, Span
from callgate.core.law.rule import Topic
from callgate.core.law.situation import Common, Consent, Situation
from callgate.core.law.terms import (
    AbandonedLimit,
    CallerIdTerms,
    ConsentAge,
    ContactCap,
    CoolDown,
    Counted,
    Event,
    ListDuty,
    PriorConsent,
    Relation,
    SectorBan,
    Unless,
    YieldsTo,
)

HUNDRED = 100
EVER = datetime.max.replace(tzinfo=UTC)


class Met(NamedTuple):
    """Whether a rule is met, what it saw, and the moment (UTC) from which time alone makes it so."""

    passed: bool
    saw: str
    retry_at: datetime | None = None


class Case(NamedTuple):
    """A situation at a moment, in UTC and on the clocks that may be the called party's.

    `standing` is the time in which the consent counts, by the ages that are in force; None without one. `asking` are
    the rules about prior consent.
    """

    situation: Situation
    now: datetime
    clocks: tuple[tzinfo, ...]
    local: Moment
    standing: Span | None
    asking: tuple[PriorConsent, ...]

    @property
    def consent(self) -> Consent | None:
        """The consent, if there is one that counts now."""
        return self.situation.consent if self.standing is not None and self.standing.includes(self.now) else None


def standing(consent: Consent | None, age: timedelta | None) -> Span | None:
    """When a consent counts: from when it was given to its own term, or to the oldest `age` that it may have."""
    if consent is None:
        return None
    end = EVER if age is None else consent.given + age
    return Span(consent.given, end if consent.expires is None else min(end, consent.expires))


def spared(exceptions: tuple[Unless, ...], case: Case) -> Unless | None:
    """The first exception that spares the call from a rule."""
    for unless in exceptions:
        if _applies(unless, case):
            return unless
    return None


def _applies(unless: Unless, case: Case) -> bool:
    situation = case.situation
    if unless.relation is not None and unless.relation not in situation.relations:
        return False
    if unless.sectors and situation.sector not in unless.sectors:
        return False
    if unless.lines and situation.number.kind not in unless.lines:
        return False
    if unless.consent and case.consent is None:
        return False
    return unless.relation is None or _related(unless.relation, unless, case)


def _related(relation: Relation, unless: Unless, case: Case) -> bool:
    since = case.situation.relations[relation]
    if since > case.now:
        return False
    if unless.days is not None and case.now >= since + timedelta(days=unless.days):
        return False
    if unless.working_days is None:
        return True
    return all(
        local.date()
        <= daysoff.working_days_after(
            since.astimezone(local.tzinfo).date(), unless.working_days, case.situation.number.country
        )
        for local in case.local
    )


def prior_consent(terms: PriorConsent, case: Case) -> Met:
    """Whether the person consented before the call."""
    if without := _needs_none(terms, case):
        return Met(True, without)
    consent = case.situation.consent
    if consent is None:
        return Met(False, "no consent is on file")
    if consent.given > case.now:
        return Met(False, f"the consent is of {consent.given.date()}, which is to come")
    if consent.expires is not None and consent.expires <= case.now:
        return Met(False, f"the consent of {consent.given.date()} ended on {consent.expires.date()}")
    return Met(True, f"consent of {consent.given.date()}")


def _needs_none(terms: PriorConsent, case: Case) -> str:
    """Why a rule about prior consent asks for none in this case; "" where it asks for one."""
    if not terms.needed:
        return "no prior consent is needed"
    if terms.automated_only and not case.situation.automated:
        return "binds calls that a machine dials"
    unless = spared(terms.unless, case)
    return f"none is needed here: {unless.source}" if unless else ""


def consent_age(terms: ConsentAge, case: Case) -> Met:
    """Whether a consent, where one is needed, is young enough. One that is too old is none, and no worse than none."""
    consent = case.situation.consent
    if consent is None:
        return Met(True, "no consent is on file")
    if case.now < consent.given + timedelta(days=terms.days):
        return Met(True, f"within {terms.days} days")
    saw = f"the consent is of {consent.given.date()}; it counts for {terms.days} days"
    return Met(all(_needs_none(asking, case) for asking in case.asking), saw)


def cap_at_first(terms: ContactCap, common: Common) -> Met | None:
    """Whether a person may be called once."""
    return Met(terms.max > 0, _counted(terms, 0)) if common.first else None


def contact_cap(terms: ContactCap, case: Case) -> Met:
    """Whether one more attempt stays within the cap, counted in whole days of the called party's calendar."""
    contacts = case.situation.contacts
    if contacts is None:
        return Met(False, "how often the person was called is not known")
    attempts = contacts.attempts if terms.per is Counted.COMPANY else contacts.of_campaign
    if terms.days is None:
        return Met(len(attempts) < terms.max, _counted(terms, len(attempts)))
    start = window_start(terms.days, case.local)
    counted = sorted(at for at in attempts if at >= start)
    saw = _counted(terms, len(counted))
    if len(counted) < terms.max:
        return Met(True, saw)
    if not terms.max:
        return Met(False, saw)
    return Met(False, saw, _days_after(counted[-terms.max], terms.days, case.clocks))


def _counted(terms: ContactCap, attempts: int) -> str:
    per = "for this company" if terms.per is Counted.COMPANY else "in this campaign"
    within = f" in {terms.days} calendar days" if terms.days is not None else ""
    return f"{attempts} attempts {per}{within}; {terms.max} are allowed"


def window_start(days: int, moment: Moment) -> datetime:
    """The moment (UTC) from which attempts count: the first midnight of `days` calendar days that end today."""
    return min(_midnight(local.date() - timedelta(days=days - 1), local.tzinfo) for local in moment)


def _days_after(moment: datetime, days: int, clocks: tuple[tzinfo, ...]) -> datetime:
    """The midnight (UTC), on the latest clock, of the day that comes `days` days after that of a moment."""
    return max(_midnight(moment.astimezone(clock).date() + timedelta(days=days), clock) for clock in clocks)


def _midnight(day: date, clock: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), clock).astimezone(UTC)


def peace_at_first(terms: CoolDown, common: Common) -> Met | None:
    """Nobody has to be left in peace who was never called."""
    return Met(True, f"no call with the end {terms.after}") if common.first else None


def cool_down(terms: CoolDown, case: Case) -> Met:
    """Whether the person has been left in peace for long enough after a refusal or an abandoned call."""
    contacts = case.situation.contacts
    if contacts is None:
        return Met(False, f"whether there was a call with the end {terms.after} is not known")
    last = contacts.last_refusal if terms.after is Event.REFUSAL else contacts.last_abandoned
    if last is None:
        return Met(True, f"no call with the end {terms.after}")
    saw = f"{terms.after} on {last.date()}"
    if terms.hours is None and terms.days is None:
        lifted = case.consent is not None and case.consent.given > last
        return Met(
            lifted, f"{saw}; " + ("a consent was given since" if lifted else "it holds until the person consents")
        )
    if terms.lifted_by_agent and case.situation.agent_waiting:
        return Met(True, f"{saw}; an agent is guaranteed")
    until = _days_after(last, terms.days + 1, case.clocks) if terms.days is not None else last.astimezone(UTC)
    until += timedelta(hours=terms.hours or 0)
    if case.now < until:
        return Met(False, f"{saw}; no call before {until:%Y-%m-%d %H:%M} UTC", until)
    if terms.then_agent and not case.situation.agent_waiting:
        return Met(False, f"{saw}; the next call needs an agent who is guaranteed")
    return Met(True, saw)


def caller_id(terms: CallerIdTerms, common: Common) -> Met:
    """Whether the number that is shown is one that may be."""
    shown = common.caller_id
    if terms.automated_only and not common.automated:
        return Met(True, "binds calls that a machine dials")
    if shown is None:
        return Met(not terms.anonymous_forbidden, "no number is shown")
    number = shown.e164
    if terms.owners and shown.owner not in terms.owners:
        whose = f"the {shown.owner}'s" if shown.owner else "nobody knows whose"
        return Met(False, f"{number} is {whose}; it must be the {' or '.join(sorted(terms.owners))}'s")
    if terms.required_prefixes and not number.startswith(tuple(terms.required_prefixes)):
        return Met(False, f"{number} does not begin with {' or '.join(sorted(terms.required_prefixes))}")
    if terms.forbidden_prefixes and number.startswith(tuple(terms.forbidden_prefixes)):
        return Met(False, f"{number} begins with {' or '.join(sorted(terms.forbidden_prefixes))}")
    if shown.kind in terms.forbidden_kinds:
        return Met(False, f"{number} is a {shown.kind} number")
    return Met(True, number)


def sector_of_all(terms: SectorBan, common: Common) -> Met | None:
    """Whether what is offered may be offered by telephone to anyone; None where it depends on whom."""
    if common.sector is None:
        return Met(False, "what the campaign offers is not known")
    return None if common.sector in terms.sectors else Met(True, common.sector)


def sector_ban(terms: SectorBan, case: Case) -> Met:
    """Whether what must not be offered by telephone may be offered to this person."""
    sector = case.situation.sector
    if unless := spared(terms.unless, case):
        return Met(True, f"{sector}, but: {unless.source}")
    return Met(False, f"{sector} must not be offered by telephone")


def guaranteed(_terms: AbandonedLimit, common: Common) -> Met | None:
    """A call that has its agent cannot be abandoned."""
    return Met(True, "an agent is guaranteed") if common.agent_waiting else None


def abandoned(terms: AbandonedLimit, case: Case) -> Met:
    """Whether the campaign's share of abandoned calls is within the limit."""
    share = case.situation.abandoned.get(terms.days)
    over = "the campaign's life" if terms.days is None else f"{terms.days} days"
    if share is None:
        return Met(False, f"the share of abandoned calls over {over} is not known")
    saw = f"{share.abandoned} of {share.answered} answered calls abandoned over {over}; {terms.percent:g} % are allowed"
    return Met(share.abandoned * HUNDRED <= terms.percent * share.answered, saw)


def list_duty(terms: ListDuty, case: Case) -> Met:
    """Whether the copy of the list is fresh, and the number not in it, or in it without force here."""
    if unless := spared(terms.unless, case):
        return Met(True, f"{terms.list} does not bind here: {unless.source}")
    listing = case.situation.lists.get(terms.list)
    if listing is None:
        return Met(False, f"{terms.list} was never loaded")
    of = f"{terms.list} of {listing.scrubbed_at.date()}"
    if case.now - listing.scrubbed_at > timedelta(days=terms.max_age_days):
        return Met(False, f"{of}; {terms.max_age_days} days are allowed")
    if not listing.listed:
        return Met(True, f"not on {of}")
    if _outweighs(terms.yields_to, case, listing.since):
        return Met(True, f"on {of}, which a consent outweighs")
    return Met(False, f"on {of}")


def _outweighs(yields_to: YieldsTo, case: Case, listed_since: date | None) -> bool:
    consent = case.consent
    if consent is None or yields_to in (YieldsTo.NOTHING, YieldsTo.APPOINTMENT):
        return False
    if yields_to is YieldsTo.CONSENT:
        return True
    if listed_since is None:
        return False
    return all(consent.given.astimezone(local.tzinfo).date() > listed_since for local in case.local)


JUDGES: Mapping[Topic, Callable[[Any, Case], Met]] = {
    Topic.PRIOR_CONSENT: prior_consent,
    Topic.CONSENT_AGE: consent_age,
    Topic.CONTACT_CAP: contact_cap,
    Topic.COOL_DOWN: cool_down,
    Topic.SECTOR_BAN: sector_ban,
    Topic.ABANDONED: abandoned,
    Topic.LIST: list_duty,
}
"""Topic → the function that judges its terms. Topics that are in neither table bind no call."""

SHARED: Mapping[Topic, Callable[[Any, Common], Met | None]] = {
    Topic.CONTACT_CAP: cap_at_first,
    Topic.COOL_DOWN: peace_at_first,
    Topic.CALLER_ID: caller_id,
    Topic.SECTOR_BAN: sector_of_all,
    Topic.ABANDONED: guaranteed,
}
"""Topic → what judges its terms for all calls that have that in common; where it says None, `JUDGES` has the word."""
