"""What a rule of law can say: one class per kind of rule, each with the figures of that kind and nothing else.

Rules bind together: a call passes when each rule that binds it lets it pass. So a rule only ever takes away, and what
an operator adds can only take away more. What a rule says is here; whether it is met is `judge`'s and `opening`'s
business; whether one says less than another is `loosens`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from callgate.core.events import DataClass

MIDNIGHT = 24 * 60
"""The end of a day in minutes: no window reaches further."""


class Window(NamedTuple):
    """Part of a day on the wall clock: from `start` to before `end`, in minutes after midnight."""

    start: int
    end: int

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in self)


Windows = tuple[Window, ...]
Week = tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]
"""Monday first."""


class MonthDay(NamedTuple):
    """A day of every year, such as 5 December."""

    month: int
    day: int

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"


class YieldsTo(StrEnum):
    """What lifts a rule about hours, days or lists: from that which lifts least to that which lifts most."""

    NOTHING = "nothing"
    APPOINTMENT = "appointment"
    LATER_CONSENT = "later-consent"
    CONSENT = "consent"


class Event(StrEnum):
    """After what a person is left in peace for a while."""

    REFUSAL = "refusal"
    ABANDONED = "abandoned"


class Counted(StrEnum):
    """Over what attempts are counted: all that were made for one company, or those of one campaign."""

    COMPANY = "company"
    CAMPAIGN = "campaign"


class Owner(StrEnum):
    """Whose number is presented: that of the company on whose behalf the call is made, or the call centre's own."""

    PRINCIPAL = "principal"
    CENTRE = "centre"


class Sector(StrEnum):
    """What is offered, as far as some law cares. `OTHER` is the statement that it is none of the rest."""

    ENERGY_RENOVATION = "energy-renovation"
    HOUSING_ADAPTATION = "housing-adaptation"
    ENERGY_SUPPLY = "energy-supply"
    TRAINING_ACCOUNTS = "training-accounts"
    CLAIMS_MANAGEMENT = "claims-management"
    PENSIONS = "pensions"
    CHARITY = "charity"
    CHARITY_LOTTERY = "charity-lottery"
    PRESS = "press"
    OTHER = "other"


class Relation(StrEnum):
    """What connects the person with the company.

    A running contract that the call is about; a customer, now or once; a person who asked the company to call or for
    information; one whose concrete interest, with the reason on file, lets consent be presumed.
    """

    CONTRACT = "contract"
    CUSTOMER = "customer"
    ENQUIRY = "enquiry"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class Unless:
    """An exception: it spares a call where everything that it names is so. `source` is the law of the exception.

    `days` or `working_days` after the relation's date it ends; neither means that it does not end by itself.
    """

    source: str
    relation: Relation | None = None
    sectors: frozenset[Sector] = frozenset()
    lines: frozenset[str] = frozenset()
    consent: bool = False
    days: int | None = None
    working_days: int | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """When calls may be made, on the called party's clock.

    `days` cuts the windows of days of the year, `eves` those of the day before a day off: what is left of the weekday's
    own windows inside them.
    """

    week: Week
    days: Mapping[MonthDay, Windows] = field(default_factory=dict)
    eves: Windows | None = None
    yields_to: YieldsTo = YieldsTo.NOTHING


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Whether public holidays are free of calls: the nation's, and those of `regions` (ISO 3166-2 parts; `*` is all).

    Without `national` only what regions have besides. `also` and `dates` are more days off, such as those of a town.
    """

    block: bool
    national: bool = True
    regions: tuple[str, ...] = ()
    also: frozenset[MonthDay] = frozenset()
    dates: frozenset[date] = frozenset()
    yields_to: YieldsTo = YieldsTo.NOTHING


@dataclass(frozen=True, slots=True)
class PriorConsent:
    """Whether the person must have consented before the call; `automated_only`: to one that a machine dials."""

    needed: bool
    unless: tuple[Unless, ...] = ()
    automated_only: bool = False


@dataclass(frozen=True, slots=True)
class ConsentAge:
    """How many days after it was given a consent counts for nothing."""

    days: int


@dataclass(frozen=True, slots=True)
class ContactCap:
    """At most `max` attempts, answered or not, in `days` calendar days that end today; without `days`: ever."""

    max: int
    days: int | None = None
    per: Counted = Counted.COMPANY


@dataclass(frozen=True, slots=True)
class CoolDown:
    """How long a person is left in peace after `after`: one of `hours`, calendar `days`, or neither: for good.

    What is for good ends with a consent that the person gives later. `lifted_by_agent`: no wait where an agent is
    guaranteed; `then_agent`: after the wait, only with an agent guaranteed.
    """

    after: Event
    hours: int | None = None
    days: int | None = None
    lifted_by_agent: bool = False
    then_agent: bool = False


@dataclass(frozen=True, slots=True)
class CallerIdTerms:
    """What number must, may and must not be shown. Prefixes are E.164; `kinds` are those of `callgate.core.phone`."""

    anonymous_forbidden: bool = True
    owners: frozenset[Owner] = frozenset()
    required_prefixes: frozenset[str] = frozenset()
    forbidden_prefixes: frozenset[str] = frozenset()
    forbidden_kinds: frozenset[str] = frozenset()
    automated_only: bool = False


@dataclass(frozen=True, slots=True)
class SectorBan:
    """What must not be offered by telephone at all."""

    sectors: frozenset[Sector]
    unless: tuple[Unless, ...] = ()


@dataclass(frozen=True, slots=True)
class AbandonedLimit:
    """How many of a hundred answered calls of a campaign may find no agent, over `days` days, or ever."""

    percent: float
    days: int | None = None


@dataclass(frozen=True, slots=True)
class ListDuty:
    """A national do-not-call list that binds, how old a copy may be, and which consent outweighs an entry."""

    list: str
    max_age_days: int
    yields_to: YieldsTo = YieldsTo.NOTHING
    unless: tuple[Unless, ...] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days something is kept: at least, or at most. Not a rule about calls.

    `keeps`: the class of what the ledger says that the rule is about, where it is about any.
    """

    what: str
    at_least_days: int | None = None
    at_most_days: int | None = None
    keeps: DataClass | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What recording asks for. Not a rule about calls: callgate never records without the callee's own key press."""

    all_parties: bool
    opt_in: bool
    announcement: bool


Terms = (
    Hours
    | DaysOff
    | PriorConsent
    | ConsentAge
    | ContactCap
    | CoolDown
    | CallerIdTerms
    | SectorBan
    | AbandonedLimit
    | ListDuty
    | Retention
    | Recording
)
