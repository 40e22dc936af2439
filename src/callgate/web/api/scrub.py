"""Lead files, sifted: the file comes as the body, and what is left of it goes back.

The answer begins when the whole file was judged, so that one which begins is whole but for a broken connection. Leads
are held in a file without a name meanwhile.
"""

from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import StringConstraints

from callgate.core.access import Area, Role
from callgate.web import sent
from callgate.web.api.fields import In, Name
from callgate.web.api.tenancy import acting_for
from callgate.web.limits import Rate
from callgate.web.problems import Problem, invalid, not_permitted, too_many
from callgate.web.routing import Ask, Route, Tenant
from callgate.web.services import LeadsRefused, SieveBusy

MOST: Final = 1 << 30
"""Bytes of a lead file."""
BUSY_S: Final = 10


class ScrubQuery(In):
    """For which campaign; the number's column by heading or number; where national numbers are of, else the site's
    country; and which leads come back."""

    campaign: Name
    column: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = (
        None
    )
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    give: Literal["allowed", "blocked"] = "allowed"


async def scrub(ask: Ask) -> web.StreamResponse:
    asked = ask.asked(ScrubQuery)
    campaign = ask.services.policy().campaigns.get(asked.campaign)
    if campaign is None:
        if ask.principal.sees(None, None):
            raise invalid("/campaign", "there is no such campaign in the configuration")
        raise not_permitted("this campaign is not there, or you are not to act for it")
    acting_for(ask, campaign.controller)
    ask.controller = campaign.controller
    words = {"campaign": asked.campaign, "column": asked.column or "", "country": asked.country or ""}
    try:
        sifted = await ask.services.sieve.sift(sent.pieces(ask), words, blocked=asked.give == "blocked")
    except LeadsRefused as error:
        raise Problem(422, "leads-refused", str(error)) from None
    except SieveBusy:
        raise too_many(BUSY_S, "other lead files are being sifted; try again") from None
    await ask.enter()
    headers = {"Callgate-Allowed": str(sifted.allowed), "Callgate-Blocked": str(sum(sifted.blocked.values()))}
    response = web.StreamResponse(headers=headers | {"Content-Type": "text/csv"})
    await response.prepare(ask.request)
    async for chunk in sifted.content:
        await response.write(chunk)
    await response.write_eof()
    return response


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/scrub", handler=scrub,
        summary="Sift leads (CSV) for a campaign: those that may be called, or those that must not with the reason.",
        who=frozenset({Role.OFFICER, Role.SUPERVISOR, Role.MACHINE}), area=Area.SCRUB, tenant=Tenant.NAMED,
        query=ScrubQuery, takes="text/csv", gives="text/csv", most=MOST, rate=Rate(60, 10), act="leads-scrubbed",
    ),
)  # fmt: skip
