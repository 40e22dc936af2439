"""What callgate says over HTTP, and to whom."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from callgate.live import Live
from callgate.web.app import make_app

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Page:
    """The application under test, and what it tells of."""

    def __init__(self) -> None:
        self.live = Live(lambda: NOW, kept=10)
        self.missing: list[str] = []
        self.client = TestClient(TestServer(make_app(self.live, lambda: self.missing)))

    async def events(self, path: str = "/api/v1/events", last: str | None = None) -> ClientResponse:
        return await self.client.get(path, headers={"Last-Event-ID": last} if last is not None else {})


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    made = Page()
    async with made.client:
        yield made


async def frame(stream: ClientResponse) -> dict[str, str]:
    """The next server-sent event."""
    async with asyncio.timeout(5):
        raw = await stream.content.readuntil(b"\n\n")
    return dict(line.split(": ", 1) for line in raw.decode().strip().splitlines())


async def numbers(stream: ClientResponse, count: int) -> list[object]:
    return [json.loads((await frame(stream))["data"])["n"] for _ in range(count)]


async def test_it_is_alive_even_when_it_is_not_ready(page: Page) -> None:
    page.missing = ["the PBX is not seen over AMI"]
    assert (await page.client.get("/healthz")).status == 200
    ready = await page.client.get("/readyz")
    assert ready.status == 503
    assert await ready.json() == {"ready": False, "missing": ["the PBX is not seen over AMI"]}


async def test_it_is_ready_when_nothing_is_missing(page: Page) -> None:
    ready = await page.client.get("/readyz")
    assert ready.status == 200
    assert await ready.json() == {"ready": True, "missing": []}


# The stream.


async def test_an_event_has_its_number_its_kind_and_its_facts(page: Page) -> None:
    page.live.tell("block", number="+33 ••• 34", reason="objection")
    async with await page.events("/api/v1/events?after=0") as stream:
        assert stream.content_type == "text/event-stream"
        told = await frame(stream)
    assert (told["id"], told["event"]) == ("1", "block")
    assert json.loads(told["data"]) == {
        "at": NOW.isoformat(), "what": "block", "number": "+33 ••• 34", "reason": "objection",
    }  # fmt: skip


async def test_events_come_in_order_those_before_and_those_to_come(page: Page) -> None:
    for n in range(1, 4):
        page.live.tell("call", n=n)
    async with await page.events("/api/v1/events?after=0") as stream:
        assert await numbers(stream, 3) == [1, 2, 3]
        page.live.tell("call", n=4)
        page.live.tell("call", n=5)
        assert await numbers(stream, 2) == [4, 5]


@pytest.mark.parametrize(("last", "first"), [("0", 1), ("2", 3), ("99", 1)])
async def test_a_watcher_who_comes_back_gets_what_it_missed(page: Page, last: str, first: int) -> None:
    """99 is a number from before a restart: the numbers began anew."""
    for n in range(1, 5):
        page.live.tell("call", n=n)
    async with await page.events(last=last) as stream:
        assert await numbers(stream, 5 - first) == list(range(first, 5))


async def test_a_line_feed_in_a_fact_begins_no_event_of_its_own(page: Page) -> None:
    page.live.tell("call", agent="x\n\nevent: block\ndata: {}")
    page.live.tell("call", n=2)
    async with await page.events("/api/v1/events?after=0") as stream:
        assert json.loads((await frame(stream))["data"])["agent"] == "x\n\nevent: block\ndata: {}"
        assert (await frame(stream))["id"] == "2"


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 16, "٣"])
async def test_what_is_no_event_number_is_refused(page: Page, last: str) -> None:
    async with await page.events(f"/api/v1/events?after={last}") as answer:
        assert answer.status == 400


async def test_only_the_latest_are_kept(page: Page) -> None:
    for n in range(1, 31):
        page.live.tell("call", n=n)
    assert [happening.facts["n"] for happening in page.live.after(0)] == list(range(21, 31))


# Who may read it.


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
async def test_only_a_loopback_name_is_answered(page: Page, host: str, allowed: bool, path: str) -> None:
    async with page.client.get(path, headers={"Host": host}) as answer:
        assert answer.status == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/live.css", "text/css"), ("/live.js", "text/javascript")]
)
async def test_a_page_loads_nothing_from_elsewhere_and_stands_in_no_frame(page: Page, path: str, kind: str) -> None:
    async with page.client.get(path) as answer:
        body = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert answer.content_type == kind
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


@pytest.mark.parametrize("path", ["/nowhere", "/../pyproject.toml", "/static/live.html"])
async def test_there_is_nothing_else(page: Page, path: str) -> None:
    async with page.client.get(path) as answer:
        assert answer.status == 404


async def test_nothing_can_be_changed_over_http(page: Page) -> None:
    for path in ("/", "/healthz", "/readyz", "/api/v1/events"):
        async with page.client.post(path) as answer:
            assert answer.status == 405
