"""The reader's language and theme: two cookies, for a year. They say nothing of who it is."""

from typing import Final

from aiohttp import web

from callgate.web.api.fields import In, MaybeLine
from callgate.web.pages.site import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from callgate.web.pages.texts import LANGUAGES
from callgate.web.routing import Ask, Route, Tenant

YEAR_S: Final = 365 * 86_400


class Choice(In):
    """What was chosen, and the page that it was chosen on."""

    language: MaybeLine = ""
    theme: MaybeLine = ""
    back: str = "/"


async def keep(ask: Ask) -> web.StreamResponse:
    said = ask.said(Choice)
    answer = web.Response(status=303, headers={"Location": local(said.back)})
    for name, value, known in ((LANGUAGE_COOKIE, said.language, LANGUAGES), (THEME_COOKIE, said.theme, THEMES)):
        if value in known:
            secure = ask.reach.secure
            answer.set_cookie(name, value, max_age=YEAR_S, path="/", httponly=True, samesite="Lax", secure=secure)
    return answer


def local(place: str) -> str:
    """A page of ours: `//elsewhere` and `/\\elsewhere` are none."""
    plain = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return place if plain and place.isprintable() else "/"


ROUTES: Final = (
    Route(
        method="POST", path="/preferences", handler=keep, summary="Keep the reader's language and theme.", who=None,
        tenant=Tenant.NOBODYS, body=Choice, gives="text/html", page=True,
    ),
)  # fmt: skip
