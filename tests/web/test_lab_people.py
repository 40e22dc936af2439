"""The lab's users: made before callgate starts, told to whoever started the lab, and to nobody else."""

import stat
from pathlib import Path

import pytest

from callgate import config as configuration
from callgate import installation
from callgate.core.access import Area, Role
from lab.config import make_secrets, render, values
from lab.keeper import environment
from lab.people import MACHINE, PEOPLE, make_people, read_people, token_of
from lab.place import REPOSITORY, Place
from lab.world import clear


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place("127.0.0", tmp_path / "lab")
    make_secrets(made)
    made.config.write_text(render(REPOSITORY / "lab" / "callgate.toml.in", values(made)))
    return made


async def test_each_logs_in_with_the_password_of_this_lab_and_the_machine_has_a_token(place: Place) -> None:
    await make_people(place)
    people = read_people(place)
    settings = configuration.load(place.config)
    clock = installation.clock_of(settings)
    async with installation.stores(settings, "test", clock) as (ledger, _):
        door = installation.door_of(settings, ledger, clock)
        for name, role in PEOPLE.items():
            visitor = await door.by_session(await door.log_in(name, people[name], "127.0.0.1"))
            assert visitor is not None
            assert visitor.principal.role is role
        machine = await door.by_token(token_of(place))
        assert machine is not None
        assert (machine.principal.role, machine.scopes) == (Role.MACHINE, frozenset(Area))


async def test_they_are_in_the_shells_view_and_in_a_file_for_its_owner_and_go_with_the_lab(place: Place) -> None:
    assert token_of(place) == ""
    await make_people(place)
    people = read_people(place)
    assert len(set(people.values())) == len(PEOPLE) + 1
    assert stat.S_IMODE(place.people.stat().st_mode) == 0o600
    told = environment(place)
    assert f"export LAB_SUPERVISOR_PASSWORD={people['supervisor']}\n" in told
    assert f"export LAB_TOKEN={people[MACHINE]}\n" in told
    clear(place)
    assert not place.people.exists()
