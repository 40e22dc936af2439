"""Every route, asked by every role, for what is theirs and for what is another company's or centre's.

A route that is not in `ASKED` fails the test, and so does one that is in it and not in the table: whoever adds a route
says here what each is to be answered.
"""

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Final

import pytest
from aiohttp import ClientResponse

from callgate.core.access import Area, Principal, Role
from callgate.core.events import Event, Kind
from callgate.web.routing import Route, Tenant
from callgate.web.serving import MOUNTED
from callgate.web.table import TABLE
from tests.stores.conftest import NOW
from tests.web.world import World

pytestmark = pytest.mark.server

NUMBER: Final = "+33199001201"
ROLES: Final = tuple(Role)
EVERY: Final = frozenset(Role)
ANYONE: Final = None
STATIC: Final = sorted(
    file.name
    for file in files("callgate.web").joinpath("static").iterdir()
    if file.name.endswith((".css", ".js", ".svg"))
)


@dataclass(frozen=True)
class Asked:
    """How a route is asked for what is Acme's and Brussels' (`own`), and for what is Futura's and Lille's (`foreign`).

    `who` may, and is answered with one of `ok`; `refused` is the answer to who may in general, but not for `foreign`.
    `text`: the body is a lead file, or the form has a file.
    """

    who: frozenset[Role] | None
    own: object = None
    foreign: object = None
    path: str = ""
    foreign_path: str = ""
    ok: frozenset[int] = frozenset({200})
    refused: int = 403
    text: bool = False


def person(controller: str, **more: object) -> dict[str, object]:
    return {"number": NUMBER, "controller": controller, **more}


def call(campaign: str, centre: str) -> dict[str, object]:
    return {"number": "0033199001201", "campaign": campaign, "centre": centre}


