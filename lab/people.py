"""The lab's users: an admin, a supervisor and an officer with passwords of this lab's own, and a machine with a token.

They are made in the ledger before callgate starts, and are in one file that only its owner can read.
"""

import asyncio
import json
import os
import secrets
from contextlib import suppress
from datetime import timedelta

from callgate import config, installation
from callgate.core.access import Area, Role
from callgate.stores.accounts import AccountRefused, User
from callgate.web.auth.door import Door
from lab.place import Place

PEOPLE = {"admin": Role.ADMIN, "supervisor": Role.SUPERVISOR, "officer": Role.OFFICER}
MACHINE = "machine"


async def make_people(place: Place) -> None:
    """Make them in the lab's ledger, and write `place.people`."""
    settings = config.load(place.config)
    clock = installation.clock_of(settings)
    settings.office.state.mkdir(parents=True, exist_ok=True)
    async with installation.stores(settings, "people", clock) as (ledger, _):
        door = installation.door_of(settings, ledger, clock)
        passwords = dict(await asyncio.gather(*(_person(door, name, role) for name, role in PEOPLE.items())))
        with suppress(AccountRefused):  # another lab with the same ledger has it
            await door.accounts.add(User(MACHINE, Role.MACHINE), "lab")
        token = await door.make_token(MACHINE, "the lab's own", frozenset(Area), timedelta(days=1), "lab")
    with os.fdopen(os.open(place.people, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(passwords | {MACHINE: token}, file)


async def _person(door: Door, name: str, role: Role) -> tuple[str, str]:
    password = secrets.token_urlsafe(12)
    hashed = await door.passwords.hash(password)
    try:
        await door.accounts.add(User(name, role, password=hashed), "lab")
    except AccountRefused:
        await door.accounts.set_password(name, hashed, "lab")
    return name, password


def read_people(place: Place) -> dict[str, str]:
    """Name → password, and of the machine its token; nobody where the lab runs no callgate."""
    try:
        people: dict[str, str] = json.loads(place.people.read_text())
    except FileNotFoundError:
        return {}
    return people


def token_of(place: Place) -> str:
    """The machine's token; empty where the lab runs no callgate."""
    return read_people(place).get(MACHINE, "")
