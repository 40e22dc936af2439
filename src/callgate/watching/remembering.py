"""Puts on the board what was before this process: the day's verdicts, the latest blocks, the alarms that stand.

The ledger is read up to where it stood when callgate started; what came later is told by itself. Alarms of the last
90 days are looked for. Where the ledger does not answer, it is asked again until it does, while calls go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from callgate.core import phone
from callgate.core.board import BLOCKS_MOST, Board, Facts, alarm_id
from callgate.core.events import Event, Kind
from callgate.core.tally import DAY
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger, history

log = structlog.stdlib.get_logger()

ALARMS_FROM: Final = timedelta(days=90)
AGAIN_S: Final = 5.0

UNSEEN: Final = frozenset({"unexpected"})
"""Alarms that are for the ledger alone: what Asterisk did that the table of a call does not expect."""


async def remember(
    ledger: Ledger, board: Board, now: datetime, upto: int, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Fill the board from the ledger's events up to `upto`."""
    for part in (_alarms, _blocks, _verdicts):
        while True:
            try:
                await part(ledger, board, now, upto)
                break
            except LedgerUnavailable as error:
                log.warning("not-remembered", error=str(error))
                await pause(AGAIN_S)


async def _alarms(ledger: Ledger, board: Board, now: datetime, upto: int) -> None:
    standing: dict[str, list[Event]] = {}
    async for entry in history.entries_since(ledger, [Kind.ALARM, Kind.ALARM_TAKEN], now - ALARMS_FROM, upto):
        event = entry.event
        if event.kind is Kind.ALARM_TAKEN:
            standing.pop(str(event.payload.get("id")), None)
        elif (alarm := event.payload.get("alarm")) not in UNSEEN:
            standing.setdefault(alarm_id(str(alarm), _facts(event)), []).append(event)
    for event in sorted((event for raised in standing.values() for event in raised), key=lambda event: event.at):
        board.alarm(_moment(event), _facts(event))


async def _blocks(ledger: Ledger, board: Board, now: datetime, upto: int) -> None:
    found, _ = await history.verdicts(ledger, history.Wanted(outcome="block"), upto + 1, BLOCKS_MOST)
    for event in (entry.event for entry in found if entry.event.at > now - DAY):
        shown = ("reason", "detail", "campaign", "centre", "agent")
        said = {key: event.payload.get(key) for key in shown} | {"number": phone.mask(event.number or "")}
        board.earlier_block(event.at, said | {"call": event.call, "controller": event.controller})


async def _verdicts(ledger: Ledger, board: Board, now: datetime, upto: int) -> None:
    found = [one async for one in history.counted(ledger, now - DAY, upto)]
    for one in found:
        said = {"controller": one.controller, "centre": one.centre, "campaign": one.campaign, "reason": one.reason}
        board.count(one.minute, dict(said), one.verdicts)


def _facts(event: Event) -> Facts:
    about = {"controller": event.controller} if event.controller else {}
    return {**event.payload, **({"call": event.call} if event.call else {}), **about}


def _moment(event: Event) -> datetime:
    late = event.payload.get("late")
    return datetime.fromisoformat(late) if isinstance(late, str) else event.at
