"""The API's description: it names all that there is for programs, and what fits it is never answered with a fault."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema_rs import meta
from schemathesis.core.result import Ok

from callgate.core.access import Role
from callgate.web.openapi import describe
from callgate.web.routing import EVERYONE
from callgate.web.table import TABLE
from tests.web.world import World

pytestmark = pytest.mark.server

ENDLESS = {"/api/v1/events"}
BOUNDED = settings(
    max_examples=15, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


async def described(world: World) -> dict[str, Any]:
    found: dict[str, Any] = await (await world.ask("GET", "/openapi.json")).json()
    return found


async def test_it_names_every_route_for_programs_and_no_page(world: World) -> None:
    spec = await described(world)
    named = {f"{method.upper()} {path}" for path, item in spec["paths"].items() for method in item}
    assert spec["openapi"] == "3.1.0"
    assert named == {route.name for route in TABLE if not route.page}


async def test_its_schemas_are_schemas_and_every_reference_leads_somewhere(world: World) -> None:
    spec = await described(world)
    for schema in spec["components"]["schemas"].values():
        meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    references = json.dumps(spec).split('"$ref": "')[1:]
    names = {reference.partition('"')[0].removeprefix("#/components/schemas/") for reference in references}
    assert names <= spec["components"]["schemas"].keys()


@pytest.mark.parametrize("route", [route for route in TABLE if route.example], ids=lambda route: str(route.name))
def test_an_example_is_one(route: Any) -> None:
    route.body.model_validate(route.example)


def test_every_body_has_an_example() -> None:
    assert [route.name for route in TABLE if route.body and not route.example and not route.page] == []


def test_whatever_an_operation_must_be_told_has_an_example() -> None:
    for path, item in describe(TABLE)["paths"].items():
        for method, operation in item.items():
            without = [one["name"] for one in operation["parameters"] if one.get("required") and not one.get("example")]
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            assert without == [], f"{method} {path}"
            assert all(body.get("example") is not None for body in bodies), f"{method} {path}"


def in_markdown() -> str:
    """The table of docs/api.md."""
    lines = ["| route | who | token | what |", "|---|---|---|---|"]
    for route in (route for route in TABLE if not route.page):
        who = "anyone" if route.who is None else "all roles" if route.who == EVERYONE else ", ".join(sorted(route.who))
        token = "" if route.who is None else "none: in person" if route.person else route.area or "any"
        lines.append(f"| `{route.name}` | {who} | {token} | {route.summary} |")
    return "\n".join(lines)


def test_the_documentation_has_the_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert text.partition("<!-- routes -->\n")[2].partition("\n<!-- /routes -->")[0] == in_markdown()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.MACHINE])
async def test_nothing_that_is_sent_is_answered_with_a_fault(world: World, role: Role) -> None:
    token = await world.user("attacker", role)
    base = str(world.client.make_url("/")).rstrip("/")
    schema = schemathesis.openapi.from_dict(describe(TABLE))

    def attack() -> dict[str, set[int]]:
        seen: dict[str, set[int]] = {}
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path not in ENDLESS:
                seen[operation.label] = statuses(operation, base, token, world)
        return seen

    seen = await asyncio.to_thread(attack)
    assert len(seen) == len([route for route in TABLE if not route.page]) - len(ENDLESS)
    assert {label: found for label, found in seen.items() if any(status >= 500 for status in found)} == {}
    assert {200, 422} <= set().union(*seen.values())


def statuses(operation: Any, base: str, token: str, world: World) -> set[int]:
    """What an operation answers to what fits its description, and to what does not."""
    seen: set[int] = set()

    def send(case: Any) -> None:
        world.seconds += 60  # so that nobody is told to wait
        answer = case.call(base_url=base, headers={"Authorization": f"Bearer {token}"})
        seen.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["content-type"][0].startswith("application/problem+json")

    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        # Where a request has no parts, there is nothing to get wrong.
        with contextlib.suppress(Unsatisfiable):
            BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return seen
