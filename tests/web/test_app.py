"""What callgate says over HTTP about itself, and to whom."""

import pytest
from aiohttp import ClientSession

from callgate.web.pages.files import static_files
from tests.web.house import Pages


async def test_it_is_alive_even_when_it_is_not_ready(house: Pages, http: ClientSession) -> None:
    house.missing = ["the PBX is not seen over AMI"]
    assert (await http.get(house.at("/healthz"))).status == 200
    ready = await http.get(house.at("/readyz"))
    assert ready.status == 503
    assert await ready.json() == {"ready": False, "missing": ["the PBX is not seen over AMI"]}


async def test_it_is_ready_when_nothing_is_missing(house: Pages, http: ClientSession) -> None:
    ready = await http.get(house.at("/readyz"))
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
@pytest.mark.parametrize("path", ["/", "/api/v1/events?after=0", "/readyz"])
async def test_only_a_loopback_name_is_answered(
    house: Pages, http: ClientSession, host: str, allowed: bool, path: str
) -> None:
    async with http.get(house.at(path), headers={"Host": host}) as answer:
        assert answer.status == (200 if allowed else 403)


@pytest.mark.parametrize("path", ["/", "/calls", *(f"/static/{name}" for name, _, _ in static_files())])
async def test_a_page_loads_nothing_from_elsewhere_and_stands_in_no_frame(
    house: Pages, http: ClientSession, path: str
) -> None:
    async with http.get(house.at(path)) as answer:
        assert answer.status == 200
        body = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "http://" not in body.replace("http://www.w3.org/", "")
    assert "https://" not in body
    assert "innerHTML" not in body
    assert " style=" not in body
    assert "<script>" not in body
    assert " onclick=" not in body


@pytest.mark.parametrize("path", ["/nowhere", "/../pyproject.toml", "/static/live.html", "/static/jsconfig.json"])
async def test_there_is_nothing_else(house: Pages, http: ClientSession, path: str) -> None:
    async with http.get(house.at(path)) as answer:
        assert answer.status == 404


async def test_what_is_only_shown_cannot_be_changed(house: Pages, http: ClientSession) -> None:
    for path in ("/", "/healthz", "/readyz", "/api/v1/events", "/live/state"):
        async with http.post(house.at(path)) as answer:
            assert answer.status == 405


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}])
async def test_a_form_of_another_page_does_nothing(house: Pages, http: ClientSession, headers: dict[str, str]) -> None:
    async with http.post(house.at("/preferences"), data={"theme": "dark"}, headers=headers) as answer:
        assert answer.status == 403
        assert "theme" not in answer.cookies


@pytest.mark.parametrize(
    ("back", "to"),
    [("/lists?x=1", "/lists?x=1"), ("//evil.example/", "/"), ("https://evil.example/", "/"), ("/\\evil.example", "/")],
)
async def test_a_choice_is_kept_and_leads_back_to_a_page_of_ours(
    house: Pages, http: ClientSession, back: str, to: str
) -> None:
    form = {"theme": "dark", "language": "nl", "back": back}
    async with http.post(house.at("/preferences"), data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"] == to
        assert answer.cookies["theme"].value == "dark"
        assert answer.cookies["language"].value == "nl"
