"""The stream of happenings as server-sent events, each to those whom it concerns.

    id: 5f0c21aa-17                       its place: named in `Last-Event-ID` or `?after=`, the stream goes on behind it
    event: block
    data: {"at": "…", "what": "block", …}

Besides what happened there are two kinds. `beat` comes when nothing else did for a while and says that all is well, so
that silence is not taken for peace. `reset` says that what came after the place that was named is not known any more
(`why`: `restarted`, `missed`): whoever folds happenings into a state begins again from the whole.

A reader that is slow is not kept for: it goes on from what is kept by then, after a `reset`. One that takes nothing at
all is disconnected.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from callgate.core.access import Principal
from callgate.live import Live, frame

BEAT_S: Final = 5.0
"""Less than half the time after which the page says that it is not live; proxies end a stream that is silent longer."""
WRITE_WITHIN_S: Final = 30.0

StillIn = Callable[[], Awaitable[bool]]


async def follow(
    request: web.Request, live: Live, principal: Principal, begun: tuple[int, str], still_in: StillIn
) -> web.StreamResponse:
    """Stream from where `begin` said, until the reader leaves, or `still_in` (asked at each beat) says no."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        await _Reader(response, live, principal, still_in).run(*begun)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionResetError:
        pass
    return response


def begin(live: Live, named: str | None) -> tuple[int, str]:
    """The number to begin behind, and why that is not what was named. Raises ValueError for what is no place."""
    if named is None:
        return live.last, ""
    seen = live.seen(named)
    if seen is not None:
        return seen, ""
    epoch = named.rpartition("-")[0]
    return live.last - live.kept, "" if not epoch else "missed" if epoch == live.epoch else "restarted"


class _Reader:
    """One that reads. Of it only its place is known."""

    def __init__(self, response: web.StreamResponse, live: Live, principal: Principal, still_in: StillIn) -> None:
        self._response = response
        self._live = live
        self._principal = principal
        self._still_in = still_in

    async def run(self, seen: int, lost: str) -> None:
        live, beat_at = self._live, 0.0
        loop = asyncio.get_running_loop()
        while True:
            batch = None if lost else live.batch(self._principal, seen)
            if batch is None:
                first = live.last - live.kept
                await self._write(frame(live.place(first), "reset", {"what": "reset", "why": lost or "missed"}))
                seen, lost = first, ""
                continue
            seen = batch.last
            now = loop.time()
            beats = b""
            if now - beat_at >= BEAT_S:
                if not await self._still_in():
                    return
                beat_at, beats = now, frame(live.place(seen), "beat", {"what": "beat"})
            if batch.frames or beats:
                await self._write(batch.frames + beats)
            try:
                async with asyncio.timeout(max(0.0, beat_at + BEAT_S - now)):
                    await live.news(seen)
            except TimeoutError:
                continue

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(WRITE_WITHIN_S):
            await self._response.write(data)
