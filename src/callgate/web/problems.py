"""What went wrong, as RFC 9457 has it: `application/problem+json`, with the fields that were wrong one by one.

A problem's `type` names its kind for programs; the sentences are for people. None repeats what was sent: it may be a
person's number.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ValidationError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_STORES_S: Final = 2
"""After how many seconds to ask again when a store is away."""


class FieldError(BaseModel):
    """What is wrong with one part of what was sent: a JSON pointer into it (RFC 6901), and a sentence."""

    pointer: str
    detail: str


class ProblemDetails(BaseModel):
    """The body of every answer that is no success (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


@dataclass(frozen=True, slots=True)
class Wrong:
    """One part of what was sent, and what is wrong with it."""

    pointer: str
    detail: str


class Problem(Exception):
    """Ends a request. `kind` is the end of the type's URN."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> web.Response:
        """The answer."""
        body = ProblemDetails(
            type=f"urn:callgate:problem:{self.kind}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=[FieldError(pointer=wrong.pointer, detail=wrong.detail) for wrong in self.errors],
        )
        text = json.dumps(body.model_dump(), ensure_ascii=False)
        return web.Response(status=self.status, text=text, content_type=MEDIA_TYPE, headers=self.headers)


def not_permitted(detail: str) -> Problem:
    """Known, and not allowed to do this."""
    return Problem(403, "not-permitted", detail)


def not_found(detail: str = "there is nothing here, or nothing that you may see") -> Problem:
    """One answer to what is not there and to what belongs to somebody else."""
    return Problem(404, "not-found", detail)


def invalid(pointer: str, detail: str) -> Problem:
    """One part of what was sent cannot be right."""
    return Problem(422, "invalid", "what was sent cannot be used", errors=[Wrong(pointer, detail)])


def too_many(seconds: float, detail: str) -> Problem:
    """Asked too often. `seconds` until it is worth asking again."""
    return Problem(429, "too-many", detail, headers={"Retry-After": str(ceil(seconds))})


def unavailable(detail: str) -> Problem:
    """A store is away: nothing was done."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_STORES_S)})


def of_validation(error: ValidationError) -> Problem:
    """The fields that pydantic found wrong."""
    wrong = [
        Wrong("".join(f"/{_escaped(part)}" for part in found["loc"]), found["msg"].removeprefix("Value error, "))
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Problem(422, "invalid", "what was sent cannot be used", errors=wrong)


def of_http(error: web.HTTPException) -> Problem:
    """What aiohttp itself refuses: no such path, a method that is not there, a body that is too large."""
    kinds = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    headers = {name: value for name, value in error.headers.items() if name in ("Allow", "Retry-After")}
    return Problem(error.status, kinds.get(error.status, "refused"), error.reason, headers=headers)


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
