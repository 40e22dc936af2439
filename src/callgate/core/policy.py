"""Who may call for whom: controllers, centres, campaigns and the mandates between them, as plain values.

How they are written is `callgate.config`'s business; that they fit together is checked by `problems`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from callgate.core.law.rule import Callee, Pack
from callgate.core.law.terms import Owner, Sector
from callgate.core.purpose import Purpose

EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""Inside it personal data moves freely; out of it a transfer needs a basis (GDPR Art. 44)."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The company on whose behalf people are called (GDPR Art. 4(7)), as it names itself in the notice."""

    id: str
    name: str
    privacy_policy: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferBasis:
    """What lets a centre outside the EEA have the data: adequacy, standard clauses, … (GDPR Art. 45, 46)."""

    kind: str
    reference: str
    expires: date


@dataclass(frozen=True, slots=True)
class Centre:
    """A call centre: where it stands (ISO 3166), how it is named to callees, what its agents speak."""

    id: str
    name: str
    country: str
    language: str
    transfer_basis: TransferBasis | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign of one controller.

    `lists` are the national lists that bind it besides those of the law, by the country that is called. `sector` is
    what it offers and `caller_id_owner` whose number it shows; None is unknown. `callee`: whose lines it calls.
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
    callee: Callee = Callee.CONSUMER
    caller_id_owner: Owner | None = None

    @property
    def countries(self) -> frozenset[str]:
        """The countries that the campaign calls."""
        return frozenset(self.languages)


@dataclass(frozen=True, slots=True)
class Mandate:
    """The processor contract that lets a centre call for a controller (GDPR Art. 28(3))."""

    controller: str
    centre: str
    reference: str
    expires: date


@dataclass(frozen=True, slots=True)
class ListRule:
    """A national do-not-call list: the country that it covers and how old a copy may be used."""

    id: str
    country: str
    max_age_days: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything besides the lists' contents that decides about a call. `version` names exactly this policy.

    `law` is by the region that is called (ISO 3166): the packs with the operator's own rules in them.
    """

    version: str
    home: str
    outside_line: str
    controllers: Mapping[str, Controller]
    centres: Mapping[str, Centre]
    campaigns: Mapping[str, Campaign]
    mandates: Mapping[tuple[str, str], Mandate]
    lists: Mapping[str, ListRule]
    law: Mapping[str, Pack] = field(default_factory=dict)


def problems(policy: Policy) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Where the parts do not fit: ((table, id, key), what is wrong and what would be right)."""
    for campaign in policy.campaigns.values():
        place = ("campaigns", campaign.id)
        if campaign.controller not in policy.controllers:
            yield (*place, "controller"), f"no controller {campaign.controller!r}; {_known(policy.controllers)}"
        for country, names in campaign.lists.items():
            if country not in campaign.countries:
                yield (*place, "lists"), f"lists for {country}, a country that [languages] does not name"
            for name in names:
                if name not in policy.lists:
                    yield (*place, "lists"), f"no list {name!r}; {_known(policy.lists)}"
                elif (covers := policy.lists[name].country) != country:
                    yield (*place, "lists"), f"the list {name} covers {covers}; it cannot bind calls to {country}"
    for mandate in policy.mandates.values():
        place = ("mandates", f"{mandate.controller}/{mandate.centre}")
        if mandate.controller not in policy.controllers:
            yield (*place, "controller"), f"no controller {mandate.controller!r}; {_known(policy.controllers)}"
        if mandate.centre not in policy.centres:
            yield (*place, "centre"), f"no centre {mandate.centre!r}; {_known(policy.centres)}"


def _known(names: Mapping[str, object]) -> str:
    return "known are " + ", ".join(sorted(names)) if names else "none is configured"
