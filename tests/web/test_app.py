"""What callgate says over HTTP about itself, and to whom."""

import pytest

from callgate.core.access import Role
from tests.web.world import World

pytestmark = pytest.mark.server


async def test_it_is_alive_even_when_it_is_not_ready(world: World) -> None:
    world.missing = ["the PBX is not seen over AMI"]
    assert (await world.ask("GET", "/healthz")).status == 200
    ready = await world.ask("GET", "/readyz")
    assert ready.status == 503
    assert await ready.json() == {"ready": False, "missing": ["the PBX is not seen over AMI"]}


async def test_it_is_ready_when_nothing_is_missing(world: World) -> None:
    ready = await world.ask("GET", "/readyz")
    assert ready.status == 200
    assert await ready.json() == {"ready": True, "missing": []}


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True),
        ("127.0.0.1", True),
        ("localhost:8080", True),
        ("localhost", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("callgate.example", False),
        ("127.attacker.example", False),
        ("127.0.0.1.attacker.example:8080", False),
        ("localhost.attacker.example", False),
        ("192.0.2.1:8080", False),
        ("[2001:db8::1]:8080", False),
        ("0.0.0.0:8080", False),
        ("127.0.0.1:x", False),
        ("[", False),
    ],
)
async def test_without_a_public_url_only_a_loopback_name_is_answered(world: World, host: str, allowed: bool) -> None:
    for path in ("/login", "/healthz", "/nowhere"):
        answer = await world.ask("GET", path, Host=host)
        assert (answer.status != 421) is allowed


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/login", "text/html"), ("/static/style.css", "text/css"), ("/static/live.js", "text/javascript")],
)
async def test_a_page_loads_nothing_from_elsewhere_and_stands_in_no_frame(world: World, path: str, kind: str) -> None:
    answer = await world.ask("GET", path)
    body = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert answer.content_type == kind
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "callgate"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers
    assert "://" not in body.replace("http://www.w3.org/", "")
    assert " style=" not in body
    assert "<script>" not in body


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/../pyproject.toml", "/static/live.html", "/static/jsconfig.json", "/api/v1/calls/a%20b", "/%ff"],
)
async def test_there_is_nothing_else(world: World, path: str) -> None:
    token = await world.user("boss", Role.SUPERVISOR)
    answer = await world.ask("GET", path, token)
    assert answer.status == 404
    assert answer.content_type == "application/problem+json"
    assert (await answer.json())["type"] == "urn:callgate:problem:not-found"


async def test_a_method_that_is_not_there_is_named_with_those_that_are(world: World) -> None:
    answer = await world.ask("POST", "/healthz")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert answer.content_type == "application/problem+json"


async def test_who_is_not_logged_in_is_sent_to_where_one_does(world: World) -> None:
    answer = await world.ask("GET", "/")
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/")


async def test_what_goes_wrong_with_a_page_is_a_page(world: World) -> None:
    await world.user("agent", Role.AGENT)
    await world.log_in("agent")
    answer = await world.ask("GET", "/live/state")
    assert (answer.status, answer.content_type) == (403, "application/problem+json")
    answer = await world.ask("POST", "/logout", Accept_Language="nl")
    assert (answer.status, answer.content_type) == (403, "text/html")
    assert '<html lang="nl"' in await answer.text()


@pytest.mark.parametrize(
    ("back", "to"),
    [("/lists?x=1", "/lists?x=1"), ("//evil.example/", "/"), ("https://evil.example/", "/"), ("/\\evil.example", "/")],
)
async def test_a_choice_is_kept_and_leads_back_to_a_page_of_ours(world: World, back: str, to: str) -> None:
    form = {"theme": "dark", "language": "nl", "back": back}
    answer = await world.client.post("/preferences", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, to)
    assert (answer.cookies["theme"].value, answer.cookies["language"].value) == ("dark", "nl")


async def test_a_form_of_another_page_does_nothing(world: World) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}):
        answer = await world.client.post("/preferences", data={"theme": "dark"}, headers=headers)
        assert answer.status == 403
        assert "theme" not in answer.cookies
