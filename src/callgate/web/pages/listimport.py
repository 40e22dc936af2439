"""A new version of a national list, sent from a browser: how far it is, how it ended, and what to do next.

The file follows the fields of one form; a script only shows how much of it was sent. While it is read the page is
loaded anew every two seconds.
"""

from typing import Any, Final

from aiohttp import web
from pydantic import model_validator

from callgate.listimport import Stage
from callgate.registers.layouts import LAYOUTS
from callgate.web import sent
from callgate.web.api.lists import MOST, OFTEN, ImportQuery, configured, end, go_on, take_in
from callgate.web.pages.site import KEEPERS, Nothing, Visit, act, go, page
from callgate.web.routing import FORM_WITH_FILE, Route, Tenant

TAGS: Final = {Stage.IN_FORCE: "good", Stage.REFUSED: "bad", Stage.FAILED: "bad"}


class ImportForm(ImportQuery):
    """The form before the file: an empty field says nothing, and a share is a percentage."""

    @model_validator(mode="before")
    @classmethod
    def _as_typed(cls, typed: Any) -> Any:
        if not isinstance(typed, dict):
            return typed
        said = {name: value for name, value in typed.items() if value != ""}
        try:
            percent = {"max_broken": float(said["max_broken"]) / 100} if "max_broken" in said else {}
        except ValueError:
            percent = {}
        return said | percent


async def show(visit: Visit) -> web.StreamResponse:
    """The form, and under it what became of the last file."""
    name = configured(visit.ask)
    one, rule = visit.services.imports.last(name), visit.services.policy().lists[name]
    said = ImportQuery().words if one is None else one.words
    return visit.show(
        "import.html", at="lists", list=name, rule=rule, one=one, said=said, layouts=LAYOUTS, tags=TAGS,
        today=visit.services.clock().date(), most=MOST >> 30,
    )  # fmt: skip


async def take(visit: Visit) -> web.StreamResponse:
    """A file was sent."""
    await take_in(visit.ask, visit.ask.said(ImportForm), sent.pieces(visit.ask))
    raise _back(visit)


async def accept(visit: Visit) -> web.StreamResponse:
    """A file that was refused is right as it is."""
    await go_on(visit.ask)
    raise _back(visit)


async def cancel(visit: Visit) -> web.StreamResponse:
    """The import is to end."""
    await end(visit.ask)
    raise _back(visit)


def _back(visit: Visit) -> web.HTTPSeeOther:
    return go(f"/lists/{configured(visit.ask)}/import")


ROUTES: Final[tuple[Route, ...]] = (
    page("/lists/{list}/import", show, KEEPERS, "Import a list.", tenant=Tenant.WHOLE),
    act(
        "/lists/{list}/import", take, KEEPERS, "Send a register's file.", ImportForm, tenant=Tenant.WHOLE,
        takes=FORM_WITH_FILE, most=MOST, rate=OFTEN, act="list-import-begun",
    ),
    act(
        "/lists/{list}/import/accept", accept, KEEPERS, "Take a file that was refused.", Nothing, tenant=Tenant.WHOLE,
        rate=OFTEN, act="list-import-accepted",
    ),
    act(
        "/lists/{list}/import/cancel", cancel, KEEPERS, "Cancel an import.", Nothing, tenant=Tenant.WHOLE,
        act="list-import-cancelled",
    ),
)  # fmt: skip
