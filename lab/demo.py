"""`make demo`: every scenario, one after the other, on a lab of its own; then a table."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.people import read_people
from lab.place import REPOSITORY, Place, claimed
from lab.scenarios import SCENARIOS
from lab.scene import Result, Scene
from lab.world import Lab, clear

console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)


def main(place: Place, words: list[str]) -> int:
    """Run the demo, or the scenarios named; 0 if every call ended as promised."""
    return asyncio.run(_demo(place, words))


async def _demo(place: Place, words: list[str]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with claimed(place):
        with console.status("starting Asterisk, Redis and callgate"):
            lab = await Lab(place).__aenter__()
        try:
            console.print(f"Asterisk, Redis and callgate are up. Watch live: {_where(place)}", soft_wrap=True)
            calls = asyncio.create_task(_calls(lab, words))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({calls, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not calls.done():
                calls.cancel()
                await asyncio.gather(calls, return_exceptions=True)
                return 130
            results = calls.result()
            ok = all(result.ok for result in results)
            _show(results)
            _write(Path(os.environ.get("CALLGATE_RESULTS", REPOSITORY / ".lab")) / "demo.json", results)
            if os.environ.get("ONCE") != "1":
                console.print(f"The lab stays up: {_where(place)}. Ctrl-C ends it.", soft_wrap=True)
                await stopping
            stopping.cancel()
        finally:
            await lab.__aexit__(None, None, None)
            clear(place)
    return 0 if ok else 1


def _where(place: Place) -> str:
    """Where the live page is, and who may see it."""
    return f"http://{place.http} as supervisor, password {read_people(place)['supervisor']}"


async def _calls(lab: Lab, words: list[str]) -> list[Result]:
    chosen = [scenario for scenario in SCENARIOS if not words or scenario.name in words]
    results: list[Result] = []
    with console.status("") as status:

        def say(text: str) -> None:
            status.update(f"{chosen[len(results)].name}: {text}")

        async with Scene.of(lab, say) as scene:
            for number, scenario in enumerate(chosen, start=1):
                status.update(scenario.name)
                result = await scenario.run(scene)
                mark = "[green]✓[/]" if result.ok else "[red]✗[/]"
                console.print(f"{mark} {number:>2}/{len(chosen)} {scenario.name}: {result.outcome or 'failed'}")
                for claim in result.failed:
                    console.print(f"      {claim}", style="red", markup=False)
                results.append(result)
    return results


def _show(results: list[Result]) -> None:
    table = Table("call", "from", "outcome", "reason", "carrier rang", "notice", "recording", "", header_style="dim")
    for result in results:
        recording = f"{result.recording['seconds']} s, sealed" if result.recording else "none"
        table.add_row(
            result.name,
            result.from_,
            result.outcome,
            result.reason,
            "yes" if result.carrier_rang else "no",
            "heard" if result.notice_played else "–",
            recording,
            "[green]as promised[/]" if result.ok else "[red]NOT as promised[/]",
        )
    console.print(table)


def _write(path: Path, results: list[Result]) -> None:
    path.parent.mkdir(exist_ok=True)
    document = {"ok": all(result.ok for result in results), "calls": [result.as_json() for result in results]}
    path.write_text(json.dumps(document, indent=2) + "\n")
