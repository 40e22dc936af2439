"""How calls ended, and notes: what they must not hold is refused, and nothing of that is kept: docs/notes.md.

What is told of a note that is refused is the words that led to it, to whoever wrote them, and to nobody else.
"""

import asyncio
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from callgate import notes
from callgate.core.access import Area, Role
from callgate.core.screen import LONGEST_NOTE, Finding
from callgate.core.vocabulary import SOURCES
from callgate.office.noting import NoteRefused
from callgate.web.api.fields import In, Name, Out
from callgate.web.problems import Problem, Wrong, invalid, not_found
from callgate.web.routing import Ask, Route, Tenant

WRITERS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER, Role.MACHINE})

_NO_NUL = r"^[^\x00]*$"
Note = Annotated[str, StringConstraints(max_length=LONGEST_NOTE, pattern=_NO_NUL)]
Language = Literal["nl", "fr", "de", "en"]


class ScreenedNote(In):
    """A note that somebody wants to save elsewhere, and the languages in which it may be written: all in which callgate
    screens, unless said otherwise."""

    text: Note
    languages: Annotated[frozenset[Language], Field(min_length=1)] | None = None


class Found(Out):
    """Words that a note must not hold, of what they tell, and the source of that."""

    words: str
    category: str
    source: str


class Screened(Out):
    """Whether the note may be saved, and what speaks against it."""

    ok: bool
    findings: list[Found]


class CallOutcome(In):
    """How a call ended: one of its campaign's outcomes; and a note, where the campaign takes notes."""

    outcome: Name
    note: Note = ""


async def screen(ask: Ask) -> Screened:
    said, known = ask.said(ScreenedNote), ask.services.languages
    if not known:
        raise Problem(409, "not-configured", "notes are screened where [http] says screens_notes = true, or a campaign")
    if unknown := (said.languages or frozenset()) - known:
        raise invalid("/languages", f"no word of these was read: {', '.join(sorted(unknown))}")
    found = await asyncio.to_thread(notes.screen, said.text, sorted(said.languages or known))
    return Screened(ok=not found, findings=[_shown(one) for one in found])


async def enter_outcome(ask: Ask) -> None:
    call, said = ask.request.match_info["call"], ask.said(CallOutcome)
    noting, who = ask.services.noting, ask.principal
    try:
        called = await noting.called(call)
    except NoteRefused:
        raise not_found() from None
    if not who.sees(called.controller, called.centre):
        raise not_found()
    try:
        await noting.note(call, said.outcome, said.note, who.name)
    except NoteRefused as error:
        wrong = [Wrong("/note", f"{one.words}: {one.category} ({SOURCES[one.category]})") for one in error.findings]
        raise Problem(422, "note-refused", str(error), errors=wrong) from None


def _shown(one: Finding) -> Found:
    return Found(words=one.words, category=one.category, source=SOURCES[one.category])


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/notes/screen", handler=screen,
        summary="What a note must not hold; nothing of it is kept.", who=WRITERS, area=Area.NOTES,
        tenant=Tenant.NOBODYS, body=ScreenedNote, answer=Screened, act="note-screened",
        example={"text": "wants to be called back in spring", "languages": ["fr"]},
    ),
    Route(
        method="POST", path="/api/v1/calls/{call}/outcome", handler=enter_outcome,
        summary="How a call ended, and a note; the last one entered holds.", who=WRITERS, area=Area.NOTES,
        tenant=Tenant.HIDDEN, body=CallOutcome, example={"outcome": "call-back"}, enters=True,
    ),
)  # fmt: skip
