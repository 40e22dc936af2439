"""How rules are written in TOML: a table per rule, under the name of its kind, in packs and in an operator's settings.

A pack's table says `status`, `source` and `sure`; an operator's says only `source`, the operator's own reason. A key
that no table knows is an error, since a misspelt figure that is passed over would be no figure.
"""

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from callgate.core.events import DataClass
from callgate.core.law import terms
from callgate.core.law.rule import EVERYONE, MARKETING, Callee, Origin, Rule, Status, Sure
from callgate.core.law.terms import (
    MIDNIGHT,
    Counted,
    Event,
    MonthDay,
    Owner,
    Relation,
    Sector,
    Terms,
    Window,
    Windows,
    YieldsTo,
)
from callgate.core.purpose import Purpose

_WINDOW = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_LEAP_YEAR = 2024


def _window(written: object) -> Window:
    found = _WINDOW.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError('a window of the day is written "09:00-20:00"')
    first, first_minute, last, last_minute = map(int, found.groups())
    window = Window(first * 60 + first_minute, last * 60 + last_minute)
    if not window.start < window.end <= MIDNIGHT:
        raise ValueError("a window ends after it begins, and by 24:00; write one that spans midnight as two")
    return window


def _apart(windows: Windows) -> Windows:
    ordered = tuple(sorted(windows))
    for one, other in pairwise(ordered):
        if other.start < one.end:
            raise ValueError(f"{one} and {other} overlap")
    return ordered


def _month_day(written: object) -> MonthDay:
    found = _MONTH_DAY.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError('a day of every year is written "12-05", month first')
    month, day = map(int, found.groups())
    try:
        date(_LEAP_YEAR, month, day)
    except ValueError:
        raise ValueError(f"the month {month} has no day {day}") from None
    return MonthDay(month, day)


def _zone(written: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(written))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is no time zone; zones are written as Europe/Brussels") from None


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=600)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Day = Annotated[Window, BeforeValidator(_window)]
Part = Annotated[tuple[Day, ...], AfterValidator(_apart)]
Yearly = Annotated[MonthDay, BeforeValidator(_month_day)]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Clock = Annotated[ZoneInfo, BeforeValidator(_zone)]
Prefix = Annotated[str, Field(pattern=r"^\+[0-9]{1,12}$")]


