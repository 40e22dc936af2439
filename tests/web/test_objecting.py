"""The public form: anybody's number, the same answer, in force before it is given, and no way past the limit."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from ipaddress import ip_network
from pathlib import Path

import pytest

from callgate.config import Http
from callgate.web.objecting import OFTEN, TOKEN_HOLDS, texts
from tests.web.world import World, a_world

pytestmark = pytest.mark.server

ANNA, BRAM = "+33199000042", "+32470000077"


class Visiting:
    """Somebody with a browser at an address, and who objected by the form."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.objected: list[tuple[str, str]] = []
        self.committed = True
        self.address = "192.0.2.7"

    async def enter(self, number: str, controller: str) -> bool:
        if self.committed:
            self.objected.append((number, controller))
        return self.committed

    async def get(self, path: str = "/objection", **headers: str) -> str:
        async with self.world.client.get(path, headers=self.through(headers)) as answer:
            assert answer.status == 200
            return unescape(await answer.text())

    def through(self, headers: dict[str, str]) -> dict[str, str]:
        """Through the proxy, which says from where it was asked."""
        return {"X-Forwarded-For": self.address} | headers

    async def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', await self.get())
        assert found
        return found[1]

    async def send(
        self, number: str = ANNA, token: str | None = None, headers: dict[str, str] | None = None, **more: str
    ) -> tuple[int, str]:
        said = {"number": number, "controller": "acme", "token": token or await self.token()} | more
        sent = self.through(headers or {})
        async with self.world.client.post("/objection?lang=en", data=said, headers=sent) as answer:
            return answer.status, unescape(await answer.text())


@pytest.fixture
async def visiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Visiting]:
    http = Http(trusted_proxies=(ip_network("127.0.0.0/8"),), public_url="https://callgate.example")
    async with a_world(tmp_path, http) as world:
        made = Visiting(world)
        monkeypatch.setattr(world.services.office, "object_by_form", made.enter)
        yield made


def without_token(page: str) -> str:
    return re.sub(r'value="\d+\.[0-9a-f]+"', "", page)


async def test_an_objection_is_in_force_before_it_is_said_to_be(visiting: Visiting) -> None:
    status, page = await visiting.send("0470 00 00 77")
    assert (status, texts()["en"]["noted"] in page) == (200, True)
    assert visiting.objected == [(BRAM, "acme")]


async def test_every_number_gets_the_same_answer_however_often_it_is_sent(visiting: Visiting) -> None:
    pages = {without_token((await visiting.send(number))[1]) for number in (ANNA, BRAM, ANNA)}
    assert len(pages) == 1
    assert "19900" not in pages.pop()


async def test_what_is_not_committed_is_not_said_to_be(visiting: Visiting) -> None:
    visiting.committed = False
    status, page = await visiting.send()
    assert (status, texts()["en"]["failed"] in page, texts()["en"]["noted"] in page) == (503, True, False)


async def test_what_cannot_be_read_is_asked_for_again_and_shown_as_text(visiting: Visiting) -> None:
    said = {"number": '"><script>alert(1)</script>', "controller": "acme", "token": await visiting.token()}
    async with visiting.world.client.post("/objection?lang=en", data=said, headers=visiting.through({})) as answer:
        page = await answer.text()
        assert answer.status == 422
    assert texts()["en"]["unreadable"] in unescape(page)
    assert "<script" not in page
    assert "Acme" in page
    assert visiting.objected == []


async def test_from_one_address_only_so_many_are_taken_until_the_window_is_over(visiting: Visiting) -> None:
    statuses = [(await visiting.send())[0] for _ in range(OFTEN.at_once + 2)]
    assert statuses == [200] * OFTEN.at_once + [429] * 2
    visiting.address = "192.0.2.8"
    assert (await visiting.send())[0] == 200
    visiting.address = "192.0.2.7"
    visiting.world.later(minutes=15)
    assert (await visiting.send())[0] == 200


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
async def test_a_form_on_another_site_is_not_taken(visiting: Visiting, headers: dict[str, str]) -> None:
    assert (await visiting.send(headers=headers))[0] == 403
    assert visiting.objected == []


@pytest.mark.parametrize("token", ["x", "0.x", "1.2.3", "٣.x", "9" * 40, "1764000000." + "0" * 64])
async def test_a_token_that_is_none_is_not_taken(visiting: Visiting, token: str) -> None:
    assert (await visiting.send(token=token))[0] == 403


async def test_a_token_holds_for_its_address_and_an_hour(visiting: Visiting) -> None:
    token = await visiting.token()
    visiting.address = "192.0.2.8"
    assert (await visiting.send(token=token))[0] == 403
    visiting.address = "192.0.2.7"
    visiting.world.now += TOKEN_HOLDS
    assert (await visiting.send(token=token))[0] == 200
    visiting.world.now += timedelta(seconds=2)
    assert (await visiting.send(token=token))[0] == 403


@pytest.mark.parametrize(
    ("number", "controller", "status"),
    [(ANNA, "nobody", 403), (ANNA, "", 403), ("x" * 300, "acme", 422), ("x" * 5000, "acme", 413)],
)
async def test_what_did_not_come_from_the_form_is_not_taken(
    visiting: Visiting, number: str, controller: str, status: int
) -> None:
    assert (await visiting.send(number, controller=controller))[0] == status
    assert visiting.objected == []


@pytest.mark.parametrize(
    ("path", "accepts", "language"),
    [
        ("/objection", "", "en"),
        ("/objection", "xx, nl-BE;q=0.9, fr", "nl"),
        ("/objection?lang=fr", "nl", "fr"),
        ("/objection?lang=zz", "de-AT", "de"),
    ],
)
async def test_the_page_is_in_the_language_that_is_wanted(
    visiting: Visiting, path: str, accepts: str, language: str
) -> None:
    page = await visiting.get(path, **{"Accept-Language": accepts})
    assert f'<html lang="{language}">' in page
    assert texts()[language]["title"] in page


async def test_the_page_runs_nothing_and_sets_no_cookie(visiting: Visiting) -> None:
    async with visiting.world.client.get("/objection") as answer:
        assert "script" not in await answer.text()
        assert "Set-Cookie" not in answer.headers
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "font" in await visiting.get("/objection.css")


def test_every_language_says_the_same_things() -> None:
    assert len({frozenset(says) for says in texts().values()}) == 1
    assert texts().keys() == {"en", "fr", "nl", "de"}
