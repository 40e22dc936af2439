"""`python -m bench`: every part, or those that ONLY names (`ONLY=gate`). Exit 0 if each figure meets its target."""

import os
import sys
from collections.abc import Callable, Coroutine

import uvloop
from rich.console import Console

from bench import decide, gate, guard, ledger, lists, live, notes, report, rights, scrub
from lab.install import NoAsteriskError
from lab.place import REPOSITORY, TakenError
from lab.process import LabError

Part = Callable[[Console], Coroutine[None, None, list[report.Figure]]]
PARTS: dict[str, tuple[Part, ...]] = {
    "gate": (gate.measure,),
    "guard": (guard.measure,),
    "decide": (decide.measure,),
    "lists": (lists.measure, scrub.measure),
    "ledger": (ledger.measure,),
    "rights": (rights.measure,),
    "live": (live.measure,),
    "notes": (notes.measure,),
}


def main() -> int:
    """Measure, print, write .lab/bench.json."""
    chosen = os.environ.get("ONLY", "").replace(",", " ").split() or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        print(f"ONLY={' '.join(unknown)}: there is no such part; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    about = report.machine()
    figures: list[report.Figure] = []
    for measure in (measure for part in chosen for measure in PARTS[part]):
        try:
            figures += uvloop.run(measure(console))  # the loop of `callgate serve`
        except (LabError, TakenError, NoAsteriskError) as error:
            print(error, file=sys.stderr)
            return 1
    report.show(figures, console)
    report.write(REPOSITORY / ".lab" / "bench.json", about, figures)
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
