"""A rule: what it says, where that is written, how sure that is, when it is in force and whom it binds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from callgate.core.law import terms
from callgate.core.law.terms import Terms
from callgate.core.purpose import Purpose


class Status(StrEnum):
    """What stands behind a rule.

    `STATUTORY`: a law, a decree, a decision of a court or regulator that binds. `CODE`: self-regulation, or what a
    regulator recommends. `NONE_FOUND`: no rule was found; what the pack says is callgate's own default, which holds
    until the operator decides.
    """

    STATUTORY = "statutory"
    CODE = "code"
    NONE_FOUND = "none_found"


class Sure(StrEnum):
    """How well a figure is known: read in the law, second-hand, from memory, or doubted."""

    READ = "read"
    SECONDARY = "secondary"
    MEMORY = "memory"
    UNCERTAIN = "uncertain"


class Origin(StrEnum):
    """Who put the rule there: the country's pack, or the operator of this installation."""

    PACK = "pack"
    OPERATOR = "operator"


class Callee(StrEnum):
    """Whose line it is: a consumer's, that of a natural person or partnership in business, or a legal person's."""

    CONSUMER = "consumer"
    TRADER = "trader"
    COMPANY = "company"


EVERYONE = frozenset(Callee)
MARKETING = frozenset({Purpose.MARKETING})


class Topic(StrEnum):
    """What a rule is about: one per kind of terms.

    `PACK` is the pack itself: that there is one. `GATE` is no law's, but an order of the gate's own.
    """

    PACK = "pack"
    GATE = "gate"
    HOURS = "hours"
    DAYS_OFF = "days-off"
    PRIOR_CONSENT = "prior-consent"
    CONSENT_AGE = "consent-age"
    CONTACT_CAP = "contact-cap"
    COOL_DOWN = "cool-down"
    CALLER_ID = "caller-id"
    SECTOR_BAN = "sector-ban"
    ABANDONED = "abandoned"
    LIST = "list"
    RETENTION = "retention"
    RECORDING = "recording"


TOPICS: Mapping[type[Terms], Topic] = {
    terms.Hours: Topic.HOURS,
    terms.DaysOff: Topic.DAYS_OFF,
    terms.PriorConsent: Topic.PRIOR_CONSENT,
    terms.ConsentAge: Topic.CONSENT_AGE,
    terms.ContactCap: Topic.CONTACT_CAP,
    terms.CoolDown: Topic.COOL_DOWN,
    terms.CallerIdTerms: Topic.CALLER_ID,
    terms.SectorBan: Topic.SECTOR_BAN,
    terms.AbandonedLimit: Topic.ABANDONED,
    terms.ListDuty: Topic.LIST,
    terms.Retention: Topic.RETENTION,
    terms.Recording: Topic.RECORDING,
}

NEEDED = (
    Topic.HOURS,
    Topic.DAYS_OFF,
    Topic.PRIOR_CONSENT,
    Topic.CONSENT_AGE,
    Topic.CONTACT_CAP,
    Topic.CALLER_ID,
    Topic.ABANDONED,
)
"""A pack that is silent about one of these for a day or for somebody would leave open what callgate has to know."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One figure of the law, or of the operator. Both dates are the first and last day on which it is in force."""

    name: str
    terms: Terms
    status: Status
    source: str
    sure: Sure
    effective_from: date = date.min
    valid_to: date = date.max
    binds: frozenset[Callee] = EVERYONE
    purposes: frozenset[Purpose] = MARKETING
    origin: Origin = Origin.PACK
    note: str = ""

    @property
    def topic(self) -> Topic:
        """What the rule is about."""
        return TOPICS[type(self.terms)]

    @property
    def key(self) -> tuple[Topic, str]:
        """What versions of one rule share."""
        return self.topic, self.name

    def in_force(self, day: date) -> bool:
        """Whether the rule is in force on a day of the called party's calendar."""
        return self.effective_from <= day <= self.valid_to


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """The rules of one country. `zones` names its parts (ISO 3166) and the clocks of each; it speaks from `since` on.

    Packs are told apart by identity, so that what is derived from one can be kept.
    """

    country: str
    checked: date
    since: date
    zones: Mapping[str, tuple[ZoneInfo, ...]]
    rules: tuple[Rule, ...]
    note: str = ""

    def of(self, topic: Topic) -> tuple[Rule, ...]:
        """All versions of all rules about `topic`."""
        return tuple(rule for rule in self.rules if rule.topic is topic)

    @property
    def undecided(self) -> tuple[Rule, ...]:
        """Rules that are callgate's default, because none was found and the operator has not decided."""
        return tuple(rule for rule in self.rules if rule.status is Status.NONE_FOUND and rule.origin is Origin.PACK)


def by_region(packs: Iterable[Pack]) -> dict[str, Pack]:
    """Every region (ISO 3166) that a pack covers → that pack."""
    return {region: pack for pack in packs for region in pack.zones}


def faults(rules: Iterable[Rule], since: date) -> Iterator[tuple[tuple[Topic, str] | None, str]]:
    """What is wrong with rules as a whole: (the rule that is wrong, or None, and what would be right)."""
    rules = tuple(rules)
    by_key: dict[tuple[Topic, str, Origin], list[Rule]] = {}
    for rule in rules:
        by_key.setdefault((*rule.key, rule.origin), []).append(rule)
    for (topic, name, _), versions in by_key.items():
        versions.sort(key=lambda rule: rule.effective_from)
        for before, after in pairwise(versions):
            if after.effective_from <= before.valid_to:
                yield (topic, name), f"two versions of {name} are in force on {after.effective_from}; end one before"
    for topic in NEEDED:
        for callee in Callee:
            spans = [(r.effective_from, r.valid_to) for r in rules if r.topic is topic and callee in r.binds]
            day = _first_uncovered(spans, since)
            if day is not None:
                yield None, f"no rule about {topic} binds a {callee} on {day}; say one, if only that none was found"


def _first_uncovered(spans: Iterable[tuple[date, date]], since: date) -> date | None:
    day = since
    for start, end in sorted(spans):
        if start > day:
            return day
        if end == date.max:
            return None
        day = max(day, end + timedelta(days=1))
    return day
