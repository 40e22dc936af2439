"""The API's description (OpenAPI 3.1), made of the table of routes: what is not in the one is not in the other."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import callgate
from callgate.web.problems import MEDIA_TYPE, ProblemDetails
from callgate.web.routing import Route, Tenant

_REF = "#/components/schemas/{model}"
_ABOUT = """What callgate does, for programs: docs/api.md. Numbers of people go in bodies and never in URLs. Every
answer that is no success is a problem (RFC 9457)."""

EXAMPLES: Final[Mapping[str, str]] = {
    "call": "3f0c9a6be1d2785a", "campaign": "spring", "controller": "acme", "list": "uk-tps", "partner": "crm",
    "request": "r-5b1c0e7f9a32", "since": "2026-11-01T00:00:00Z",
}  # fmt: skip
"""Of what stands in a path, and of what a query has to say."""
STREAMED: Final[Mapping[str, str]] = {
    "text/csv": "id,phone\n1,+33199001201\n", "application/octet-stream": "+442079460000\n+442079460001\n",
}  # fmt: skip

Schema = dict[str, Any]


def describe(table: Iterable[Route]) -> Schema:
    """The description of the routes that are for programs."""
    routes = [route for route in table if not route.page]
    queries = {route.query for route in routes if route.query}
    models = {model for route in routes for model in (route.body, route.answer) if model} | {ProblemDetails} | queries
    ordered = sorted(models, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    # What a query is made of are parameters, and of the model only these are told.
    asked = {model: found["$defs"].pop(model.__name__) for model in queries}
    paths: dict[str, Schema] = {}
    for route in routes:
        query = asked[route.query] if route.query else None
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, query)
    return {
        "openapi": "3.1.0",
        "info": {"title": "callgate", "version": callgate.__version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": found["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token; it begins with cg_."},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-callgate"},
            },
        },
    }


def _operation(route: Route, query: Schema | None) -> Schema:
    about = [route.summary]
    if route.who is not None:
        about.append(f"Roles: {', '.join(sorted(route.who))}.")
    if route.area is not None:
        about.append(f"Tokens: for {route.area}.")
    made: Schema = {
        "operationId": re.sub(r"[^a-z0-9]+", "-", route.name.lower()).strip("-"),
        "summary": route.summary,
        "description": " ".join(about),
        "parameters": [*_in_path(route), *_in_query(query), *_in_headers(route)],
        "responses": _responses(route),
        "security": []
        if route.who is None
        else [{"session": []}]
        if route.person
        else [{"token": []}, {"session": []}],
    }
    if route.body is not None:
        content: Schema = {"schema": _reference(route.body)} | ({"example": route.example} if route.example else {})
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    elif route.takes:
        made["requestBody"] = {
            "required": True,
            "content": {route.takes: {"schema": {"type": "string"}, "example": STREAMED[route.takes]}},
        }
    return made


def _in_path(route: Route) -> list[Schema]:
    names = re.findall(r"{(\w+)", route.path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": EXAMPLES[name]}
        for name in names
    ]


def _in_query(schema: Schema | None) -> list[Schema]:
    if schema is None:
        return []
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each, **_example(name)}
        for name, each in schema["properties"].items()
    ]


def _example(name: str) -> Schema:
    return {"example": EXAMPLES[name]} if name in EXAMPLES else {}


def _in_headers(route: Route) -> list[Schema]:
    if not route.idempotent:
        return []
    about = "The same request sent again with this key, within a day, is answered as before and done once."
    schema = {"type": "string", "minLength": 1, "maxLength": 64}
    return [{"name": "Idempotency-Key", "in": "header", "description": about, "schema": schema}]


def _responses(route: Route) -> Schema:
    problem = {"content": {MEDIA_TYPE: {"schema": _reference(ProblemDetails)}}}
    if route.answer is not None:
        success: Schema = {"description": "Done", "content": {"application/json": {"schema": _reference(route.answer)}}}
    elif route.gives:
        success = {"description": "Done", "content": {route.gives: {"schema": {}}}}
    else:
        success = {"description": "Done"}
    wrong = {"default": {"description": "A problem (RFC 9457)"} | problem}
    if route.tenant is Tenant.HIDDEN:
        wrong["404"] = {"description": "Not there, or somebody else's"} | problem
    return {str(route.status) if route.answer or route.gives else "204": success} | wrong


def _reference(model: type[BaseModel]) -> Schema:
    return {"$ref": _REF.format(model=model.__name__)}
