"""The public form: anybody's number, the same answer, in force before it is given, and no way past the limit."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from callgate.web import limiting
from callgate.web.limiting import Limit
from callgate.web.objecting import EVERY, OFTEN, TOKEN_HOLDS, Objecting, address_of, texts

ANNA, BRAM = "+33199000042", "+32470000077"
Client = TestClient[aiohttp.web.Request, aiohttp.web.Application]


class World:
    """The page, who objected by it, and the address that requests come from."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.objected: list[tuple[str, str]] = []
        self.committed = True
        self.address = "192.0.2.7"
        self.form = Objecting(
            self.enter,
            lambda: {"acme": "Acme <Energy>", "other": "Other"},
            "BE",
            clock=lambda: self.now,
            address=lambda _: self.address,
        )
        self.client: Client

    async def enter(self, number: str, controller: str) -> bool:
        if self.committed:
            self.objected.append((number, controller))
        return self.committed

    async def get(self, path: str = "/objection", **headers: str) -> str:
        async with self.client.get(path, headers=headers) as answer:
            assert answer.status == 200
            return unescape(await answer.text())

    async def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', await self.get())
        assert found
        return found[1]

    async def send(
        self, number: str = ANNA, token: str | None = None, headers: dict[str, str] | None = None, **more: str
    ) -> tuple[int, str]:
        said = {"number": number, "controller": "acme", "token": token or await self.token()} | more
        async with self.client.post("/objection?lang=en", data=said, headers=headers or {}) as answer:
            return answer.status, unescape(await answer.text())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    app = web.Application()
    app.add_routes(made.form.routes)
    async with TestClient(TestServer(app)) as client:
        made.client = client
        yield made


def without_token(page: str) -> str:
    return re.sub(r'value="\d+\.[0-9a-f]+"', "", page)


async def test_an_objection_is_in_force_before_it_is_said_to_be(world: World) -> None:
    status, page = await world.send("0470 00 00 77")
    assert (status, texts()["en"]["noted"] in page) == (200, True)
    assert world.objected == [(BRAM, "acme")]


async def test_every_number_gets_the_same_answer_however_often_it_is_sent(world: World) -> None:
    pages = {without_token((await world.send(number))[1]) for number in (ANNA, BRAM, ANNA)}
    assert len(pages) == 1
    assert "19900" not in pages.pop()


async def test_what_is_not_committed_is_not_said_to_be(world: World) -> None:
    world.committed = False
    status, page = await world.send()
    assert (status, texts()["en"]["failed"] in page, texts()["en"]["noted"] in page) == (503, True, False)


async def test_what_cannot_be_read_is_asked_for_again_and_shown_as_text(world: World) -> None:
    said = {"number": '"><script>alert(1)</script>', "controller": "acme", "token": await world.token()}
    async with world.client.post("/objection?lang=en", data=said) as answer:
        page = await answer.text()
        assert answer.status == 422
    assert texts()["en"]["unreadable"] in unescape(page)
    assert "<script" not in page
    assert "Acme &lt;Energy&gt;" in page
    assert world.objected == []


async def test_from_one_address_only_so_many_are_taken_until_the_window_is_over(world: World) -> None:
    statuses = [(await world.send())[0] for _ in range(OFTEN + 2)]
    assert statuses == [200] * OFTEN + [429] * 2
    world.address = "192.0.2.8"
    assert (await world.send())[0] == 200
    world.address = "192.0.2.7"
    world.now += EVERY
    assert (await world.send())[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    ],
)
async def test_a_form_on_another_site_is_not_taken(world: World, headers: dict[str, str]) -> None:
    assert (await world.send(headers=headers))[0] == 403
    assert world.objected == []


async def test_behind_a_proxy_that_names_us_otherwise_our_own_form_is_taken(world: World) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "https://objections.acme.example"}
    assert (await world.send(headers=own))[0] == 200


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("127.0.0.1", {}, "127.0.0.1"),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7"),
        ("::1", {"X-Forwarded-For": "10.0.0.1, forged, 192.0.2.7"}, "192.0.2.7"),
        ("192.0.2.9", {"X-Forwarded-For": "192.0.2.7"}, "192.0.2.9"),
    ],
)
def test_who_asks_is_what_our_own_proxy_saw_and_nothing_that_was_handed_to_it(
    peer: str, headers: dict[str, str], address: str
) -> None:
    request = make_mocked_request("POST", "/objection", headers=headers).clone(remote=peer)
    assert address_of(request) == address


@pytest.mark.parametrize("token", ["x", "0.x", "1.2.3", "٣.x", "9" * 40, "1764000000." + "0" * 64])
async def test_a_token_that_is_none_is_not_taken(world: World, token: str) -> None:
    assert (await world.send(token=token))[0] == 403


async def test_a_token_holds_for_its_address_and_an_hour(world: World) -> None:
    token = await world.token()
    world.address = "192.0.2.8"
    assert (await world.send(token=token))[0] == 403
    world.address = "192.0.2.7"
    world.now += TOKEN_HOLDS
    assert (await world.send(token=token))[0] == 200
    world.now += timedelta(seconds=2)
    assert (await world.send(token=token))[0] == 403


@pytest.mark.parametrize(("number", "controller"), [(ANNA, "nobody"), (ANNA, ""), ("x" * 5000, "acme")])
async def test_what_did_not_come_from_the_form_is_not_taken(world: World, number: str, controller: str) -> None:
    status, _ = await world.send(number, controller=controller)
    assert status == 403
    assert world.objected == []


@pytest.mark.parametrize(
    ("path", "accepts", "language"),
    [
        ("/objection", "", "en"),
        ("/objection", "xx, nl-BE;q=0.9, fr", "nl"),
        ("/objection?lang=fr", "nl", "fr"),
        ("/objection?lang=zz", "de-AT", "de"),
    ],
)
async def test_the_page_is_in_the_language_that_is_wanted(world: World, path: str, accepts: str, language: str) -> None:
    page = await world.get(path, **{"Accept-Language": accepts})
    assert f'<html lang="{language}">' in page
    assert texts()[language]["title"] in page


async def test_the_page_runs_nothing_and_sets_no_cookie(world: World) -> None:
    async with world.client.get("/objection") as answer:
        assert "script" not in await answer.text()
        assert "Set-Cookie" not in answer.headers
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "font" in await world.get("/objection.css")


def test_every_language_says_the_same_things() -> None:
    assert len({frozenset(says) for says in texts().values()}) == 1
    assert texts().keys() == {"en", "fr", "nl", "de"}


def test_a_household_counts_once_and_is_forgotten_with_the_window() -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    limit = Limit(1, EVERY, lambda: now)
    assert [limit.allows(one) for one in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [True, False, True]
    assert [limit.allows(one) for one in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2")] == [True, False, True]
    before = set(limit._counts)
    now += EVERY
    assert limit.allows("2001:db8::1")
    assert not before & set(limit._counts)


def test_a_crowd_beyond_what_can_be_counted_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MOST_ADDRESSES", 2)
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    limit = Limit(5, EVERY, lambda: now)
    assert [limit.allows(f"192.0.2.{n}") for n in (1, 2, 3, 1)] == [True, True, False, True]
