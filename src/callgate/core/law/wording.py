"""Rules in words: what each asks for, and a pack as a table. docs/law.md holds these tables, and a test compares."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from callgate.core.law.opening import WEEKDAYS
from callgate.core.law.rule import EVERYONE, Pack, Rule, Topic
from callgate.core.law.terms import (
    AbandonedLimit,
    CallerIdTerms,
    ConsentAge,
    ContactCap,
    CoolDown,
    Counted,
    DaysOff,
    Hours,
    ListDuty,
    PriorConsent,
    Recording,
    Retention,
    SectorBan,
    Unless,
    Windows,
    YieldsTo,
)

_YIELDS = {
    YieldsTo.APPOINTMENT: "; lifted by an appointment",
    YieldsTo.CONSENT: "; lifted by a consent",
    YieldsTo.LATER_CONSENT: "; lifted by a consent that came later",
    YieldsTo.NOTHING: "",
}


def say(rule: Rule) -> str:
    """What a rule asks for, in one line."""
    whom = "" if rule.binds == EVERYONE else f" ({', '.join(sorted(rule.binds))})"
    return _KINDS[rule.topic](rule.terms) + whom


def table(pack: Pack) -> str:
    """The rules of a pack as a Markdown table."""
    rows = ["| rule | asks for | in force | source | status, how sure | doubt |", "|---|---|---|---|---|---|"]
    for rule in pack.rules:
        cells = (rule.name, say(rule), _in_force(rule), rule.source, f"{rule.status}, {rule.sure}", rule.note)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _in_force(rule: Rule) -> str:
    start = "" if rule.effective_from == date.min else f"from {rule.effective_from}"
    end = "" if rule.valid_to == date.max else f"to {rule.valid_to}"
    return f"{start} {end}".strip()


def _windows(windows: Windows) -> str:
    return ", ".join(map(str, windows)) or "no calls"


def _hours(terms: Hours) -> str:
    days = "; ".join(f"{names} {_windows(windows)}" for names, windows in _runs(terms.week))
    cuts = "".join(f"; {day} within {_windows(windows)}" for day, windows in terms.days.items())
    eves = "" if terms.eves is None else f"; before a day off within {_windows(terms.eves)}"
    return f"{days}{cuts}{eves}{_YIELDS[terms.yields_to]}"


def _runs(week: tuple[Windows, ...]) -> Iterator[tuple[str, Windows]]:
    """Days in a row that are alike, as `Mon-Fri`, with their windows."""
    start = 0
    for day in range(1, len(week) + 1):
        if day == len(week) or week[day] != week[start]:
            yield WEEKDAYS[start] + (f"-{WEEKDAYS[day - 1]}" if day - 1 > start else ""), week[start]
            start = day


def _days_off(terms: DaysOff) -> str:
    if not terms.block:
        return "public holidays are days like others"
    whose = ["the nation's"] if terms.national else []
    if terms.regions:
        whose.append("those of every region" if "*" in terms.regions else f"those of {', '.join(terms.regions)}")
    more = "".join(f", {day}" for day in (*sorted(terms.also), *sorted(terms.dates)))
    return f"no calls on public holidays: {' and '.join(whose)}{more}{_YIELDS[terms.yields_to]}"


def _unless(exceptions: Iterable[Unless]) -> str:
    said = ", or ".join(map(_exception, exceptions))
    return f"; unless {said}" if said else ""


def _exception(unless: Unless) -> str:
    parts = []
    if unless.relation is not None:
        span = f" of at most {unless.days} days ago" if unless.days else ""
        parts.append(
            f"{unless.relation}{f' within {unless.working_days} working days' if unless.working_days else span}"
        )
    parts += [" or ".join(sorted(names)) for names in (unless.sectors, unless.lines) if names]
    if unless.consent:
        parts.append("consent")
    return " with ".join(parts)


def _prior_consent(terms: PriorConsent) -> str:
    if not terms.needed:
        return "no prior consent"
    return ("prior consent to what a machine dials" if terms.automated_only else "prior consent") + _unless(
        terms.unless
    )


def _consent_age(terms: ConsentAge) -> str:
    return f"a consent counts for {terms.days} days"


def _contact_cap(terms: ContactCap) -> str:
    over = "ever" if terms.days is None else f"in {terms.days} calendar days"
    return f"{terms.max} attempts {over}, {'for one company' if terms.per is Counted.COMPANY else 'in one campaign'}"


def _cool_down(terms: CoolDown) -> str:
    length = f"{terms.hours} hours" if terms.hours else f"{terms.days} days" if terms.days else "for good"
    agent = ", unless an agent is guaranteed" if terms.lifted_by_agent else ""
    return f"in peace after {terms.after}: {length}{agent}{', then with an agent' if terms.then_agent else ''}"


def _caller_id(terms: CallerIdTerms) -> str:
    asks = ["a number is shown"] if terms.anonymous_forbidden else []
    if terms.owners:
        asks.append(f"it is the {' or '.join(sorted(terms.owners))}'s")
    if terms.required_prefixes:
        asks.append(f"it begins with {', '.join(sorted(terms.required_prefixes))}")
    if terms.forbidden_prefixes:
        asks.append(f"it does not begin with {', '.join(sorted(terms.forbidden_prefixes))}")
    if terms.forbidden_kinds:
        asks.append(f"it is no {', '.join(sorted(terms.forbidden_kinds))} number")
    return ", ".join(asks) + (", where a machine dials" if terms.automated_only else "")


def _sector_ban(terms: SectorBan) -> str:
    return f"no calls about {', '.join(sorted(terms.sectors))}{_unless(terms.unless)}"


def _abandoned(terms: AbandonedLimit) -> str:
    over = "the campaign" if terms.days is None else f"{terms.days} days"
    return f"at most {terms.percent:g} % of answered calls find no agent, over {over}"


def _list(terms: ListDuty) -> str:
    return (
        f"not listed, by a copy of at most {terms.max_age_days} days{_YIELDS[terms.yields_to]}{_unless(terms.unless)}"
    )


def _retention(terms: Retention) -> str:
    least = f" at least {terms.at_least_days} days" if terms.at_least_days else ""
    most = f" at most {terms.at_most_days} days" if terms.at_most_days else ""
    return f"{terms.what}: kept{least}{most}"


def _recording(terms: Recording) -> str:
    who = "all parties agree" if terms.all_parties else "one party may record"
    return f"{who}{', announced' if terms.announcement else ''}; callgate asks by key press"


_KINDS: Mapping[Topic, Callable[[Any], str]] = {
    Topic.HOURS: _hours,
    Topic.DAYS_OFF: _days_off,
    Topic.PRIOR_CONSENT: _prior_consent,
    Topic.CONSENT_AGE: _consent_age,
    Topic.CONTACT_CAP: _contact_cap,
    Topic.COOL_DOWN: _cool_down,
    Topic.CALLER_ID: _caller_id,
    Topic.SECTOR_BAN: _sector_ban,
    Topic.ABANDONED: _abandoned,
    Topic.LIST: _list,
    Topic.RETENTION: _retention,
    Topic.RECORDING: _recording,
}
