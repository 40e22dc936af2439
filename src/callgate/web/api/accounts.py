"""What a company accounts for: the register of processing (GDPR Art. 30), and what was accessed by whom (Art. 33)."""

from datetime import timedelta
from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from callgate.accountability import breach
from callgate.core.access import Area, Role
from callgate.core.document import Document, Format, as_html, as_json, as_markdown
from callgate.web.api.fields import In, Moment, Name
from callgate.web.api.printed import printed
from callgate.web.api.tenancy import for_controller
from callgate.web.limits import Rate
from callgate.web.problems import invalid, not_permitted
from callgate.web.routing import Ask, Route, Tenant

LOOKERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
RARE: Final = Rate(6, 3)
"""The ledger is read for it, a window's every event."""
LONGEST: Final = timedelta(days=366)

User = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RegisterQuery(In):
    """Of one company or, for who is not confined, of all; and as what."""

    controller: Name | None = None
    format: Format = Format.JSON


class BreachQuery(In):
    """The window, of a year at most; whose acts; when the company became aware of it, now unless said otherwise."""

    since: Moment
    until: Moment | None = None
    user: User | None = None
    aware: Moment | None = None
    format: Format = Format.JSON


async def register(ask: Ask) -> web.StreamResponse:
    asked = ask.asked(RegisterQuery)
    if asked.controller is not None:
        for_controller(ask, asked.controller)
    elif not ask.principal.sees(None, None):
        raise not_permitted("the register of all companies is for who is not confined; name a controller")
    ask.controller = asked.controller
    return _handed(ask.services.register(asked.controller), asked.format)


async def survey(ask: Ask) -> web.StreamResponse:
    asked, now = ask.asked(BreachQuery), ask.services.clock()
    until = asked.until or now
    if not timedelta() < until - asked.since <= LONGEST:
        raise invalid("/until", "the window ends after it begins, and within a year")
    await ask.enter()
    found = await breach.survey(ask.services.ledger, breach.Window(asked.since, until, asked.user))
    return _handed(ask.services.report(found, asked.aware or now), asked.format)


def _handed(document: Document, form: Format) -> web.StreamResponse:
    if form is Format.JSON:
        return web.json_response(as_json(document))
    if form is Format.MARKDOWN:
        return web.Response(text=as_markdown(document), content_type="text/markdown")
    return printed(as_html(document))


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/register", handler=register,
        summary="The register of processing activities (GDPR Art. 30).", who=LOOKERS, area=Area.POLICY,
        tenant=Tenant.NAMED, query=RegisterQuery, gives="application/json", act="register-made",
    ),
    Route(
        method="GET", path="/api/v1/breach", handler=survey,
        summary="What was accessed by whom in a window, for a notification (GDPR Art. 33).", who=LOOKERS,
        area=Area.REQUESTS, tenant=Tenant.WHOLE, query=BreachQuery, gives="application/json", rate=RARE,
        act="breach-surveyed",
    ),
)  # fmt: skip
