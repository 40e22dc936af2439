"""Logging in and out, and one's own password."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import StringConstraints

from callgate.web import problems
from callgate.web.api.fields import In, Line, Out
from callgate.web.auth.door import NotLetIn, TryLater, Visitor
from callgate.web.auth.passwords import BadPassword
from callgate.web.limits import Rate
from callgate.web.problems import Problem
from callgate.web.routing import EVERYONE, Ask, Route, Tenant
from callgate.web.serving import cookie

SLOW: Final = Rate(20, 10)


class LogIn(In):
    """Who logs in."""

    name: Line
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class NewPassword(In):
    """One's own password."""

    old: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    new: Annotated[str, StringConstraints(min_length=12, max_length=256)]


class Me(Out):
    """Who is logged in. `csrf` goes into the header X-CSRF-Token of every change that a session makes."""

    name: str
    role: str
    controllers: list[str] | None
    centres: list[str] | None
    scopes: list[str] | None
    csrf: str


async def log_in(ask: Ask) -> web.StreamResponse:
    said = ask.said(LogIn)
    secret = await let_in(ask, said)
    visitor = await ask.services.door.by_session(secret)
    if visitor is None:
        raise _wrong()
    response = web.json_response(text=_me(visitor).model_dump_json())
    set_cookie(ask, response, secret)
    return response


async def me(ask: Ask) -> Me:
    if ask.visitor is None:
        raise problems.not_permitted("nobody is logged in")
    return _me(ask.visitor)


async def log_out(ask: Ask) -> web.StreamResponse:
    response = web.Response(status=204)
    await end_session(ask, response)
    return response


async def end_session(ask: Ask, response: web.StreamResponse) -> None:
    """End the session that a request came with, and have the browser forget it."""
    name = cookie(ask.reach.secure)
    await ask.services.door.log_out(ask.request.cookies.get(name, ""), ask.principal.name)
    response.del_cookie(name, path="/", secure=ask.reach.secure, httponly=True, samesite="Lax")


async def set_password(ask: Ask) -> None:
    said = ask.said(NewPassword)
    try:
        await ask.services.door.change_password(ask.principal.name, said.old, said.new, ask.reach.address)
    except NotLetIn as error:
        raise problems.invalid("/old", str(error)) from None
    except BadPassword as error:
        raise problems.invalid("/new", str(error)) from None
    except TryLater as error:
        raise problems.too_many(error.wait.total_seconds(), str(error)) from None


async def let_in(ask: Ask, said: LogIn) -> str:
    """The secret of a new session. Raises `Problem`."""
    try:
        return await ask.services.door.log_in(said.name, said.password, ask.reach.address)
    except NotLetIn:
        raise _wrong() from None
    except TryLater as error:
        raise problems.too_many(error.wait.total_seconds(), str(error)) from None


def _wrong() -> Problem:
    return Problem(401, "not-logged-in", "name and password do not go together")


def _me(visitor: Visitor) -> Me:
    who = visitor.principal
    return Me(
        name=who.name,
        role=who.role,
        controllers=sorted(who.controllers) if who.controllers is not None else None,
        centres=sorted(who.centres) if who.centres is not None else None,
        scopes=sorted(visitor.scopes) if visitor.scopes is not None else None,
        csrf=visitor.csrf,
    )


def set_cookie(ask: Ask, response: web.StreamResponse, secret: str) -> None:
    """Have the browser keep a session."""
    longest = round(ask.services.door.terms.longest.total_seconds())
    name = cookie(ask.reach.secure)
    response.set_cookie(name, secret, path="/", max_age=longest, secure=ask.reach.secure, httponly=True, samesite="Lax")


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/session", handler=log_in, summary="Log in; sets the cookie of a session.",
        who=None, tenant=Tenant.NOBODYS, body=LogIn, answer=Me, rate=SLOW, enters=True,
        example={"name": "officer", "password": "correct horse battery"},
    ),
    Route(
        method="GET", path="/api/v1/session", handler=me, summary="Who is logged in, and the CSRF token.",
        who=EVERYONE, tenant=Tenant.NOBODYS, answer=Me,
    ),
    Route(
        method="DELETE", path="/api/v1/session", handler=log_out, summary="Log out.",
        who=EVERYONE, tenant=Tenant.NOBODYS, person=True, enters=True,
    ),
    Route(
        method="POST", path="/api/v1/session/password", handler=set_password,
        summary="Set one's own password; ends one's sessions.", who=EVERYONE, tenant=Tenant.NOBODYS, person=True,
        body=NewPassword, rate=SLOW, enters=True,
        example={"old": "correct horse battery", "new": "staple of 12 letters"},
    ),
)  # fmt: skip
