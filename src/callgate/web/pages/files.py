"""The style, the script and the icon of the pages: no secret, and the same for everyone."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from callgate.web.routing import Ask, Handler, Route, Tenant

_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def _routes() -> tuple[Route, ...]:
    """A route for each file, below `/static/`."""
    found = []
    for file in sorted(files("callgate.web").joinpath("static").iterdir(), key=lambda file: file.name):
        kind = next((kind for ending, kind in _KINDS.items() if file.name.endswith(ending)), None)
        if kind is not None:
            found.append(
                Route(
                    method="GET", path=f"/static/{file.name}", handler=_file(file, kind), who=None, page=True,
                    summary=f"The pages: {file.name}.", tenant=Tenant.NOBODYS, gives=kind,
                )
            )  # fmt: skip
    return tuple(found)


def _file(file: Traversable, kind: str) -> Handler:
    body = file.read_bytes()

    async def show(_: Ask) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return show


ROUTES: Final = _routes()
