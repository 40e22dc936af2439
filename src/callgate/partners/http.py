"""Speaking to a partner over HTTPS: one request, one bounded answer, no redirect, nothing of a person in an error.

A redirect is not followed: it would carry numbers to where somebody else says. An answer is not unpacked, so that its
size is the one that was counted."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from callgate.clock import Clock
from callgate.core.partners import MOST_BYTES, BadReply, Item, Reply, read_reply
from callgate.partners.errors import NotBelieved, Undelivered
from callgate.partners.signing import Signer

WITHIN_S = 30.0
"""Seconds for the whole exchange."""
CONNECT_WITHIN_S = 10.0


@asynccontextmanager
async def http_session(within: float = WITHIN_S) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps no cookies and unpacks nothing."""
    limits = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_WITHIN_S)
    async with aiohttp.ClientSession(
        timeout=limits, auto_decompress=False, trust_env=True, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield session


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one partner: the address and the secret that both sign with. `clock` is the machine's: a signature of
    another time is refused."""

    session: aiohttp.ClientSession
    url: str
    signer: Signer
    clock: Clock

    async def deliver(self, items: Sequence[Item]) -> Reply:
        """Tell the partner these, and what it says that it did. Raises `Undelivered`, `NotBelieved`."""
        ids = [item.id for item in items]
        # The same message when it is sent again, so that a partner that took it knows it.
        message = f"msg_{sha256(' '.join(ids).encode()).hexdigest()[:32]}"
        at = self.clock().astimezone(UTC)
        told = {"type": "callgate.items", "timestamp": at.isoformat(), "data": {"items": [i.told() for i in items]}}
        body = json.dumps(told, separators=(",", ":")).encode()
        headers = self.signer.headers(message, at, body) | {"Content-Type": "application/json"}
        raw = await self._exchange(message, headers, MOST_BYTES, body=body)
        try:
            return read_reply(raw, ids)
        except BadReply as error:
            raise NotBelieved(str(error)) from None

    async def ask(self, query: Mapping[str, str], message: str, most: int) -> bytes:
        """A signed answer to a question, of `most` bytes at the most. What is signed of the question is its query.

        Raises `Undelivered`, `NotBelieved`.
        """
        asked = urlencode(query)
        headers = self.signer.headers(message, self.clock(), asked.encode())
        joined = "&" if urlsplit(self.url).query else "?"
        return await self._exchange(message, headers, most, query=f"{joined}{asked}")

    async def announce(self, message: str, body: bytes) -> None:
        """Tell what needs no answer but that it arrived: 200 to 299. Raises `Undelivered`."""
        headers = self.signer.headers(message, self.clock(), body) | {"Content-Type": "application/json"}
        try:
            await self._send(headers, MOST_BYTES, body=body)
        except NotBelieved as error:
            raise Undelivered(str(error)) from None

    async def _exchange(
        self, message: str, headers: Mapping[str, str], most: int, *, query: str = "", body: bytes | None = None
    ) -> bytes:
        """What `_send` gives, once its signature was checked."""
        said, raw = await self._send(headers, most, query=query, body=body)
        self.signer.check(said, raw, message=message, now=self.clock())
        return raw

    async def _send(
        self, headers: Mapping[str, str], most: int, *, query: str = "", body: bytes | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        """POST the body, or GET where there is none; the answer's headers and bytes."""
        plain = {"Accept-Encoding": "identity", "Accept": "application/json", **headers}
        try:
            async with self.session.request(
                "GET" if body is None else "POST",
                URL(self.url + query, encoded=True),
                data=body,
                headers=plain,
                allow_redirects=False,
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise Undelivered(_refusal(answer.status))
                raw = await _read(answer, most)
        except TimeoutError:
            raise Undelivered("the partner did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            # The message of some repeats the address.
            raise Undelivered(f"the partner cannot be reached: {type(error).__name__}") from None
        return answer.headers, raw


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"the partner answered {status} and names another address; write that one into the configuration"
    if status in (401, 403):
        return f"the partner answered {status}; compare the secret with the partner's"
    return f"the partner answered {status}"


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    raw = bytearray()
    async for block in answer.content.iter_any():
        raw += block
        if len(raw) > most:
            raise NotBelieved(f"the answer has more than {most} bytes")
    return bytes(raw)
