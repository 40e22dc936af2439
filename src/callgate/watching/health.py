"""What callgate stands on, as a supervisor sees it: Redis, the ledger, each PBX, each list with its age.

Looked at every few seconds and told when it changed. What is wrong is said in the sentence of whoever found it wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from callgate.core.ages import Age, all_aged
from callgate.core.events import Json
from callgate.core.gate import ListState
from callgate.core.policy import ListRule
from callgate.live import Live
from callgate.stores.errors import LedgerUnavailable, StoreUnavailable

LOOK_EVERY_S: Final = 3.0

GOOD: Final = "good"
WARNING: Final = "warning"
BAD: Final = "bad"
"""BAD blocks calls, WARNING will."""

_OF_AGE: Final[Mapping[Age, str]] = {Age.FRESH: GOOD, Age.HALF: WARNING, Age.STALE: BAD, Age.MISSING: BAD}

Part = dict[str, Json]
"""`part` (redis, ledger, pbx, list), `name`, `state` (good, warning, bad), `says`; of a list `true_at`, `max_days`."""


def redis(problems: Iterable[str]) -> Part:
    """The suppression cache; `problems` stand between it and being believed."""
    says = "; ".join(problems)
    return {"part": "redis", "name": "", "state": BAD if says else GOOD, "says": says}


async def ledger(mark: Callable[[], Awaitable[int]]) -> Part:
    """The ledger, asked for its mark."""
    try:
        await mark()
    except LedgerUnavailable as error:
        return {"part": "ledger", "name": "", "state": BAD, "says": str(error)}
    return {"part": "ledger", "name": "", "state": GOOD, "says": ""}


def pbx(name: str, hindrance: str, *, stands_by: bool = False) -> Part:
    """A PBX, and why no call passes here; that another callgate is in charge of it is no fault."""
    return {"part": "pbx", "name": name, "state": BAD if hindrance and not stands_by else GOOD, "says": hindrance}


async def lists(
    rules: Mapping[str, ListRule], states: Callable[[], Awaitable[dict[str, ListState]]], now: datetime
) -> list[Part]:
    """Every list that is configured."""
    try:
        found = await states()
    except StoreUnavailable as error:
        return [{"part": "list", "name": name, "state": BAD, "says": str(error)} for name in rules]
    return [
        {
            "part": "list",
            "name": one.list,
            "state": _OF_AGE[one.age],
            "says": one.says if one.age is not Age.FRESH else "",
            "true_at": found[one.list].scrubbed_at.isoformat() if one.list in found else None,
            "max_days": rules[one.list].max_age_days,
        }
        for one in all_aged(rules, found, now)
    ]


async def watch_health(
    live: Live, look: Callable[[], Awaitable[list[Part]]], pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Tell what changed, until cancelled."""
    while True:
        parts: list[Json] = list(await look())
        if _without_days(parts) != _without_days(live.board.health):
            live.tell("health", parts=parts)
        await pause(LOOK_EVERY_S)


def _without_days(parts: Iterable[Json]) -> list[Json]:
    """An age in a sentence grows by itself: the page reckons it."""
    parted = (part for part in parts if isinstance(part, dict))
    return [{key: part[key] for key in part if key != "says" or part["part"] != "list"} for part in parted]
