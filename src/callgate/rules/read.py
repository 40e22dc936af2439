"""From the text of a pack to a `Pack`, or every line that is wrong with it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from callgate.core import lines
from callgate.core.law.rule import Origin, Pack, Rule, faults
from callgate.rules.schema import PackFile, Rules, Table

Place = tuple[str | int, ...]
File = TypeVar("File", bound=Table)


@dataclass(frozen=True, slots=True)
class BadLine:
    """One thing that is wrong with a pack: where (`be.toml:12: hours.0.mon`), and what would be right."""

    place: str
    says: str

    def __str__(self) -> str:
        return f"{self.place}: {self.says}"


class BadPack(ValueError):
    """A pack that cannot be used; `lines` names everything that is wrong with it."""

    def __init__(self, lines: tuple[BadLine, ...]) -> None:
        super().__init__("\n".join(map(str, lines)))
        self.lines = lines


def parse(text: str, name: str) -> Pack:
    """Read the text of a pack; `name` is that of its file, for the errors. Raises `BadPack` with every one of them."""
    file = validated(text, name, PackFile)
    wrong = list(_misfits(file))
    if wrong:
        raise BadPack(_located(text, name, wrong))
    return Pack(file.country, file.checked, file.since, file.zones, tuple(read_rules(file, Origin.PACK)), file.note)


def validated(text: str, name: str, model: type[File]) -> File:
    """A file as its model has it. Raises `BadPack` with every line that is not as the model wants it."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        place = f"{name}:{found[1]}" if found else name
        raise BadPack((BadLine(place, f"not TOML: {str(error).split(' (at')[0]}"),)) from None
    except ValidationError as error:
        wrong = [(found["loc"], found["msg"].removeprefix("Value error, ")) for found in error.errors()]
        raise BadPack(_located(text, name, wrong)) from None


def read_rules(tables: Rules, origin: Origin) -> Iterator[Rule]:
    """The rules that tables write, in order. Raises `ValueError` where one says too little or too much."""
    return (table.rule(origin) for _, table in tables.tables())


def _misfits(file: PackFile) -> Iterator[tuple[Place, str]]:
    """What is well formed and still cannot be a pack."""
    if file.country not in file.zones:
        yield ("zones",), f"names the clocks of {file.country} itself, besides those of its parts"
    places: dict[object, Place] = {}
    rules = []
    for place, table in file.tables():
        try:
            rule = table.rule(Origin.PACK)
        except ValueError as error:
            yield place, str(error)
            continue
        places[rule.key] = place
        rules.append(rule)
    if len(rules) == sum(1 for _ in file.tables()):
        for key, says in faults(rules, file.since):
            yield places.get(key, ("since",)), says


def _located(text: str, name: str, wrong: list[tuple[Place, str]]) -> tuple[BadLine, ...]:
    index = lines.index(text)

    def place(at: Place) -> str:
        line = lines.line_of(index, at)
        dotted = ".".join(map(str, at))
        return f"{name}:{line}: {dotted}" if line else f"{name}: {dotted}"

    return tuple(BadLine(place(at), says) for at, says in wrong)
