"""Does one rule ask for less than another of its kind?

One function per kind, each yielding what is less, in a few words that name both figures. It is asked before an
operator's rule is put beside a statutory one.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from callgate.core.law.daysoff import ALL
from callgate.core.law.opening import WEEKDAYS, common
from callgate.core.law.rule import Rule, Topic
from callgate.core.law.terms import (
    AbandonedLimit,
    CallerIdTerms,
    ConsentAge,
    ContactCap,
    CoolDown,
    DaysOff,
    Hours,
    ListDuty,
    PriorConsent,
    SectorBan,
    Unless,
    Windows,
    YieldsTo,
)

_LIFTING = tuple(YieldsTo)
_WHOLE_DAYS = 24


def loosens(new: Rule, old: Rule) -> Iterator[str]:
    """What `new` asks less of than `old`, which is about the same topic."""
    if left := old.binds - new.binds:
        yield f"does not bind a {', '.join(sorted(left))}"
    if unbound := old.purposes - new.purposes:
        yield f"does not bind {', '.join(sorted(unbound))} calls"
    yield from _KINDS[old.topic](new.terms, old.terms)


def _within(inner: Windows, outer: Windows) -> bool:
    """Whether every moment of `inner` is in `outer`."""
    minutes = sum(end - start for start, end in common(_merged(inner), _merged(outer)))
    return minutes == sum(end - start for start, end in _merged(inner))


def _merged(windows: Windows) -> Windows:
    merged: list[Any] = []
    for window in sorted(windows):
        if merged and window.start <= merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return tuple(merged)


def _shown(windows: Windows) -> str:
    return ", ".join(map(str, windows)) or "no calls"


def _hours(new: Hours, old: Hours) -> Iterator[str]:
    for name, wider, narrower in zip(WEEKDAYS, new.week, old.week, strict=True):
        if not _within(wider, narrower):
            yield f"{name} is {_shown(wider)}; no more than {_shown(narrower)}"
    for day, cut in old.days.items():
        if any(not _within(common(wide, new.days.get(day, wide)), cut) for wide in new.week if wide):
            yield f"{day} is cut to {_shown(cut)}"
    if old.eves is not None and any(
        not _within(common(wide, new.eves if new.eves is not None else wide), old.eves) for wide in new.week if wide
    ):
        yield f"the day before a day off is cut to {_shown(old.eves)}"
    yield from _yields(new.yields_to, old.yields_to)


def _yields(new: YieldsTo, old: YieldsTo) -> Iterator[str]:
    if _LIFTING.index(new) > _LIFTING.index(old):
        yield f"yields to {new}; it may yield to {old}"


def _days_off(new: DaysOff, old: DaysOff) -> Iterator[str]:
    if not old.block:
        return
    if not new.block or (old.national and not new.national):
        yield "lets calls pass on public holidays"
    if ALL not in new.regions and (left := set(old.regions) - set(new.regions)):
        yield f"leaves out the holidays of {', '.join(sorted(left))}"
    if lost := sorted(map(str, (old.also - new.also) | (old.dates - new.dates))):
        yield f"leaves out {', '.join(lost)}"
    yield from _yields(new.yields_to, old.yields_to)


def _unless(new: tuple[Unless, ...], old: tuple[Unless, ...]) -> Iterator[str]:
    for unless in new:
        if unless not in old:
            yield f"has an exception that the law does not have: {unless.source}"


def _prior_consent(new: PriorConsent, old: PriorConsent) -> Iterator[str]:
    if not old.needed:
        return
    if not new.needed:
        yield "needs no prior consent"
    if new.automated_only and not old.automated_only:
        yield "binds only calls that a machine dials"
    yield from _unless(new.unless, old.unless)


def _more(name: str, new: float, old: float) -> Iterator[str]:
    if new > old:
        yield f"{name} = {new:g}; at most {old:g}"


def _consent_age(new: ConsentAge, old: ConsentAge) -> Iterator[str]:
    yield from _more("days", new.days, old.days)


def _contact_cap(new: ContactCap, old: ContactCap) -> Iterator[str]:
    yield from _more("max", new.max, old.max)
    if new.per is not old.per:
        yield f"counts per {new.per}; the rule counts per {old.per}"
    if new.days is not None and (old.days is None or new.days < old.days):
        yield f"days = {new.days}; at least {'all' if old.days is None else old.days}"


def _cool_down(new: CoolDown, old: CoolDown) -> Iterator[str]:
    if new.after is not old.after:
        yield f"is about what follows {new.after}; the rule is about {old.after}"
    if _hours_of(new) < _hours_of(old):
        yield "is shorter"
    if new.lifted_by_agent and not old.lifted_by_agent:
        yield "is lifted by an agent who is guaranteed"
    if old.then_agent and not new.then_agent:
        yield "asks for no guaranteed agent afterwards"


def _hours_of(terms: CoolDown) -> float:
    if terms.hours is None and terms.days is None:
        return float("inf")
    return (terms.hours or 0) + (terms.days or 0) * _WHOLE_DAYS


def _caller_id(new: CallerIdTerms, old: CallerIdTerms) -> Iterator[str]:
    if old.anonymous_forbidden and not new.anonymous_forbidden:
        yield "lets a call be anonymous"
    if old.owners and (not new.owners or new.owners - old.owners):
        yield f"lets other numbers be shown than the {' or '.join(sorted(old.owners))}'s"
    if old.required_prefixes and not _all_begin(new.required_prefixes, old.required_prefixes):
        yield f"asks for other prefixes than {', '.join(sorted(old.required_prefixes))}"
    if lost := [prefix for prefix in old.forbidden_prefixes if not prefix.startswith(tuple(new.forbidden_prefixes))]:
        yield f"does not forbid {', '.join(sorted(lost))}"
    if kinds := old.forbidden_kinds - new.forbidden_kinds:
        yield f"does not forbid {', '.join(sorted(kinds))} numbers"
    if new.automated_only and not old.automated_only:
        yield "binds only calls that a machine dials"


def _all_begin(new: frozenset[str], old: frozenset[str]) -> bool:
    return bool(new) and all(prefix.startswith(tuple(old)) for prefix in new)


def _sector_ban(new: SectorBan, old: SectorBan) -> Iterator[str]:
    if left := old.sectors - new.sectors:
        yield f"does not ban {', '.join(sorted(left))}"
    yield from _unless(new.unless, old.unless)


def _abandoned(new: AbandonedLimit, old: AbandonedLimit) -> Iterator[str]:
    yield from _more("percent", new.percent, old.percent)
    if new.days != old.days:
        yield f"counts over {new.days or 'all'} days; the rule counts over {old.days or 'all'}"


def _list_duty(new: ListDuty, old: ListDuty) -> Iterator[str]:
    if new.list != old.list:
        yield f"is about the list {new.list}; the rule is about {old.list}"
    yield from _more("max_age_days", new.max_age_days, old.max_age_days)
    yield from _yields(new.yields_to, old.yields_to)
    yield from _unless(new.unless, old.unless)


_KINDS: Mapping[Topic, Callable[[Any, Any], Iterator[str]]] = {
    Topic.HOURS: _hours,
    Topic.DAYS_OFF: _days_off,
    Topic.PRIOR_CONSENT: _prior_consent,
    Topic.CONSENT_AGE: _consent_age,
    Topic.CONTACT_CAP: _contact_cap,
    Topic.COOL_DOWN: _cool_down,
    Topic.CALLER_ID: _caller_id,
    Topic.SECTOR_BAN: _sector_ban,
    Topic.ABANDONED: _abandoned,
    Topic.LIST: _list_duty,
}
