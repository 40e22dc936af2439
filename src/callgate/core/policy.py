"""Who may call for whom: controllers, centres, campaigns and the mandates between them, as plain values.

How they are written is `callgate.config`'s business; that they fit together is checked by `problems`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from callgate.core.consent import Manner
from callgate.core.law.rule import Callee, Pack
from callgate.core.law.terms import Owner, Sector
from callgate.core.law.transfers import Signed, Transfers
from callgate.core.purpose import Purpose

OUTCOMES = ("sale", "appointment", "call-back", "no-interest", "no-decision", "not-reached", "wrong-number", "other")
"""What agents may say of a call where a campaign says nothing else: none of it is about the person."""
REFUSALS = frozenset({"no-interest"})
"""Those of them that say that the callee refused what was offered, where a campaign says nothing else."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The company on whose behalf people are called (GDPR Art. 4(7)), as it names itself in the notice.

    `country` (ISO 3166) is that of its seat; "" is the PBX's.
    """

    id: str
    name: str
    privacy_policy: Mapping[str, str] = field(default_factory=dict)
    country: str = ""


@dataclass(frozen=True, slots=True)
class Centre:
    """A call centre: where it stands (ISO 3166), how it is named to callees, what its agents speak.

    `clauses` are the standard contractual clauses as signed with it, and `certified` the schemes under which it is
    certified and that the operator relies on (GDPR Art. 45, 46). A centre that is `suspended` makes no calls.
    """

    id: str
    name: str
    country: str
    language: str
    clauses: Signed | None = None
    certified: frozenset[str] = frozenset()
    suspended: bool = False


class Dialling(StrEnum):
    """Who dials, and when: an agent by hand; a machine, for an agent that it keeps free; or a machine that calls
    before one is free and counts on one being so by the time somebody answers."""

    MANUAL = "manual"
    PROGRESSIVE = "progressive"
    PREDICTIVE = "predictive"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign of one controller.

    `lists` are the national lists that bind it besides those of the law, by the country that is called. `sector` is
    what it offers and `caller_id_owner` whose number it shows; None is unknown. `callee`: whose lines it calls.
    `about` is the product or contract that it calls about, as relations on file name it; none of them counts for "".
    `outcomes` are what agents may say of a call, `refusals` those of them by which the callee refused what was offered,
    and `notes` whether in words of their own besides. `manner`: how it asks for consent.
    """

    id: str
    controller: str
    purpose: Purpose
    spoken_purpose: Mapping[str, str]
    languages: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    caller_id: str
    record: bool = True
    sector: Sector | None = None
    about: str = ""
    callee: Callee = Callee.CONSUMER
    caller_id_owner: Owner | None = None
    dialling: Dialling = Dialling.MANUAL
    outcomes: tuple[str, ...] = OUTCOMES
    refusals: frozenset[str] = REFUSALS
    notes: bool = False
    manner: Manner = field(default_factory=Manner)

    @property
    def spoken(self) -> frozenset[str]:
        """The languages in which its notice can be had."""
        return frozenset(self.languages.values()) | frozenset(self.manner.languages.values())

    @property
    def countries(self) -> frozenset[str]:
        """The countries that the campaign calls."""
        return frozenset(self.languages)


@dataclass(frozen=True, slots=True)
class Mandate:
    """The processor contract that lets a centre call for a controller (GDPR Art. 28(3)), from `since` to `expires`.

    `under` is the centre whose sub-processor this one is; the contract is then with that centre. `sub_processors` are
    those that the controller authorised (Art. 28(2)).
    """

    controller: str
    centre: str
    reference: str
    expires: date
    since: date = date.min
    under: str = ""
    sub_processors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ListRule:
    """A national do-not-call list: the country that it covers and how old a copy may be used."""

    id: str
    country: str
    max_age_days: int


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Everything besides the lists' contents that decides about a call. `version` names exactly this policy.

    Policies are told apart by identity, so that what is derived from one can be kept. `law` is by the region that is
    called (ISO 3166): the packs with the operator's own rules in them. `transfers` is where data may go.
    """

    version: str
    home: str
    outside_line: str
    controllers: Mapping[str, Controller]
    centres: Mapping[str, Centre]
    campaigns: Mapping[str, Campaign]
    mandates: Mapping[tuple[str, str], Mandate]
    lists: Mapping[str, ListRule]
    law: Mapping[str, Pack]
    transfers: Transfers


def problems(policy: Policy) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Where the parts do not fit: ((table, id, key), what is wrong and what would be right)."""
    for campaign in policy.campaigns.values():
        yield from ((("campaigns", campaign.id, key), says) for key, says in _of_campaign(policy, campaign))
    for mandate in policy.mandates.values():
        name = f"{mandate.controller}/{mandate.centre}"
        yield from ((("mandates", name, key), says) for key, says in _of_mandate(policy, mandate))


def _of_campaign(policy: Policy, campaign: Campaign) -> Iterator[tuple[str, str]]:
    if campaign.controller not in policy.controllers:
        yield "controller", f"no controller {campaign.controller!r}; {known(policy.controllers)}"
    for country, names in campaign.lists.items():
        if country not in campaign.countries:
            yield "lists", f"lists for {country}, a country that [languages] does not name"
        for name in names:
            if name not in policy.lists:
                yield "lists", f"no list {name!r}; {known(policy.lists)}"
            elif (covers := policy.lists[name].country) != country:
                yield "lists", f"the list {name} covers {covers}; it cannot bind calls to {country}"


def _of_mandate(policy: Policy, mandate: Mandate) -> Iterator[tuple[str, str]]:
    if mandate.controller not in policy.controllers:
        yield "controller", f"no controller {mandate.controller!r}; {known(policy.controllers)}"
    if mandate.centre not in policy.centres:
        yield "centre", f"no centre {mandate.centre!r}; {known(policy.centres)}"
    if mandate.under and (mandate.controller, mandate.under) not in policy.mandates:
        yield "under", f"{mandate.under} has no mandate of {mandate.controller} under which {mandate.centre} could call"
    for name in sorted(mandate.sub_processors - policy.centres.keys()):
        yield "sub_processors", f"no centre {name!r}; {known(policy.centres)}"
    if mandate.since > mandate.expires:
        yield "expires", f"is before {mandate.since}, on which it begins"


def known(names: Mapping[str, object]) -> str:
    """Which names there are, for a sentence that says that one is not among them."""
    return "known are " + ", ".join(sorted(names)) if names else "none is configured"