def only(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


AGENT, SUPERVISOR, OFFICER, ADMIN, MACHINE = Role.AGENT, Role.SUPERVISOR, Role.OFFICER, Role.ADMIN, Role.MACHINE
GIVEN: Final = {"given": "2026-11-01T10:00:00Z", "proof": "form 1"}
LOG_IN: Final = {"name": "nobody", "password": "not the password"}
WHY: Final = "letter of 2026-11-20"
DONE: Final = frozenset({200})
UNFIT: Final = frozenset({409})
"""The request does not stand so that this could be done, which only who may do it hears."""
SINCE: Final = "2026-11-01T00:00:00Z"
GONE: Final = frozenset({404})
NEW_USER: Final = {"name": "robot", "role": "machine"}
NO_USER: Final = {"name": "nobody", "change": "disable"}
NO_TOKEN: Final = {"name": "nobody", "area": "check"}

ASKED: Final = {
    "GET /": Asked(only(AGENT, SUPERVISOR, OFFICER, ADMIN), ok=frozenset({200, 303})),
    "GET /live/state": Asked(only(SUPERVISOR, OFFICER, ADMIN)),
    "POST /alarms/{alarm}/take": Asked(
        only(SUPERVISOR, OFFICER, ADMIN), path="/alarms/own/take", foreign_path="/alarms/foreign/take",
        ok=frozenset({404}), refused=404,
    ),
    "GET /agent": Asked(only(AGENT, SUPERVISOR, OFFICER)),
    "POST /agent": Asked(
        only(AGENT, SUPERVISOR, OFFICER), own={"call": "own"}, foreign={"call": "foreign"}, ok=GONE, refused=404
    ),
    "GET /calls": Asked(only(SUPERVISOR, OFFICER)),
    "GET /calls/{call}": Asked(
        only(SUPERVISOR, OFFICER), path="/calls/own", foreign_path="/calls/foreign", refused=404
    ),
    "GET /person": Asked(only(OFFICER)),
    "POST /person": Asked(only(OFFICER), own={"number": NUMBER}, foreign={"number": NUMBER}),
    "POST /person/wish": Asked(
        only(OFFICER), own=person("acme", right="objection", because=WHY),
        foreign=person("futura", right="objection", because=WHY),
    ),
    "POST /person/lift": Asked(
        only(OFFICER), own=person("acme", because=WHY, proof=WHY, asked="yes"),
        foreign=person("futura", because=WHY, proof=WHY, asked="yes"),
    ),
    "GET /requests": Asked(only(OFFICER)),
    "GET /requests/{request}": Asked(
        only(OFFICER), path="/requests/own", foreign_path="/requests/foreign", ok=GONE, refused=404
    ),
    "POST /requests/{request}": Asked(
        only(OFFICER), own={"step": "erase"}, foreign={"step": "erase"}, path="/requests/own",
        foreign_path="/requests/foreign", ok=GONE, refused=404,
    ),
    "GET /requests/{request}/certificate": Asked(
        only(OFFICER), path="/requests/own/certificate", foreign_path="/requests/foreign/certificate", ok=GONE,
        refused=404,
    ),
    "GET /recordings": Asked(only(SUPERVISOR, OFFICER)),
    "GET /partners": Asked(only(OFFICER)),
    "POST /partners/retry": Asked(
        only(OFFICER), own={"partner": "erp"}, foreign={"partner": "none"}, ok=GONE, refused=404
    ),
    "POST /partners/drop": Asked(
        only(OFFICER), own={"partner": "erp", "item": "a", "because": WHY},
        foreign={"partner": "none", "item": "a", "because": WHY}, ok=GONE, refused=404,
    ),
    "GET /lists": Asked(only(SUPERVISOR, OFFICER, ADMIN)),
    "GET /lists/{list}/import": Asked(
        only(OFFICER, ADMIN), path="/lists/be-dncm/import", foreign_path="/lists/be-dncm/import"
    ),
    "POST /lists/{list}/import": Asked(
        only(OFFICER, ADMIN), own={}, foreign={}, path="/lists/be-dncm/import",
        foreign_path="/lists/be-dncm/import", ok=frozenset({303}), text=True
    ),
    **{
        f"POST /lists/{{list}}/import/{what}": Asked(
            only(OFFICER, ADMIN), own={}, foreign={}, path=f"/lists/be-dncm/import/{what}",
            foreign_path=f"/lists/be-dncm/import/{what}", ok=UNFIT
        )
        for what in ("accept", "cancel")
    },
    "GET /companies": Asked(only(SUPERVISOR, OFFICER, ADMIN)),
    "GET /users": Asked(only(ADMIN)),
    "POST /users": Asked(only(ADMIN), own=NEW_USER, foreign=NEW_USER, ok=frozenset({303})),
    "POST /users/change": Asked(only(ADMIN), own=NO_USER, foreign=NO_USER, ok=frozenset({422})),
    "POST /users/token": Asked(only(ADMIN), own=NO_TOKEN, foreign=NO_TOKEN, ok=frozenset({422})),
    "GET /ledger": Asked(only(OFFICER, ADMIN)),
    "POST /ledger/verify": Asked(only(OFFICER, ADMIN), own={}, foreign={}, ok=frozenset({303})),
    "POST /preferences": Asked(ANYONE, own={}, ok=frozenset({303, 415})),
    "POST /logout": Asked(EVERY, own={}, foreign={}, ok=frozenset({303})),
    **{f"GET /static/{name}": Asked(ANYONE) for name in STATIC},
    "GET /login": Asked(ANYONE),
    "POST /login": Asked(ANYONE, own=LOG_IN, ok=frozenset({401})),
    "POST /api/v1/session": Asked(ANYONE, own=LOG_IN, ok=frozenset({401})),
    "GET /api/v1/session": Asked(EVERY),
    "DELETE /api/v1/session": Asked(frozenset()),
    "POST /api/v1/session/password": Asked(frozenset(), own={"old": "x", "new": "a good long one"}),
    "POST /api/v1/check": Asked(
        only(AGENT, SUPERVISOR, OFFICER, MACHINE), own=call("spring", "brussels"), foreign=call("autumn", "lille")
    ),
    "POST /api/v1/calls": Asked(only(MACHINE), own=call("spring", "brussels"), foreign=call("autumn", "lille")),
    "POST /api/v1/calls/{call}/connected": Asked(
        only(MACHINE), path="/api/v1/calls/own/connected", foreign_path="/api/v1/calls/foreign/connected",
        ok=frozenset({404}), refused=404,
    ),
    "POST /api/v1/calls/{call}/objection": Asked(
        only(MACHINE), path="/api/v1/calls/own/objection", foreign_path="/api/v1/calls/foreign/objection",
        ok=frozenset({404}), refused=404,
    ),
    "POST /api/v1/calls/{call}/end": Asked(
        only(MACHINE), path="/api/v1/calls/own/end", foreign_path="/api/v1/calls/foreign/end", ok=frozenset({404}),
        refused=404,
    ),
    "GET /api/v1/calls": Asked(only(SUPERVISOR, OFFICER, MACHINE)),
    "POST /api/v1/calls/search": Asked(only(OFFICER, MACHINE), own=person("acme"), foreign=person("futura")),
    "GET /api/v1/calls/{call}": Asked(
        only(SUPERVISOR, OFFICER, MACHINE), path="/api/v1/calls/own", foreign_path="/api/v1/calls/foreign", refused=404
    ),
    "POST /api/v1/suppressions": Asked(
        only(AGENT, SUPERVISOR, OFFICER, MACHINE), own=person("acme", reason=WHY), foreign=person("futura", reason=WHY)
    ),
    "POST /api/v1/suppressions/search": Asked(only(OFFICER, MACHINE), own=person("acme"), foreign=person("futura")),
    "POST /api/v1/suppressions/removals": Asked(
        frozenset(), own=person("acme", reason=WHY, proof=WHY, at_the_persons_request=True)
    ),
    "POST /api/v1/consents": Asked(
        only(OFFICER, MACHINE), own=person("acme", **GIVEN), foreign=person("futura", **GIVEN), ok=frozenset({200, 409})
    ),
    "POST /api/v1/consents/search": Asked(only(OFFICER, MACHINE), own=person("acme"), foreign=person("futura")),
    "POST /api/v1/consents/withdrawals": Asked(
        only(AGENT, SUPERVISOR, OFFICER, MACHINE), own=person("acme", reason=WHY), foreign=person("futura", reason=WHY)
    ),
    "GET /api/v1/recordings": Asked(only(SUPERVISOR, OFFICER)),
    **{
        f"{method} /api/v1/recordings/{{call}}/{what}": Asked(
            only(SUPERVISOR, OFFICER), path=f"/api/v1/recordings/own/{what}",
            foreign_path=f"/api/v1/recordings/foreign/{what}", refused=404,
        )
        for method, what in (("GET", "audio"), ("GET", "export"), ("POST", "withdrawal"))
    },
    "GET /api/v1/events": Asked(only(SUPERVISOR, OFFICER, ADMIN, MACHINE), path="/api/v1/events?after=0"),
    "POST /api/v1/scrub": Asked(
        only(SUPERVISOR, OFFICER, MACHINE), path="/api/v1/scrub?campaign=spring",
        foreign_path="/api/v1/scrub?campaign=autumn", text=True
    ),
    "GET /api/v1/policy": Asked(EVERY),
    "GET /api/v1/policy/proposed": Asked(only(OFFICER, ADMIN, MACHINE)),
    "GET /api/v1/lists": Asked(EVERY),
    "POST /api/v1/lists/{list}/import": Asked(
        only(OFFICER, ADMIN), path="/api/v1/lists/be-dncm/import", foreign_path="/api/v1/lists/be-dncm/import",
        text=True, ok=frozenset({202}),
    ),
    "GET /api/v1/lists/{list}/import": Asked(
        only(OFFICER, ADMIN), path="/api/v1/lists/be-dncm/import", foreign_path="/api/v1/lists/be-dncm/import"
    ),
    "DELETE /api/v1/lists/{list}/import": Asked(
        only(OFFICER, ADMIN), path="/api/v1/lists/be-dncm/import", foreign_path="/api/v1/lists/be-dncm/import", ok=UNFIT
    ),
    "POST /api/v1/lists/{list}/import/acceptance": Asked(
        only(OFFICER, ADMIN), path="/api/v1/lists/be-dncm/import/acceptance",
        foreign_path="/api/v1/lists/be-dncm/import/acceptance", ok=UNFIT
    ),
    "POST /api/v1/notes/screen": Asked(only(AGENT, SUPERVISOR, OFFICER, MACHINE), own={"text": "calls back"}),
    "POST /api/v1/calls/{call}/outcome": Asked(
        only(AGENT, SUPERVISOR, OFFICER, MACHINE), own={"outcome": "sale"}, foreign={"outcome": "sale"},
        path="/api/v1/calls/own/outcome", foreign_path="/api/v1/calls/foreign/outcome", ok=frozenset({204}),
        refused=404,
    ),
    "GET /api/v1/requests": Asked(only(OFFICER)),
    "POST /api/v1/requests": Asked(
        only(OFFICER), own=person("acme", because=WHY, right="erasure"),
        foreign=person("futura", because=WHY, right="erasure"),
    ),
    "POST /api/v1/requests/objection": Asked(
        only(OFFICER), own=person("acme", because=WHY), foreign=person("futura", because=WHY)
    ),
    "POST /api/v1/requests/restriction": Asked(
        only(OFFICER), own=person("acme", because=WHY, ground="accuracy"),
        foreign=person("futura", because=WHY, ground="accuracy"),
    ),
    "POST /api/v1/requests/rectification": Asked(
        only(OFFICER), own=person("acme", because=WHY, what="language", now="fr"),
        foreign=person("futura", because=WHY, what="language", now="fr"),
    ),
    "GET /api/v1/requests/{request}": Asked(
        only(OFFICER), path="/api/v1/requests/r-own", foreign_path="/api/v1/requests/r-foreign", refused=404
    ),
    **{
        f"POST /api/v1/requests/{{request}}/{act}": Asked(
            only(OFFICER), own=body, foreign=body, path=f"/api/v1/requests/r-own/{act}",
            foreign_path=f"/api/v1/requests/r-foreign/{act}", ok=ok, refused=404,
        )
        for act, body, ok in (
            ("call-back", None, UNFIT), ("erasure", None, UNFIT), ("access", None, UNFIT),
            ("identity", {"how": "identity card"}, DONE), ("extension", {"because": WHY}, DONE),
            ("acknowledgement", {"partner": "erp", "answer": "erased"}, UNFIT),
            ("lifting", {"because": WHY, "told": WHY}, UNFIT), ("refusal", {"because": WHY}, DONE),
        )
    },
    "GET /api/v1/requests/{request}/certificate": Asked(
        only(OFFICER), path="/api/v1/requests/r-own/certificate",
        foreign_path="/api/v1/requests/r-foreign/certificate", ok=UNFIT, refused=404,
    ),
    "GET /api/v1/partners": Asked(only(OFFICER, ADMIN)),
    "GET /api/v1/partners/{partner}/dead": Asked(
        only(OFFICER), path="/api/v1/partners/erp/dead", foreign_path="/api/v1/partners/crm/dead", refused=404
    ),
    "POST /api/v1/partners/{partner}/retry": Asked(frozenset(), own={}, path="/api/v1/partners/erp/retry"),
    "POST /api/v1/partners/{partner}/drop": Asked(
        frozenset(), own={"ids": ["ab" * 16], "because": WHY}, path="/api/v1/partners/erp/drop"
    ),
    "GET /api/v1/partners/{partner}/feed": Asked(
        only(MACHINE), path="/api/v1/partners/erp/feed", foreign_path="/api/v1/partners/crm/feed",
        ok=frozenset({404}), refused=404,
    ),
    "POST /api/v1/partners/{partner}/acknowledge": Asked(
        only(MACHINE), own={"done": []}, foreign={"done": []}, path="/api/v1/partners/erp/acknowledge",
        foreign_path="/api/v1/partners/crm/acknowledge", ok=frozenset({404}), refused=404,
    ),
    "GET /api/v1/register": Asked(
        only(OFFICER, ADMIN), path="/api/v1/register?controller=acme", foreign_path="/api/v1/register?controller=futura"
    ),
    "GET /api/v1/breach": Asked(only(OFFICER, ADMIN), path=f"/api/v1/breach?since={SINCE}"),
    "GET /objection": Asked(ANYONE),
    "POST /objection": Asked(ANYONE, own={"number": NUMBER, "controller": "acme", "token": "1.2"}, ok=frozenset({403})),
    "GET /objection.css": Asked(ANYONE),
    "GET /healthz": Asked(ANYONE),
    "GET /readyz": Asked(ANYONE),
    "GET /metrics": Asked(only(ADMIN, MACHINE)),
    "GET /openapi.json": Asked(ANYONE),
}  # fmt: skip
"""Route → how it is asked: pages with a session, the rest with a token, so that what the API lets only a person do is
for none of them."""


def verdict(call: str, controller: str, campaign: str, centre: str) -> Event:
    said = {"outcome": "allow", "reason": "clear", "campaign": campaign, "centre": centre, "agent": "alice"}
    return Event(Kind.VERDICT, NOW, call, NUMBER, controller, said)


def requested(request: str, controller: str) -> Event:
    said = {
        "request": request, "right": "erasure", "masked": "+33 … 01", "received": "2026-11-20", "due": "2026-12-18",
        "country": "BE", "language": "fr", "by": "carl",
    }  # fmt: skip
    return Event(Kind.REQUEST_OPENED, NOW, None, NUMBER, controller, said)


@pytest.fixture
async def peopled(world: World) -> World:
    """A call of each company with its recording, a request to each, a live fact of each, and one of nobody's."""
    await world.ledger.append([requested("r-own", "acme"), requested("r-foreign", "futura")])
    await world.record(verdict("own", "acme", "spring", "brussels"))
    await world.record(verdict("foreign", "futura", "autumn", "lille"))
    world.live.tell("block", controller="acme", campaign="spring", centre="brussels", who="own")
    world.live.tell("block", controller="futura", campaign="autumn", centre="lille", who="foreign")
    world.live.tell("pbx", who="nobody")
    return world


async def ask(world: World, route: Route, token: str, *, foreign: bool) -> ClientResponse:
    asked = ASKED[route.name]
    path = (asked.foreign_path if foreign else asked.path) or route.path
    body = asked.foreign if foreign else asked.own
    if route.page and token:
        user = "confined" if await world.door.accounts.user("confined") else "somebody"
        file = b"+33199001201\n" if asked.text else None
        return await world.visit(user, route.method, path, body if isinstance(body, dict) else None, file=file)
    if asked.text:
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        return await world.client.post(path, data=b"+33199001201\n", headers=auth)
    return await world.ask(route.method, path, token, json=body)


def test_every_route_is_in_this_table_and_none_else() -> None:
    assert [route.name for route in TABLE] == list(dict.fromkeys(route.name for route in TABLE))
    assert {route.name for route in TABLE} == ASKED.keys()


async def test_nothing_is_mounted_but_the_table(world: World) -> None:
    app = world.client.server.app  # type: ignore[attr-defined]
    mounted = {f"{route.method} {route.resource.canonical}" for route in app.router.routes()}
    assert mounted == {route.name for route in TABLE}
    assert {app[MOUNTED][route.handler].name for route in app.router.routes()} == mounted


def test_whatever_changes_something_is_told_to_the_ledger() -> None:
    assert [route.name for route in TABLE if not route.safe and not (route.act or route.enters)] == [
        "POST /preferences"
    ]


def test_what_shows_somebodys_data_is_told_to_the_ledger() -> None:
    silent = [route.name for route in TABLE if route.tenant in (Tenant.HIDDEN, Tenant.NAMED, Tenant.FILTERED)
              and not (route.act or route.enters)]  # fmt: skip
    assert silent == ["GET /api/v1/policy"]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_what_the_table_says_and_nothing_else(peopled: World, role: Role) -> None:
    token = await peopled.user("somebody", role)
    wrong = []
    for route in TABLE:
        asked = ASKED[route.name]
        answer = await ask(peopled, route, token, foreign=False)
        may = asked.who is ANYONE or role in asked.who
        if may is not (answer.status in asked.ok) or (not may and answer.status != 403):
            wrong.append((route.name, answer.status))
        answer.close()
    assert wrong == []


async def test_who_is_not_known_is_let_in_nowhere_that_needs_a_role(peopled: World) -> None:
    wrong = []
    for route in TABLE:
        asked = ASKED[route.name]
        answer = await ask(peopled, route, "", foreign=False)
        expected = asked.ok if asked.who is ANYONE else {303 if route.page and route.safe else 401}
        if answer.status not in expected:
            wrong.append((route.name, answer.status))
        answer.close()
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("confined", [("acme", None), ("acme", "brussels")], ids=["company", "company-and-centre"])
async def test_what_is_anothers_is_refused_or_as_if_it_were_not_there(
    peopled: World, role: Role, confined: tuple[str, str | None]
) -> None:
    company, centre = confined
    centres = frozenset({centre}) if centre else None
    token = await peopled.user("confined", role, frozenset({company}), centres)
    wrong = []
    for route in TABLE:
        asked = ASKED[route.name]
        if asked.who is ANYONE or role not in asked.who or route.tenant in (Tenant.NOBODYS, Tenant.FILTERED):
            continue
        answer = await ask(peopled, route, token, foreign=True)
        if answer.status != asked.refused:
            wrong.append((route.name, answer.status))
        answer.close()
    assert wrong == []


@pytest.mark.parametrize(
    ("principal", "seen"),
    [
        (Principal("x", SUPERVISOR), {"own", "foreign"}),
        (Principal("x", SUPERVISOR, frozenset({"acme"})), {"own"}),
        (Principal("x", SUPERVISOR, None, frozenset({"lille"})), {"foreign"}),
        (Principal("x", SUPERVISOR, frozenset({"acme"}), frozenset({"lille"})), set()),
    ],
)
async def test_a_list_has_only_what_is_theirs(peopled: World, principal: Principal, seen: set[str]) -> None:
    token = await peopled.user("confined", SUPERVISOR, principal.controllers, principal.centres)
    for what in ("calls", "recordings"):
        listed = (await (await peopled.ask("GET", f"/api/v1/{what}", token)).json())[what]
        assert {one["call"] for one in listed} == seen


@pytest.mark.parametrize(
    ("controllers", "centres", "seen"),
    [
        (None, None, ["own", "foreign", "nobody"]),
        (frozenset({"acme"}), None, ["own", "nobody", "later"]),
        (frozenset({"futura"}), frozenset({"lille"}), ["foreign", "nobody"]),
    ],
)
async def test_a_stream_has_only_what_is_theirs(
    peopled: World, controllers: frozenset[str] | None, centres: frozenset[str] | None, seen: list[str]
) -> None:
    token = await peopled.user("confined", SUPERVISOR, controllers, centres)
    async with await peopled.ask("GET", "/api/v1/events?after=0", token) as stream:
        told: list[str] = []
        if "later" in seen:
            peopled.live.tell("call", controller="acme", campaign="spring", centre="brussels", who="later")
        while len(told) < len(seen):
            frame = (await stream.content.readuntil(b"\n\n")).decode()
            told += [who for who in [frame.partition('"who": "')[2].partition('"')[0]] if who]
    assert told == seen


async def test_the_policy_of_a_centre_names_the_companies_that_it_calls_for_and_no_other(world: World) -> None:
    token = await world.user("centre", AGENT, None, frozenset({"brussels"}))
    policy = await (await world.ask("GET", "/api/v1/policy", token)).json()
    assert (policy["controllers"], policy["centres"]) == ({"acme": "Acme"}, {"brussels": "Brussels"})
    assert (policy["campaigns"], len(policy["mandates"])) == ({"spring": "acme"}, 1)
    assert "futura" not in str(policy)


async def test_an_agent_of_a_centre_enters_objections_for_whom_it_calls_and_sees_none(world: World) -> None:
    token = await world.user("agent", AGENT, None, frozenset({"brussels"}))
    for controller, status in (("acme", 200), ("futura", 403), ("nowhere", 403)):
        answer = await world.ask("POST", "/api/v1/suppressions", token, json=person(controller, reason=WHY))
        assert answer.status == status
    machine = await world.user("machine", MACHINE, None, frozenset({"brussels"}))
    assert (await world.ask("POST", "/api/v1/suppressions/search", machine, json=person("acme"))).status == 403


@pytest.mark.parametrize(("role", "status"), [(AGENT, 403), (SUPERVISOR, 403), (MACHINE, 403), (OFFICER, 200)])
async def test_only_an_officer_of_all_companies_ends_every_companys_calls(
    world: World, role: Role, status: int
) -> None:
    body = {"number": NUMBER, "scope": "all", "reason": WHY}
    assert (await world.ask("POST", "/api/v1/suppressions", await world.user("one", role), json=body)).status == status
    confined = await world.user("two", role, frozenset({"acme"}))
    assert (await world.ask("POST", "/api/v1/suppressions", confined, json=body)).status == 403


@pytest.mark.parametrize("area", Area)
async def test_a_token_is_for_its_areas_only(peopled: World, area: Area) -> None:
    await peopled.user("machine", MACHINE)
    token = await peopled.door.make_token("machine", "", frozenset({area}), timedelta(days=1), "test")
    wrong = []
    for route in TABLE:
        asked = ASKED[route.name]
        if asked.who is ANYONE or MACHINE not in asked.who or route.area is None:
            continue
        answer = await ask(peopled, route, token, foreign=False)
        if (answer.status != 403) is not (route.area is area):
            wrong.append((route.name, answer.status))
        answer.close()
    assert wrong == []
