"""Which part may import which. One way: commands and daemon → edges → core."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "callgate"
FILES = sorted(SOURCE.rglob("*.py"))
IO = {"asyncio", "socket", "os", "subprocess", "time", "random", "secrets", "redis", "aiohttp", "sqlalchemy", "pathlib"}

MAY = {
    "core": {"core"},
    "pbx": {"core", "pbx", "prompts", "boundary"},
    "prompts": {"core", "prompts"},
    "stores": {"core", "stores"},
    "recordings": {"core", "recordings", "rights", "stores"},
    "notes": {"core", "notes"},
    "registers": {"core", "registers"},
    "scrub": {"core", "registers", "scrub", "stores"},
    "supply": {"clock", "core", "supply"},
    "partners": {"clock", "core", "partners", "stores"},
    "web": {
        "alarms",
        "boundary",
        "breach",
        "breachreport",
        "clock",
        "config",
        "consenting",
        "core",
        "dryrun",
        "listimport",
        "live",
        "listwatch",
        "measures",
        "metrics",
        "notes",
        "noting",
        "office",
        "onfile",
        "partners",
        "partnering",
        "recordings",
        "register",
        "registers",
        "rights",
        "stores",
        "web",
    },
    "rights": {"boundary", "core", "office", "prompts", "rights", "stores"},
    "node": {"core", "pbx", "prompts", "boundary", "live", "pilot", "node", "clock"},
    "pilot.py": {"core", "pbx", "prompts", "boundary", "live"},
    "boundary.py": {"core"},
    "live.py": {"core", "clock"},
    "office.py": {"core", "stores", "boundary", "verdicts"},
    "verdicts.py": {"core", "boundary"},
    "evidence": {"config", "core", "evidence", "prompts", "rules", "stores"},
    "config": {"core", "config", "rules"},
    "rules": {"core", "rules"},
}
"""Part → the parts of callgate that it may import. What is not here (daemon, cli, keeper) may import any."""


def imported(file: Path) -> set[str]:
    """The full names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parts(names: set[str]) -> set[str]:
    """The parts of callgate among them."""
    return {name.split(".")[1] for name in names if name.startswith("callgate.")}


def part_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0]


@pytest.mark.parametrize("file", [file for file in FILES if part_of(file) in MAY], ids=lambda file: str(file.name))
def test_a_part_imports_only_what_it_may(file: Path) -> None:
    known = {path.stem for path in SOURCE.iterdir()}
    assert parts(imported(file)) & known <= MAY[part_of(file)]


@pytest.mark.parametrize("file", [f for f in FILES if part_of(f) == "core"], ids=lambda file: str(file.name))
def test_the_core_does_no_io_and_reads_no_clock(file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & IO
    assert not {"now", "today", "utcnow"} & {
        node.func.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def test_every_file_of_the_parts_was_looked_at() -> None:
    assert {"core", "pbx", "node", "pilot.py"} <= {part_of(file) for file in FILES}
