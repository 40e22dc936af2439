"""A partner of the test's own, over real HTTP: it does what it is told, or one of the things that partners do
instead."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web

from callgate.clock import Clock
from callgate.core.partners import Partner, Way, What
from callgate.partners.signing import ID, Signer
from tests.stores.conftest import NOW

SECRET = bytes(range(32))
CRM = Partner("crm", frozenset({"futura"}), frozenset(What), Way.WEBHOOK)


class Mood(StrEnum):
    """What a partner does with what it is told."""

    HONEST = "does it and says so"
    BROKEN = "answers 500"
    SLOW = "does not answer in time"
    MOVED = "redirects"
    SILENT = "answers 200 and nothing"
    UNSIGNED = "does not sign"
    FORGED = "signs with another secret"
    REPLAYED = "gives the signed answer to another message"
    LATE = "signs with another time"
    LIAR = "did what it was not asked"
    TWICE = "says everything twice"
    ENDLESS = "answers without end"
    REFUSING = "refuses everything"
    FORGETFUL = "speaks of the first only"


class Moved:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class RemotePartner:
    """The partner's own side: what it was told, in the order in which it came."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.signer = Signer(SECRET)
        self.mood = Mood.HONEST
        self.told: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self.did = asyncio.Event()
        self.url = ""
        self.pages: dict[str, dict[str, Any]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message = request.headers[ID]
        self.signer.check(request.headers, body, message=message, now=self.clock())
        self.messages.append(message)
        items = json.loads(body)["data"]["items"]
        if self.mood is Mood.BROKEN:
            raise web.HTTPInternalServerError(text="+33199000042 is not in our table")
        if self.mood is Mood.MOVED:
            raise web.HTTPFound(f"{self.url}/elsewhere")
        if self.mood is Mood.SLOW:
            await asyncio.sleep(60)
        self.told += items
        self.did.set()
        if self.mood is Mood.SILENT:
            return web.Response()
        return self._answer(message, self._said([item["id"] for item in items]))

    def _said(self, ids: list[str]) -> bytes:
        match self.mood:
            case Mood.LIAR:
                ids = [*ids, "0" * 32]
            case Mood.TWICE:
                ids = ids * 2
            case Mood.FORGETFUL:
                ids = ids[:1]
            case Mood.ENDLESS:
                return b" " * 200_000
            case Mood.REFUSING:
                refused = [{"id": one, "why": "no such customer, +33 199 00 00 42"} for one in ids]
                return json.dumps({"refused": refused}).encode()
        return json.dumps({"done": ids}).encode()

    def _answer(self, message: str, said: bytes) -> web.Response:
        signer = Signer(bytes(32)) if self.mood is Mood.FORGED else self.signer
        about = "msg_of_yesterday" if self.mood is Mood.REPLAYED else message
        at = self.clock() + timedelta(hours=self.mood is Mood.LATE)
        headers = {} if self.mood is Mood.UNSIGNED else signer.headers(about, at, said)
        return web.Response(body=said, headers=headers)

    async def received(self, request: web.Request) -> web.Response:
        """What it received from us, a page for each value of `after`."""
        message = request.headers[ID]
        self.signer.check(request.headers, request.rel_url.raw_query_string.encode(), message=message, now=self.clock())
        return self._answer(message, json.dumps(self.pages[request.query.get("after", "")]).encode())


@asynccontextmanager
async def remote_partner(clock: Clock) -> AsyncIterator[RemotePartner]:
    """The partner, listening on loopback."""
    partner = RemotePartner(clock)
    app = web.Application()
    app.router.add_post("/hook", partner.handle)
    app.router.add_get("/received", partner.received)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    partner.url = f"http://127.0.0.1:{port}"
    try:
        yield partner
    finally:
        await runner.cleanup()
