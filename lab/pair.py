"""Two PBXs, each with a callgate beside it, and one ledger and one Redis behind both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from lab.place import Place, somewhere
from lab.postgres import PostgresServer
from lab.scene import Scene
from lab.world import Lab

NAMES = ("north", "south")


@asynccontextmanager
async def pair(folder: Callable[[str], Path]) -> AsyncIterator[tuple[Scene, Scene]]:
    """Both are up and allow calls while this lasts; `folder` gives each a folder with a short path, not made yet."""
    async with AsyncExitStack() as stack:
        server = PostgresServer()
        stack.callback(server.end)
        ledger = server.new_database()
        scenes: list[Scene] = []
        for name in NAMES:
            place = stack.enter_context(somewhere(folder(name)))
            first = scenes[0].lab.place if scenes else None
            lab = await stack.enter_async_context(Lab(place, adapt=sharing(ledger, name, first)))
            scenes.append(await stack.enter_async_context(Scene.of(lab)))
        yield scenes[0], scenes[1]


def sharing(ledger: str, name: str, first: Place | None) -> Callable[[Place], None]:
    """A PBX of that name, with that ledger; the second one has the Redis and the keys of the first."""

    def adapt(place: Place) -> None:
        text = place.config.read_text()
        text = text.replace('name = "lab"', f'name = "{name}"')
        text = text.replace(f'url = "sqlite:///{place.state}/ledger.db"', f'url = "{ledger}"\nwriter = "{name}"')
        if first is not None:
            text = text.replace(f"redis://{place.redis}/", f"redis://{first.redis}/")
            for key in ("ledger-keys", "hmac-key"):
                text = text.replace(f"{place.secrets}/{key}", f"{first.secrets}/{key}")
        place.config.write_text(text)

    return adapt
