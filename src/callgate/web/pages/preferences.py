"""The reader's language and theme: two cookies, for a year. They say nothing of who it is."""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from callgate.web.pages.site import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Visit
from callgate.web.pages.texts import LANGUAGES

YEAR_S: Final = 365 * 86_400


async def keep(visit: Visit) -> web.StreamResponse:
    """Keep what was chosen, and go back to the page it was chosen on."""
    form = await visit.form()
    answer = web.Response(status=303, headers={"Location": _back(form.get("back", "/"))})
    for name, known in ((LANGUAGE_COOKIE, LANGUAGES), (THEME_COOKIE, THEMES)):
        if (value := form.get(name.lower(), "")) in known:
            secure = visit.request.secure
            answer.set_cookie(name, value, max_age=YEAR_S, path="/", httponly=True, samesite="Lax", secure=secure)
    return answer


def _back(place: str) -> str:
    """A page of this server and of no other."""
    parts = urlsplit(place)
    ours = place.startswith("/") and not place.startswith(("//", "/\\")) and not parts.netloc and place.isprintable()
    return place if ours else "/"
