"""The style, the script and the icon of the pages: no secret, and the same for everyone."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def static_files() -> Iterator[tuple[str, str, bytes]]:
    """Name, media type and content of each file that is served below `/static/`."""
    for file in files("callgate.web").joinpath("static").iterdir():
        kind = next((kind for ending, kind in _KINDS.items() if file.name.endswith(ending)), None)
        if kind is not None:
            yield file.name, kind, file.read_bytes()
