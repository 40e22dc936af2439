"""`python -m lab`: the lab from the command line. The Makefile's targets call it."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from lab import keeper
from lab.asterisk import Asterisk
from lab.config import TemplateError
from lab.install import NoAsteriskError
from lab.people import PEOPLE, read_people
from lab.place import Place, TakenError, holder
from lab.process import LabError

NOT_UP = 3
"""What init scripts answer to `status` when a program is not running (LSB)."""


def up(place: Place, _: list[str]) -> int:
    """bring the lab up in the background (CARRIER=none, CALLGATE=none: without it)"""
    if not keeper.up(place):
        return 1
    print(f"The lab is up; stop it with `make lab-down`, and `. {place.env}` makes `callgate` act on it.")
    for what, where in (
        ("PBX (SIP)", place.sip),
        ("callgate", f"http://{place.http}"),
        ("phone of brussels", place.brussels),
        ("phone of lille", place.lille),
        ("phone of casablanca", place.casablanca),
        ("carrier", place.carrier),
    ):
        print(f"  {what:<20} {where}")
    if people := read_people(place):
        print("Log in at callgate as one of:")
        for name in PEOPLE:
            print(f"  {name:<20} {people[name]}")
    return 0


def down(place: Place, _: list[str]) -> int:
    """end it, and remove what it left"""
    print("The lab is down." if keeper.down(place) else "No lab was up here.")
    return 0


def status(place: Place, _: list[str]) -> int:
    """say what runs; exit 3 when nothing does"""
    pid = holder(place)
    if pid is None:
        print(f"no lab in {place.folder}")
        return NOT_UP
    print(f"{'keeper':<12} {pid}")
    for name, process in keeper.processes(place).items():
        print(f"{name:<12} {process}")
    return 0


def keep(place: Place, _: list[str]) -> int:
    """hold the lab in the foreground until SIGTERM (what `up` leaves behind)"""
    asyncio.run(keeper.keep(place))
    return 0


def cli(place: Place, words: list[str]) -> int:
    """ask Asterisk's console: cli core show channels"""
    print(asyncio.run(Asterisk(place).cli(" ".join(words))), end="")
    return 0


def carrier(place: Place, _: list[str]) -> int:
    """a carrier whose callees answer, in the foreground"""
    from lab.carrier import main  # noqa: PLC0415 - the phones need numpy, nothing else here does

    asyncio.run(main(place))
    return 0


def demo(place: Place, words: list[str]) -> int:
    """place the calls that show each promise"""
    from lab.demo import main  # noqa: PLC0415 - as above

    return main(place, words)


VERBS: dict[str, Callable[[Place, list[str]], int]] = {
    verb.__name__: verb for verb in (up, down, status, keep, cli, carrier, demo)
}


def main() -> int:
    """Run one verb; its exit code, or 1 with the reason on standard error."""
    verbs = "\n".join(f"  {name:<9} {verb.__doc__}" for name, verb in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="python -m lab", epilog=f"verbs:\n{verbs}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=VERBS, metavar="verb")
    parser.add_argument("words", nargs="*", metavar="word")
    asked = parser.parse_args()
    try:
        return VERBS[asked.verb](Place.default(), asked.words)
    except (TakenError, LabError, NoAsteriskError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
