"""Companies, their campaigns, the centres that call for them, the contracts between them, and what lapses next."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from callgate.core import processing
from callgate.web.pages.site import WATCHERS, Visit, page

SOON: Final = timedelta(days=60)


async def show(visit: Visit) -> web.StreamResponse:
    """Everything that is theirs to see of who may call for whom."""
    policy, today = visit.services.policy(), visit.services.clock().date()
    mandates = [one for one in policy.mandates.values() if visit.sees(one.controller, one.centre)]
    companies = {one.controller for one in mandates} | {name for name in policy.controllers if visit.sees(name, None)}
    centres = {one.centre for one in mandates} | {name for name in policy.centres if visit.sees(None, name)}
    pairs = []
    for mandate in mandates:
        terms = list(processing.terms(policy, mandate.controller, policy.centres[mandate.centre], today))
        until = min(term.until for term in terms)
        pairs.append((mandate, until, (until - today).days, [term for term in terms if not term.passed]))
    pairs.sort(key=lambda pair: (not pair[3], pair[1]))
    return visit.show(
        "companies.html", at="companies", pairs=pairs, soon=SOON.days,
        companies=[policy.controllers[name] for name in sorted(companies)],
        centres=[policy.centres[name] for name in sorted(centres)],
        campaigns=[one for one in policy.campaigns.values() if one.controller in companies],
    )  # fmt: skip


ROUTES: Final = (page("/companies", show, WATCHERS, "Who may call for whom, and until when.", act="policy-shown"),)
