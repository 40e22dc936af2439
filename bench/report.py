"""What a benchmark says: figures, each beside what was measured with it, and whether it meets its target."""

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `target` reads `< 3`, `<= 3` or `>= 0.85`; without one there is nothing to miss.

    `note` is what the figure alone does not tell, in a sentence.
    """

    name: str
    value: float | None
    unit: str
    anchor: str
    anchor_value: float | None
    target: str | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure to its anchor; None where either was not obtained."""
        if self.value is None or not self.anchor_value:
            return None
        return self.value / self.anchor_value

    @property
    def ok(self) -> bool:
        """Whether it was obtained, and meets its target."""
        if self.target is None:
            return True
        return self.value is not None and meets(self.value, self.target)

    def as_json(self) -> dict[str, object]:
        """The object of bench.json."""
        rounded = {key: _rounded(value) for key, value in asdict(self).items() if key != "note" or value}
        return rounded | {"ratio": _rounded(self.ratio), "ok": self.ok}


def meets(value: float, target: str) -> bool:
    """Whether `value` is what `target` asks for. Raises ValueError for a target that reads otherwise."""
    match target.split():
        case ["<", limit]:
            return value < float(limit)
        case ["<=", limit]:
            return value <= float(limit)
        case [">=", limit]:
            return value >= float(limit)
    raise ValueError(f"the target {target!r} is neither `< number`, `<= number` nor `>= number`")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def machine() -> dict[str, object]:
    """What this was measured on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next((int(line.split()[1]) // 1024 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "cpu": model,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mb": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    table = Table("figure", header_style="dim")
    for heading in ("value", "unit", "beside", "anchor", "ratio", "target", ""):
        table.add_column(heading, justify="right" if heading in ("value", "anchor", "ratio") else "left")
    for figure in figures:
        mark = "" if figure.target is None else "[green]met[/]" if figure.ok else "[red]MISSED[/]"
        numbers = [_shown(value) for value in (figure.value, figure.anchor_value, figure.ratio)]
        table.add_row(
            figure.name, numbers[0], figure.unit, figure.anchor, numbers[1], numbers[2], figure.target or "", mark
        )
    console.print(table)
    for figure in figures:
        if figure.note:
            console.print(f"{figure.name}: {figure.note}")


def write(path: Path, about: dict[str, object], figures: Sequence[Figure]) -> None:
    """Write bench.json. The figures of parts that were not run again stay."""
    parts = {figure.name.split(".")[0] for figure in figures}
    kept = [figure for figure in _before(path) if str(figure["name"]).split(".")[0] not in parts]
    path.parent.mkdir(exist_ok=True)
    document = {"machine": about, "figures": [*kept, *(figure.as_json() for figure in figures)]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def _before(path: Path) -> list[dict[str, object]]:
    try:
        found = json.loads(path.read_text())["figures"]
    except (OSError, ValueError, KeyError):
        return []
    return [dict(figure) for figure in found]


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