class Table(BaseModel):
    """What all tables share: no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, arbitrary_types_allowed=True)


class UnlessTable(Table):
    """An exception (`terms.Unless`)."""

    source: Text
    relation: Relation | None = None
    sectors: frozenset[Sector] = frozenset()
    lines: frozenset[str] = frozenset()
    consent: bool = False
    days: Days | None = None
    working_days: Days | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.relation is None and not (self.sectors or self.lines or self.consent):
            raise ValueError("an exception names what it spares: relation, sectors, lines or consent")
        if (self.days or self.working_days) and self.relation is None:
            raise ValueError("days and working_days are counted from a relation; name it")
        return self


def _unless(tables: tuple[UnlessTable, ...]) -> tuple[terms.Unless, ...]:
    return tuple(terms.Unless(**dict(table)) for table in tables)


class RuleTable(Table):
    """What every rule says besides its figures."""

    name: Name
    source: Text
    status: Status | None = None
    sure: Sure | None = None
    effective_from: date = date.min
    valid_to: date = date.max
    binds: Annotated[frozenset[Callee], Field(min_length=1)] = EVERYONE
    purposes: Annotated[frozenset[Purpose], Field(min_length=1)] = MARKETING
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.effective_from > self.valid_to:
            raise ValueError(f"ends on {self.valid_to}, before it begins on {self.effective_from}")
        return self

    def terms(self) -> Terms:
        """The figures, as `core` knows them."""
        raise NotImplementedError

    def rule(self, origin: Origin) -> Rule:
        """The rule that the table writes. Raises `ValueError` where it says too little, or too much for its origin."""
        if origin is Origin.PACK and (self.status is None or self.sure is None):
            raise ValueError("a pack's rule says its status and how sure it is")
        if origin is Origin.OPERATOR and (self.status is not None or self.sure is not None):
            raise ValueError("status and sure are a pack's; an operator's rule says its source only")
        return Rule(
            self.name,
            self.terms(),
            self.status or Status.NONE_FOUND,
            self.source,
            self.sure or Sure.READ,
            self.effective_from,
            self.valid_to,
            self.binds,
            self.purposes,
            origin,
            self.note,
        )

    def figures(self) -> dict[str, object]:
        """The fields of this kind of rule, without those that every rule has."""
        return {name: value for name, value in self if name not in RuleTable.model_fields}


class HoursTable(RuleTable):
    """`[[hours]]`: windows by weekday; a day that is left out has no calls."""

    mon: Part = ()
    tue: Part = ()
    wed: Part = ()
    thu: Part = ()
    fri: Part = ()
    sat: Part = ()
    sun: Part = ()
    days: dict[Yearly, Part] = {}
    eves: Part | None = None
    yields_to: YieldsTo = YieldsTo.NOTHING

    def terms(self) -> terms.Hours:
        """The week and its exceptions."""
        week = (self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun)
        return terms.Hours(week, self.days, self.eves, self.yields_to)


class DaysOffTable(RuleTable):
    """`[[days_off]]`."""

    block: bool
    national: bool = True
    regions: tuple[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9]{1,12})$")], ...] = ()
    also: frozenset[Yearly] = frozenset()
    dates: frozenset[date] = frozenset()
    yields_to: YieldsTo = YieldsTo.NOTHING

    def terms(self) -> terms.DaysOff:
        """Which days."""
        return terms.DaysOff(**self.figures())  # type: ignore[arg-type]


class PriorConsentTable(RuleTable):
    """`[[prior_consent]]`."""

    needed: bool
    unless: tuple[UnlessTable, ...] = ()
    automated_only: bool = False

    def terms(self) -> terms.PriorConsent:
        """Whether, and for whom not."""
        return terms.PriorConsent(self.needed, _unless(self.unless), self.automated_only)


class ConsentAgeTable(RuleTable):
    """`[[consent_age]]`."""

    days: Days

    def terms(self) -> terms.ConsentAge:
        """How old."""
        return terms.ConsentAge(self.days)


class ContactCapTable(RuleTable):
    """`[[contact_caps]]`."""

    max: Annotated[int, Field(ge=0, le=1_000)]
    days: Days | None = None
    per: Counted = Counted.COMPANY

    def terms(self) -> terms.ContactCap:
        """How often."""
        return terms.ContactCap(self.max, self.days, self.per)


class CoolDownTable(RuleTable):
    """`[[cool_downs]]`: one of `hours`, `days` and `for_good`."""

    after: Event
    hours: Annotated[int, Field(ge=1, le=8_760)] | None = None
    days: Days | None = None
    for_good: bool = False
    lifted_by_agent: bool = False
    then_agent: bool = False

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.hours is not None) + (self.days is not None) + self.for_good != 1:
            raise ValueError("says one of hours, days and for_good = true")
        if self.for_good and (self.lifted_by_agent or self.then_agent):
            raise ValueError("what is for good is lifted by no agent")
        return self

    def terms(self) -> terms.CoolDown:
        """After what, how long."""
        return terms.CoolDown(self.after, self.hours, self.days, self.lifted_by_agent, self.then_agent)


class CallerIdTable(RuleTable):
    """`[[caller_ids]]`."""

    anonymous_forbidden: bool = True
    owners: frozenset[Owner] = frozenset()
    required_prefixes: frozenset[Prefix] = frozenset()
    forbidden_prefixes: frozenset[Prefix] = frozenset()
    forbidden_kinds: frozenset[str] = frozenset()
    automated_only: bool = False

    def terms(self) -> terms.CallerIdTerms:
        """What may be shown."""
        return terms.CallerIdTerms(**self.figures())  # type: ignore[arg-type]


class SectorBanTable(RuleTable):
    """`[[sector_bans]]`."""

    sectors: Annotated[frozenset[Sector], Field(min_length=1)]
    unless: tuple[UnlessTable, ...] = ()

    def terms(self) -> terms.SectorBan:
        """What may not be offered."""
        return terms.SectorBan(self.sectors, _unless(self.unless))


class AbandonedTable(RuleTable):
    """`[[abandoned]]`."""

    percent: Annotated[float, Field(ge=0, le=100)]
    days: Days | None = None

    def terms(self) -> terms.AbandonedLimit:
        """How many of a hundred."""
        return terms.AbandonedLimit(self.percent, self.days)


class ListTable(RuleTable):
    """`[[lists]]`; the rule's name is the list's."""

    max_age_days: Annotated[int, Field(ge=0, le=366)]
    yields_to: YieldsTo = YieldsTo.NOTHING
    unless: tuple[UnlessTable, ...] = ()

    @model_validator(mode="after")
    def _yields_to_consent(self) -> Self:
        if self.yields_to is YieldsTo.APPOINTMENT:
            raise ValueError("a list yields to nothing, later-consent or consent")
        return self

    def terms(self) -> terms.ListDuty:
        """Which list, how fresh."""
        return terms.ListDuty(self.name, self.max_age_days, self.yields_to, _unless(self.unless))


class RetentionTable(RuleTable):
    """`[[retention]]`."""

    what: Text
    at_least_days: Days | None = None
    at_most_days: Days | None = None
    keeps: DataClass | None = None

    def terms(self) -> terms.Retention:
        """How long."""
        return terms.Retention(self.what, self.at_least_days, self.at_most_days, self.keeps)


class RecordingTable(RuleTable):
    """`[[recording]]`."""

    all_parties: bool
    opt_in: bool
    announcement: bool = True

    def terms(self) -> terms.Recording:
        """What recording asks for."""
        return terms.Recording(self.all_parties, self.opt_in, self.announcement)


class Rules(Table):
    """Rules by kind: the body of a pack, and what an operator writes for a country."""

    hours: tuple[HoursTable, ...] = ()
    days_off: tuple[DaysOffTable, ...] = ()
    sector_bans: tuple[SectorBanTable, ...] = ()
    prior_consent: tuple[PriorConsentTable, ...] = ()
    consent_age: tuple[ConsentAgeTable, ...] = ()
    lists: tuple[ListTable, ...] = ()
    contact_caps: tuple[ContactCapTable, ...] = ()
    cool_downs: tuple[CoolDownTable, ...] = ()
    caller_ids: tuple[CallerIdTable, ...] = ()
    abandoned: tuple[AbandonedTable, ...] = ()
    retention: tuple[RetentionTable, ...] = ()
    recording: tuple[RecordingTable, ...] = ()

    def tables(self) -> Iterator[tuple[tuple[str, int], RuleTable]]:
        """Every rule's table with its place: (kind, number among its kind)."""
        for kind in Rules.model_fields:
            for number, table in enumerate(getattr(self, kind)):
                yield (kind, number), table


class PackFile(Rules):
    """One country's file."""

    country: Region
    checked: date
    since: date
    zones: Annotated[dict[Region, Annotated[tuple[Clock, ...], Field(min_length=1)]], Field(min_length=1)]
    note: str = ""
