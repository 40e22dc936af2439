"""Sealed recordings: which there are, their sound, and the end of one whose callee withdraws their consent.

A recording is heard as it is unsealed, a part at a time: a player that seeks asks for parts (RFC 9110, 14).
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from callgate.core.access import Area
from callgate.core.events import Kind
from callgate.core.sealedfile import NotSealed
from callgate.recordings.bundle import bundle
from callgate.recordings.export import Format, NoEncoder
from callgate.recordings.keeping import withdraw
from callgate.recordings.listening import LISTENERS, NoRecording, NotAllowed, Recording
from callgate.web.api.calls import visible
from callgate.web.api.fields import Cursor, In, Moment, Name, Out, PageSize
from callgate.web.problems import Problem, invalid, not_found, not_permitted, unavailable
from callgate.web.routing import Ask, Route, Tenant

log = structlog.stdlib.get_logger()

_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class RecordingsQuery(In):
    """Which recordings, by when they were sealed."""

    campaign: Name | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor = "0"
    limit: PageSize = 100


class SealedRecording(Out):
    """A recording that is kept. `sha256` is that of its WAV file; `whole`: nothing of it was lost."""

    call: str
    sealed: datetime
    seconds: float
    sha256: str
    number: str
    controller: str
    campaign: str
    centre: str
    agent: str
    whole: bool


class Recordings(Out):
    """A page of recordings."""

    recordings: list[SealedRecording]
    next: str | None


class ExportQuery(In):
    """As what the sound is exported."""

    format: Format = Format.WAV


class Withdrawn(Out):
    """The withdrawal is in the ledger. `destroyed`: so is the end of the recording; else it still ran, or waited to be
    sealed, and is destroyed instead: within a second where the call is under way."""

    destroyed: bool


async def show_all(ask: Ask) -> Recordings:
    asked = ask.asked(RecordingsQuery)
    with _told(ask):
        found = await ask.services.listening.recordings(
            ask.principal, campaign=asked.campaign, since=asked.since, until=asked.until,
            after_seq=int(asked.cursor), limit=asked.limit,
        )  # fmt: skip
    ask.people.update(one.controller for one in found)
    following = str(max(one.seq for one in found)) if len(found) == asked.limit else None
    return Recordings(recordings=[_shown(one) for one in found], next=following)


async def listen(ask: Ask) -> web.StreamResponse:
    with _told(ask):
        playing = await ask.services.listening.listen(ask.principal, ask.request.match_info["call"])
    part = _part(ask.request.headers.get("Range", ""), playing.size)
    start, end = part or (0, playing.size)
    response = web.StreamResponse(status=206 if part else 200)
    response.headers.update({"Content-Type": "audio/wav", "Accept-Ranges": "bytes"})
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{playing.size}"
    response.content_length = end - start
    return await _send(ask, response, playing.read(start, end))


async def export(ask: Ask) -> web.StreamResponse:
    call, form = ask.request.match_info["call"], ask.asked(ExportQuery).format
    with _told(ask):
        content = await bundle(ask.services.listening, ask.principal, call, form)
    response = web.StreamResponse()
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{call}.zip"'
    return await _send(ask, response, content)


async def take_back(ask: Ask) -> Withdrawn:
    call, who = ask.request.match_info["call"], ask.principal.name
    services = ask.services
    try:
        with _told(ask):
            recording = await services.listening.find(ask.principal, call)
            done = await withdraw(services.ledger, services.archive, recording, services.clock(), by=who)
            return Withdrawn(destroyed=done)
    except Problem as problem:
        if problem.status != 404 or not await _waits(ask, call):
            raise
    # Not sealed yet: its node hears of it in a moment, and it gets no key any more.
    await services.office.withdraw(call, who)
    return Withdrawn(destroyed=False)


async def _waits(ask: Ask, call: str) -> bool:
    """Whether a recording of this call was begun and is theirs to end."""
    verdicts = await ask.services.ledger.read(kinds=[Kind.VERDICT], call=call, limit=1)
    begun = await ask.services.ledger.read(kinds=[Kind.RECORDING_STARTED], call=call, limit=1)
    sealed = await ask.services.ledger.read(kinds=[Kind.RECORDING_SEALED], call=call, limit=1)
    return bool(verdicts and begun and not sealed) and visible(ask.principal, verdicts[0].event)


async def _send(ask: Ask, response: web.StreamResponse, content: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send what comes. What turns out not to be what was sealed is broken off, so that nobody takes it for whole."""
    await response.prepare(ask.request)
    try:
        async for chunk in content:
            await response.write(chunk)
    except (NotSealed, NoEncoder, OSError) as error:
        if isinstance(error, ConnectionError):
            raise  # whoever listened left
        _alarm(ask, error)
        if ask.request.transport is not None:
            ask.request.transport.abort()
        return response
    await response.write_eof()
    return response


def _alarm(ask: Ask, error: Exception) -> None:
    call = ask.request.match_info["call"]
    log.error("recording-not-given", call=call, error=str(error))
    ask.services.alarm("recording-damaged", f"the recording of the call {call} is not as it was sealed")


def _part(header: str, size: int) -> tuple[int, int] | None:
    """What a Range header asks for, up to before which byte; None for all of it, also where it asks for several parts.

    Raises `Problem` where there is no such part.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    else:
        start, end = max(0, size - int(found[2])), size
    if found[1] and found[2] and int(found[2]) < start:
        return None
    if start >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "no-such-part", f"the recording has {size} bytes", headers=headers)
    return start, end


@contextmanager
def _told(ask: Ask) -> Iterator[None]:
    """What cannot be heard, as a problem."""
    try:
        yield
    except NotAllowed as error:
        raise not_permitted(str(error)) from None
    except NoRecording:
        raise not_found() from None
    except NotSealed as error:
        _alarm(ask, error)
        raise Problem(409, "damaged", f"the recording is not as it was sealed: {error}") from None
    except NoEncoder as error:
        raise invalid("/format", str(error)) from None
    except OSError:
        raise unavailable("the disk of the recordings cannot be read or written; try again") from None


def _shown(one: Recording) -> SealedRecording:
    return SealedRecording(
        call=one.call, sealed=one.at, seconds=one.seconds, sha256=one.sha256, number=one.number,
        controller=one.controller, campaign=one.campaign, centre=one.centre, agent=one.agent, whole=one.whole,
    )  # fmt: skip


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/recordings", handler=show_all,
        summary="Sealed recordings that are kept, in the order in which they were sealed.", who=LISTENERS,
        area=Area.RECORDINGS, tenant=Tenant.FILTERED, query=RecordingsQuery, answer=Recordings,
        act="recordings-listed",
    ),
    Route(
        method="GET", path="/api/v1/recordings/{call}/audio", handler=listen,
        summary="The sound of a recording, or a part of it (Range).", who=LISTENERS, area=Area.RECORDINGS,
        tenant=Tenant.HIDDEN, gives="audio/wav", enters=True,
    ),
    Route(
        method="GET", path="/api/v1/recordings/{call}/export", handler=export,
        summary="A recording and its proof, as a ZIP file.", who=LISTENERS, area=Area.RECORDINGS,
        tenant=Tenant.HIDDEN, query=ExportQuery, gives="application/zip", enters=True,
    ),
    Route(
        method="POST", path="/api/v1/recordings/{call}/withdrawal", handler=take_back,
        summary="The callee withdraws their consent, in the call or after it: the recording is destroyed.",
        who=LISTENERS, area=Area.RECORDINGS, tenant=Tenant.HIDDEN, answer=Withdrawn, enters=True,
    ),
)  # fmt: skip
