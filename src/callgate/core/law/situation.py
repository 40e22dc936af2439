"""What is known of a call that is about to be made, as far as a law asks for it.

Whatever a store has to say comes in as a value; what it could not say is None, and a rule that needs it is not met.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from callgate.core.law.rule import Callee
from callgate.core.law.terms import Owner, Relation, Sector
from callgate.core.phone import Number
from callgate.core.purpose import Purpose

NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
"""Known of a call where nothing was said of it."""
BUSINESS_LINES = frozenset({"fixed", "company", "toll-free", "shared-cost"})
"""Kinds of line on which a lead's word that it is a business is believed. A mobile may always be a consumer's."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent of this person to calls of this company for this purpose, with proof on file and not withdrawn.

    `expires` is the term that the person was told. `appointment` is the precise moment for which the person asked to be
    called, if it was given for one.
    """

    given: datetime
    expires: datetime | None = None
    appointment: datetime | None = None


class Related(NamedTuple):
    """What connects this person with this company, with proof on file: `about` is the product or contract it concerns.

    `since` is when the contract began, when the customer last dealt with the company, when the person asked or when the
    interest was shown; from `until` on it is no longer so.
    """

    relation: Relation
    about: str
    since: datetime
    until: datetime | None = None


class Contacts(NamedTuple):
    """Earlier attempts to reach this person, answered or not, by whichever centre.

    `attempts` are those for the company in the time that its caps look at, `of_campaign` all those of this campaign.
    """

    attempts: tuple[datetime, ...] = ()
    of_campaign: tuple[datetime, ...] = ()
    last_refusal: datetime | None = None
    last_abandoned: datetime | None = None


NEVER_CALLED: Final = Contacts()


class CallerId(NamedTuple):
    """The number that the callee will see: E.164, its kind as in `callgate.core.phone`, and whose it is, if known."""

    e164: str
    kind: str
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class Share:
    """How many calls of a campaign were abandoned, of how many that a person answered, over some days."""

    abandoned: int
    answered: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A copy of a national list: when it was true, whether the number is in it, and since when, where the list says."""

    scrubbed_at: datetime
    listed: bool
    since: date | None = None


class Common(NamedTuple):
    """What many calls have in common; the words are those of `Situation`. `first`: the person was never called."""

    sector: Sector | None
    caller_id: CallerId | None
    automated: bool
    agent_waiting: bool
    first: bool


class Situation(NamedTuple):
    """A call to be judged.

    `callee` and `sector` are what the lead and the campaign say; None is unknown. `relations` has the date of each, for
    `CUSTOMER` that of the last dealing. `caller_id` is None where it is withheld or unknown. `automated`: a machine
    dials; `agent_waiting`: an agent is on the line or kept free for this call. `abandoned` is by the span of days over
    which it was counted, None being the campaign's life. `lists` is by the list's name in the pack.
    """

    number: Number
    purpose: Purpose
    callee: Callee | None = None
    sector: Sector | None = None
    relations: Mapping[Relation, datetime] = NOTHING
    consent: Consent | None = None
    contacts: Contacts | None = None
    caller_id: CallerId | None = None
    automated: bool = True
    agent_waiting: bool = False
    abandoned: Mapping[int | None, Share] = NOTHING
    lists: Mapping[str, Listing] = NOTHING

    @property
    def common(self) -> Common:
        """What of it is the same for everybody whom a campaign calls for the first time, or again."""
        return Common(self.sector, self.caller_id, self.automated, self.agent_waiting, self.contacts == NEVER_CALLED)

    @property
    def treated_as(self) -> Callee:
        """Whose line it counts as: a line that may be a consumer's is a consumer's."""
        if self.callee is None or self.number.kind not in BUSINESS_LINES:
            return Callee.CONSUMER
        return self.callee
