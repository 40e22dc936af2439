"""How many answered calls of each campaign found no agent: counted from the ledger, for the laws that limit them.

Only campaigns whose dialler calls before an agent is free (`Dialling.PREDICTIVE`) can abandon a call, so only for them
it is counted, by the hour. What was not counted for some minutes is not known, and those campaigns make no calls: the
share of last night says nothing of this morning's.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from json import loads

import sqlalchemy as sa
import structlog

from callgate.clock import Clock
from callgate.core.events import Kind
from callgate.core.law import Share
from callgate.core.law.rule import Topic
from callgate.core.law.terms import AbandonedLimit
from callgate.core.policy import Dialling, Policy
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.schema import events

log = structlog.stdlib.get_logger()

COUNT_EVERY_S = 15.0
KNOWN_FOR = timedelta(minutes=5)
BATCH = 5000
_KINDS = (Kind.VERDICT, Kind.ANSWERED, Kind.ABANDONED, Kind.CLOSED)

Sleep = Callable[[float], Awaitable[None]]


class Abandonment:
    """The task that counts, and what it counted."""

    def __init__(
        self, ledger: Ledger, *, policy: Callable[[], Policy], clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._after: int | None = None
        self._campaigns: dict[str, str] = {}
        self._hours: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        self._counted: datetime | None = None

    def shares(self, campaign: str) -> Mapping[int | None, Share]:
        """The share of a campaign over each span of days that a law asks for; empty where it is not known."""
        now = self._clock()
        if self._counted is None or now - self._counted > KNOWN_FOR:
            return {}
        return {days: self._share(campaign, now, days) for days in _spans(self._policy())}

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            try:
                await self.count()
            except LedgerUnavailable as error:
                log.warning("abandoned-calls-not-counted", error=str(error))
            await self._sleep(COUNT_EVERY_S)

    async def count(self) -> None:
        """Take in what is new in the ledger. Raises `LedgerUnavailable`."""
        policy = self._policy()
        if all(campaign.dialling is not Dialling.PREDICTIVE for campaign in policy.campaigns.values()):
            return
        now = self._clock()
        if self._after is None:
            self._after = await self._first(now, _spans(policy))
        columns = (events.c.seq, events.c.at, events.c.kind, events.c.call, events.c.body)
        while True:
            new = sa.select(*columns).where(events.c.seq > self._after, events.c.kind.in_(_KINDS))
            rows = await self._ledger.rows(new.order_by(events.c.seq).limit(BATCH))
            for row in rows:
                self._take(Kind(row.kind), str(row.call), row.body, datetime.fromisoformat(row.at))
                self._after = row.seq
            if len(rows) < BATCH:
                break
        self._counted = now

    async def _first(self, now: datetime, spans: frozenset[int | None]) -> int:
        """After which event counting begins: all of them where a law asks for a campaign's life."""
        if None in spans or not spans:
            return 0
        since = (now - timedelta(days=max(days or 0 for days in spans))).astimezone(UTC)
        after = events.c.at >= since.isoformat(timespec="microseconds")
        rows = await self._ledger.rows(sa.select(events.c.seq).where(after).order_by(events.c.seq).limit(1))
        return rows[0].seq - 1 if rows else await self._ledger.last_seq()

    def _take(self, kind: Kind, call: str, body: str | None, at: datetime) -> None:
        if kind is Kind.VERDICT:
            said = loads(body) if body else {}
            if said.get("outcome") == "allow":
                self._campaigns[call] = str(said.get("campaign", ""))
        elif kind is Kind.CLOSED:
            self._campaigns.pop(call, None)
        elif campaign := self._campaigns.get(call):
            self._hours[campaign][_hour(at)][kind is Kind.ABANDONED] += 1

    def _share(self, campaign: str, now: datetime, days: int | None) -> Share:
        since = 0 if days is None else _hour(now - timedelta(days=days))
        counted = [count for hour, count in self._hours[campaign].items() if hour >= since]
        return Share(sum(abandoned for _, abandoned in counted), sum(answered for answered, _ in counted))


def _spans(policy: Policy) -> frozenset[int | None]:
    """The spans of days over which any law counts."""
    rules = (rule for pack in policy.law.values() for rule in pack.of(Topic.ABANDONED))
    return frozenset(rule.terms.days for rule in rules if isinstance(rule.terms, AbandonedLimit))


def _hour(at: datetime) -> int:
    return int(at.timestamp() // 3600)
