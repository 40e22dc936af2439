"""What is configured: the policy in force, and what another would change."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from callgate.config import BadConfig
from callgate.core import policy as core
from callgate.core.access import Area, Principal, Role
from callgate.core.processing import lapsing
from callgate.web.api.fields import Out
from callgate.web.api.tenancy import acts_for
from callgate.web.routing import EVERYONE, Ask, Route, Tenant

WITHIN: Final = timedelta(days=30)
_TABLES: Final = ("controllers", "centres", "campaigns", "mandates", "lists")


class Mandate(Out):
    """Which centre may call for which company, until when."""

    controller: str
    centre: str
    reference: str
    expires: str


class Lapse(Out):
    """What lapses within 30 days, or does not hold."""

    controller: str
    centre: str
    what: str
    until: str | None


class Policy(Out):
    """The policy in force, as far as it concerns the one who asks."""

    version: str
    controllers: dict[str, str]
    centres: dict[str, str]
    campaigns: dict[str, str]
    mandates: list[Mandate]
    lapsing: list[Lapse]


class Difference(Out):
    """One thing that another policy says: where, what is in force, and what would be."""

    where: str
    now: str | None
    then: str | None


class Proposed(Out):
    """What loading the configuration now would change. `problems`: why it could not be loaded; then nothing would."""

    version: str | None
    changes: list[Difference]
    problems: list[str]


async def in_force(ask: Ask) -> Policy:
    policy, who = ask.services.policy(), ask.principal
    mine = {name for name in policy.controllers if acts_for(who, name, policy)}
    centres = {name for name in policy.centres if _works_with(who, name, mine, policy)}
    return Policy(
        version=policy.version,
        controllers={name: policy.controllers[name].name for name in sorted(mine)},
        centres={name: policy.centres[name].name for name in sorted(centres)},
        campaigns={name: one.controller for name, one in policy.campaigns.items() if one.controller in mine},
        mandates=[
            Mandate(controller=one.controller, centre=one.centre, reference=one.reference, expires=str(one.expires))
            for one in policy.mandates.values()
            if one.controller in mine and one.centre in centres
        ],
        lapsing=[
            Lapse(
                controller=one.controller,
                centre=one.centre,
                what=one.what,
                until=str(one.until) if one.until else None,
            )
            for one in lapsing(policy, ask.services.clock().date(), WITHIN)
            if one.controller in mine and one.centre in centres
        ],
    )


def _works_with(who: Principal, centre: str, controllers: set[str], policy: core.Policy) -> bool:
    """A centre sees itself; a company those that call for it; who is not confined, all."""
    if who.centres is not None:
        return centre in who.centres
    return who.controllers is None or any((controller, centre) in policy.mandates for controller in controllers)


async def proposed(ask: Ask) -> Proposed:
    try:
        then = await ask.services.proposed()
    except BadConfig as error:
        return Proposed(version=None, changes=[], problems=[str(problem) for problem in error.problems])
    return Proposed(version=then.version, changes=list(_differences(ask.services.policy(), then)), problems=[])


def _differences(now: core.Policy, then: core.Policy) -> Iterator[Difference]:
    before, after = _flat(now), _flat(then)
    for where in sorted(before.keys() | after.keys()):
        if before.get(where) != after.get(where):
            yield Difference(where=where, now=before.get(where), then=after.get(where))
    for country in sorted(now.law.keys() | then.law.keys()):
        if now.law.get(country) != then.law.get(country):
            yield Difference(where=f"law.{country}", now="the rules in force", then="other rules")


def _flat(policy: core.Policy) -> dict[str, str]:
    """Every value, but those of the law, by the path to it."""
    found = {"site.country": policy.home, "site.outside_line": policy.outside_line}
    for table in _TABLES:
        for key, one in getattr(policy, table).items():
            place = f"{table}.{'/'.join(key) if isinstance(key, tuple) else key}"
            found |= {f"{place}.{field}": _said(value) for field, value in asdict(one).items()}
    return found


def _said(value: object) -> str:
    return ", ".join(sorted(map(str, value))) if isinstance(value, frozenset) else str(value)


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/policy", handler=in_force, summary="The policy in force, as far as it is yours.",
        who=EVERYONE, area=Area.POLICY, tenant=Tenant.FILTERED, answer=Policy,
    ),
    Route(
        method="GET", path="/api/v1/policy/proposed", handler=proposed,
        summary="What loading the configuration now would change; nothing is loaded.",
        who=frozenset({Role.ADMIN, Role.OFFICER, Role.MACHINE}), area=Area.POLICY, tenant=Tenant.WHOLE, answer=Proposed,
    ),
)  # fmt: skip
