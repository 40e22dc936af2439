"""Where one logs in, and out."""

from typing import Final

from aiohttp import web
from pydantic import BaseModel

from callgate.web.api.fields import Line
from callgate.web.api.session import SLOW, LogIn, end_session, let_in, set_cookie
from callgate.web.pages.preferences import local
from callgate.web.pages.site import Nothing, Visit, act, visit
from callgate.web.problems import Problem
from callgate.web.routing import EVERYONE, Ask, Route, Tenant


class LogInForm(LogIn):
    """The form of the log-in page. `next`: the page that was wanted."""

    next: str = "/"


class Next(BaseModel):
    """Which page was wanted before logging in."""

    next: Line = "/"


async def show(ask: Ask) -> web.StreamResponse:
    return _page(ask, ask.asked(Next).next)


async def log_in(ask: Ask) -> web.StreamResponse:
    said = ask.said(LogInForm)
    try:
        secret = await let_in(ask, said)
    except Problem as problem:
        return _page(ask, said.next, problem)
    away = web.HTTPSeeOther(local(said.next))
    set_cookie(ask, away, secret)
    raise away


def _page(ask: Ask, following: str, wrong: Problem | None = None) -> web.Response:
    status = wrong.status if wrong else 200
    answer = visit(ask).show("login.html", at="", status=status, next=local(following), wrong=wrong)
    answer.headers.update(wrong.headers if wrong else {})
    return answer


async def log_out(visit: Visit) -> web.StreamResponse:
    away = web.HTTPSeeOther("/login")
    await end_session(visit.ask, away)
    raise away


ROUTES: Final = (
    Route(
        method="GET", path="/login", handler=show, summary="The log-in page.", who=None, tenant=Tenant.NOBODYS,
        query=Next, gives="text/html", page=True,
    ),
    Route(
        method="POST", path="/login", handler=log_in, summary="Log in by the page's form.", who=None,
        tenant=Tenant.NOBODYS, body=LogInForm, gives="text/html", rate=SLOW, enters=True, page=True,
    ),
    act("/logout", log_out, EVERYONE, "Log out by the page's form.", Nothing, tenant=Tenant.NOBODYS, enters=True),
)  # fmt: skip
