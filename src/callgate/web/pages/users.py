"""Users: who may come in, as what, and with which tokens. A new token is shown once, on the page that made it."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from callgate import config
from callgate.core.access import Area, Role
from callgate.stores.accounts import AccountRefused, User
from callgate.web.api.fields import In, Line, MaybeLine
from callgate.web.auth.passwords import BadPassword
from callgate.web.pages.site import ADMINS, Visit, act, go, page
from callgate.web.routing import Route, Tenant

Password = Annotated[str, StringConstraints(max_length=256)]


class NewUser(In):
    """A user. `controllers` and `centres` confine: names with commas between them. A machine has no password."""

    name: Line
    role: Role
    controllers: MaybeLine = ""
    centres: MaybeLine = ""
    password: Password = ""


class Change(In):
    """Let a user in no more, or again; take a token of theirs back; or set their password."""

    name: Line
    change: Literal["disable", "enable", "revoke", "password"]
    token: MaybeLine = ""
    password: Password = ""


class NewToken(In):
    """A token of a user: for what, and for how many days."""

    name: Line
    label: MaybeLine = ""
    area: Area
    days: Annotated[int, Field(ge=1, le=366)] = 90


async def show(visit: Visit) -> web.StreamResponse:
    return await _shown(visit)


async def add(visit: Visit) -> web.StreamResponse:
    said, door, policy = visit.ask.said(NewUser), visit.services.door, visit.services.policy()
    if not config.is_name(said.name):
        return await _shown(visit, visit.text("refusal.bad-name"))
    controllers, centres = _names(said.controllers), _names(said.centres)
    unknown = ((controllers or set()) - policy.controllers.keys()) | ((centres or set()) - policy.centres.keys())
    if unknown:
        return await _shown(visit, visit.text("refusal.not-configured", names=", ".join(sorted(unknown))))
    try:
        hashed = None if said.role is Role.MACHINE else await door.passwords.hash(said.password)
        await door.accounts.add(User(said.name, said.role, controllers, centres, hashed), visit.principal.name)
    except (AccountRefused, BadPassword) as error:
        return await _shown(visit, visit.why(error))
    raise go("/users")


async def change(visit: Visit) -> web.StreamResponse:
    said, door, by = visit.ask.said(Change), visit.services.door, visit.principal.name
    try:
        match said.change:
            case "disable":
                await door.accounts.disable(said.name, by)
            case "enable":
                await door.accounts.enable(said.name, by)
            case "revoke":
                await door.accounts.revoke(said.token, by)
            case "password":
                await door.accounts.set_password(said.name, await door.passwords.hash(said.password), by)
    except (AccountRefused, BadPassword) as error:
        return await _shown(visit, visit.why(error))
    raise go("/users")


async def make_token(visit: Visit) -> web.StreamResponse:
    said, door = visit.ask.said(NewToken), visit.services.door
    life = timedelta(days=said.days)
    try:
        made = await door.make_token(said.name, said.label, frozenset({said.area}), life, visit.principal.name)
    except AccountRefused as error:
        return await _shown(visit, visit.why(error))
    return await _shown(visit, made=made, whose=said.name)


async def _shown(visit: Visit, wrong: str = "", made: str = "", whose: str = "") -> web.StreamResponse:
    accounts, policy = visit.services.door.accounts, visit.services.policy()
    users = [(user, await accounts.tokens(user.name)) for user in await accounts.users()]
    users.sort(key=lambda one: (one[0].disabled is not None, one[0].name))
    return visit.show(
        "users.html", at="users", users=users, wrong=wrong, made=made, whose=whose, roles=list(Role), areas=list(Area),
        controllers=sorted(policy.controllers), centres=sorted(policy.centres), status=422 if wrong else 200,
    )  # fmt: skip


def _names(text: str) -> frozenset[str] | None:
    return frozenset(filter(None, (part.strip() for part in text.split(",")))) or None


ROUTES: Final[tuple[Route, ...]] = (
    page("/users", show, ADMINS, "Users and their tokens.", tenant=Tenant.WHOLE),
    act("/users", add, ADMINS, "Make a user.", NewUser, tenant=Tenant.WHOLE, enters=True),
    act("/users/change", change, ADMINS, "Change a user.", Change, tenant=Tenant.WHOLE, enters=True),
    act("/users/token", make_token, ADMINS, "Make a token.", NewToken, tenant=Tenant.WHOLE, enters=True),
)
