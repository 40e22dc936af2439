"""National lists: their ages, and a new version of one, sent as the body and read by a process of its own.

A file takes minutes to read, so the answer to sending one is how far it is, and whoever sent it asks again until it is
in force or refused. A list binds every company, so that only who is confined to none imports one.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from callgate.core.access import Area, Role
from callgate.core.ages import all_aged
from callgate.listimport import Cancelled, Import, ImportBusy, NoImport, Stage, Words
from callgate.watching.lists import list_states
from callgate.web import sent
from callgate.web.api.fields import In, Moment, Out
from callgate.web.limits import Rate
from callgate.web.problems import Problem, not_found, unavailable
from callgate.web.routing import EVERYONE, Ask, Route, Tenant

IMPORTERS: Final = frozenset({Role.OFFICER, Role.ADMIN})
MOST: Final = 4 << 30
"""Bytes of a register's file, as it is sent; the largest are a few gigabytes, and zipped less than one."""
OFTEN: Final = Rate(60, 10)

Layout = Literal["text", "csv", "be-dncm", "uk-tps", "it-rpo", "us-ftc", "us-ftc-changes", "us-ftc-xml"]
Said = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ListAge(Out):
    """A national list, its version in force and its age."""

    name: str
    country: str
    version: str
    as_of: datetime | None
    max_age_days: int
    age: str
    says: str


class Lists(Out):
    """The national lists that are configured."""

    lists: list[ListAge]


class ImportQuery(In):
    """How a register's file is read, as `callgate lists import` has it; `as_of`: when the register's own data was true,
    a day or a moment, else now."""

    format: Layout = "text"
    column: Said | None = None
    change_column: Said | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    bare: bool = False
    member: Said | None = None
    as_of: Moment | date | None = None
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,40}$")] | None = None
    max_broken: Annotated[float, Field(ge=0, le=1)] = 0.001
    accept_shrink: bool = False

    @model_validator(mode="after")
    def _has_column(self) -> Self:
        if self.format == "csv" and self.column is None:
            raise ValueError("the format csv needs a column: the heading of the one with the number, or its number")
        return self

    @property
    def words(self) -> Words:
        """As options of the command."""
        return {
            "format": self.format, "column": self.column or "", "change-column": self.change_column or "",
            "country": self.country or "", "bare": self.bare, "member": self.member or "",
            "as-of": self.as_of.isoformat() if self.as_of else "", "version": self.version or "",
            "max-broken": f"{self.max_broken:.6f}", "accept-shrink": self.accept_shrink,
        }  # fmt: skip


class RefusedFile(Out):
    """Why a file was refused; `type` is for programs. `may_be_accepted`: a person who looked at it may say that it is
    right as it is."""

    type: str
    detail: str
    may_be_accepted: bool


class ListImport(Out):
    """The last import of a list since callgate started. `bytes`: of the file, as far as it has come; `read`: how many
    of them were read. The counts are of a file that was read; `samples` describe the first lines that are broken."""

    list: str
    stage: Stage
    by: str
    began: datetime
    bytes: int
    read: int
    version: str | None
    numbers: int | None
    new: int | None
    gone: int | None
    lines: int | None
    broken: int | None
    samples: Sequence[str]
    refused: RefusedFile | None
    why: str


async def show_all(ask: Ask) -> Lists:
    rules, states = ask.services.policy().lists, await list_states(ask.services.cache)
    return Lists(
        lists=[
            ListAge(
                name=one.list,
                country=rules[one.list].country,
                version=one.version,
                as_of=states[one.list].scrubbed_at if one.list in states else None,
                max_age_days=rules[one.list].max_age_days,
                age=one.age,
                says=one.says,
            )
            for one in all_aged(rules, states, ask.services.clock())
        ]
    )


async def import_(ask: Ask) -> ListImport:
    return _state(await take_in(ask, ask.asked(ImportQuery), sent.pieces(ask)))


async def show(ask: Ask) -> ListImport:
    one = ask.services.imports.last(configured(ask))
    if one is None:
        raise not_found("nothing was imported into this list since callgate started")
    return _state(one)


async def accept(ask: Ask) -> ListImport:
    return _state(await go_on(ask))


async def cancel(ask: Ask) -> ListImport:
    return _state(await end(ask))


# What the page does too.


def configured(ask: Ask) -> str:
    """The list that is meant. Raises `Problem` where the configuration has none of this name."""
    name = ask.request.match_info["list"]
    if name not in ask.services.policy().lists:
        raise not_found("the configuration has no list of this name")
    return name


async def take_in(ask: Ask, said: ImportQuery, file: AsyncIterator[bytes]) -> Import:
    """Take a file in, and begin to read it; the ledger is told before its first byte is taken. Raises `Problem`."""
    name = configured(ask)
    with _told():
        return await ask.services.imports.receive(name, said.words, ask.principal.name, file, ask.enter)


async def go_on(ask: Ask) -> Import:
    """Accept what a file was refused for, and go on with it. Raises `Problem`."""
    name = configured(ask)
    await ask.enter()
    with _told():
        return ask.services.imports.accept(name, ask.principal.name)


async def end(ask: Ask) -> Import:
    """End an import, or let a refused file go. Raises `Problem`."""
    name = configured(ask)
    await ask.enter()
    with _told():
        return ask.services.imports.cancel(name)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ImportBusy:
        headers = {"Retry-After": "30"}
        raise Problem(409, "under-way", "a list is being imported; one at a time is", headers=headers) from None
    except NoImport:
        raise Problem(409, "unfit", "no import of this list stands so that this could be done") from None
    except Cancelled:
        raise Problem(409, "cancelled", "the import was cancelled while its file was received") from None
    except OSError:
        raise unavailable("the file cannot be kept: is the disk full?") from None


def _state(one: Import) -> ListImport:
    counted: dict[str, Any] = {
        name: one.found.get(name) for name in ("version", "numbers", "new", "gone", "lines", "broken")
    }
    refused = one.stage is Stage.REFUSED and RefusedFile(
        type=f"urn:callgate:problem:list-{one.flaw}", detail=one.why, may_be_accepted=one.may_be_accepted
    )
    return ListImport(
        list=one.list, stage=one.stage, by=one.by, began=one.began, bytes=one.size, read=one.read,
        samples=one.found.get("samples", []), refused=refused or None, why=one.why, **counted,
    )  # fmt: skip


def _of_import(method: str, rest: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(
        method=method, path=f"/api/v1/lists/{{list}}/import{rest}", handler=handler, summary=summary, who=IMPORTERS,
        area=Area.LISTS, tenant=Tenant.WHOLE, answer=ListImport, **more,
    )  # fmt: skip


ROUTES: Final = (
    Route(
        method="GET", path="/api/v1/lists", handler=show_all, summary="The national lists, their versions and ages.",
        who=EVERYONE, area=Area.LISTS, tenant=Tenant.NOBODYS, answer=Lists,
    ),
    _of_import(
        "POST", "", import_, "Send a register's file; it is read, checked and brought into force.", query=ImportQuery,
        takes="application/octet-stream", most=MOST, rate=OFTEN, status=202, act="list-import-begun",
    ),
    _of_import("GET", "", show, "How far the last import of a list is, or how it ended.", rate=Rate(600, 60)),
    _of_import("DELETE", "", cancel, "Cancel an import before it comes into force.", act="list-import-cancelled"),
    _of_import(
        "POST", "/acceptance", accept, "Take a file that was refused because the list shrank or repeats itself.",
        status=202, rate=OFTEN, act="list-import-accepted",
    ),
)  # fmt: skip
