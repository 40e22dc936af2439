"""Sealed recordings: which there are, and their sound."""

from datetime import datetime
from typing import Final

from aiohttp import web

from callgate.core.access import Area, Role
from callgate.core.events import Event, Kind
from callgate.stores.ledger.questions import Question
from callgate.web.api.calls import page, visible
from callgate.web.api.fields import Cursor, In, Moment, Out, PageSize
from callgate.web.problems import not_found
from callgate.web.routing import Ask, Route, Tenant

LISTENERS: Final = frozenset({Role.SUPERVISOR, Role.OFFICER, Role.MACHINE})
_KINDS: Final = (Kind.VERDICT, Kind.RECORDING_SEALED, Kind.RECORDING_DESTROYED)


class RecordingsQuery(In):
    """Which recordings, by when they were sealed."""

    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor = "0"
    limit: PageSize = 100


class Recording(Out):
    """A sealed recording. `destroyed`: since when it is no more."""

    call: str
    sealed: datetime
    seconds: float
    sha256: str
    controller: str | None
    campaign: str
    centre: str
    destroyed: datetime | None


class Recordings(Out):
    """A page of recordings."""

    recordings: list[Recording]
    next: str | None


async def show_all(ask: Ask) -> Recordings:
    asked = ask.asked(RecordingsQuery)
    question = Question(kinds=(Kind.RECORDING_SEALED,), since=asked.since, until=asked.until)
    found, following = await page(ask.services.ledger, question, int(asked.cursor), asked.limit, lambda _: True)
    calls = [entry.event.call for entry in found if entry.event.call]
    recordings = [recording for call in calls if (recording := await _of_call(ask, call)) is not None]
    return Recordings(recordings=recordings, next=following)


async def listen(ask: Ask) -> web.StreamResponse:
    call = ask.request.match_info["call"]
    recording = await _of_call(ask, call)
    player = ask.services.player
    if recording is None or recording.destroyed is not None or player is None:
        raise not_found()
    sound = await player.audio(call)
    if sound is None:
        raise not_found()
    verdict = (await _events(ask, call))[Kind.VERDICT]
    ask.number, ask.controller = verdict.number, verdict.controller
    await ask.enter()
    response = web.StreamResponse(headers={"Content-Type": sound.kind})
    response.content_length = sound.size
    await response.prepare(ask.request)
    async for chunk in sound.content:
        await response.write(chunk)
    await response.write_eof()
    return response


async def _of_call(ask: Ask, call: str) -> Recording | None:
    """The recording of a call, if there was one and the call is theirs to see."""
    events = await _events(ask, call)
    verdict, sealed = events.get(Kind.VERDICT), events.get(Kind.RECORDING_SEALED)
    if verdict is None or sealed is None or not visible(ask.principal, verdict):
        return None
    return _shown(verdict, sealed, events.get(Kind.RECORDING_DESTROYED))


async def _events(ask: Ask, call: str) -> dict[Kind, Event]:
    entries = await ask.services.ledger.search(Question(call=call, kinds=_KINDS, limit=10))
    return {entry.event.kind: entry.event for entry in entries}


def _shown(verdict: Event, sealed: Event, destroyed: Event | None) -> Recording:
    seconds = sealed.payload.get("seconds")
    return Recording(
        call=verdict.call or "",
        sealed=sealed.at,
        seconds=seconds if isinstance(seconds, int | float) else 0.0,
        sha256=str(sealed.payload.get("sha256") or ""),
        controller=verdict.controller,
        campaign=str(verdict.payload.get("campaign") or ""),
        centre=str(verdict.payload.get("centre") or ""),
        destroyed=destroyed.at if destroyed else None,
    )


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/recordings", handler=show_all, summary="Sealed recordings, the oldest first.",
        who=LISTENERS, area=Area.RECORDINGS, tenant=Tenant.FILTERED, query=RecordingsQuery, answer=Recordings,
        act="recordings-listed",
    ),
    Route(
        method="GET", path="/api/v1/recordings/{call}/audio", handler=listen,
        summary="The sound of a recording.", who=LISTENERS, area=Area.RECORDINGS, tenant=Tenant.HIDDEN,
        gives="audio/wav", act="recording-heard",
    ),
)  # fmt: skip
