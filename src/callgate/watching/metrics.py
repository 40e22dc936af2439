"""What callgate measures of itself, for Prometheus. No label holds anything of a person.

What happens is counted as it passes: a `MeasuredOffice` stands before the office, and the ledger tells how long each
commit took. What merely is (the age of a list, whether the cache is ready) is asked when somebody looks. Other parts
add theirs by `Metrics.watch`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from callgate.boundary import Decision, Heard, LateBlock, Office, OpenCall, RecordingKey, Said
from callgate.core.calledback import CalledBack
from callgate.core.events import Json, Kind
from callgate.core.faults import place_of
from callgate.core.gate import CallRequest
from callgate.core.reasons import Reason
from callgate.live import Live

log = structlog.stdlib.get_logger()

T = TypeVar("T")

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GATE_BUCKETS = (0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds. The dialplan waits 1.2."""
COMMIT_BUCKETS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0)

Reading = tuple[Mapping[str, str], float]
"""The labels of one value, in the order in which they were named, and the value."""
Read = Callable[[], Awaitable[Iterable[Reading]]]
"""Tells the values of a gauge now. Where it raises, the gauge has none."""


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.verdicts = Counter(
            "callgate_verdicts", "Verdicts of the gate, those that are entered late included.", ["outcome", "reason"],
            registry=registry,
        )  # fmt: skip
        self.gate = Histogram(
            "callgate_gate_seconds", "From the question to the committed verdict.", buckets=GATE_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.uncommitted = Counter(
            "callgate_uncommitted_blocks", "Blocks that the ledger could not take at once.", registry=registry
        )
        self.happened = Counter(
            "callgate_call_events", "What happened in calls: the kinds of the ledger.", ["kind"], registry=registry
        )
        self.commit = Histogram(
            "callgate_ledger_commit_seconds", "One transaction of the ledger.", buckets=COMMIT_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.commit_failures = Counter(
            "callgate_ledger_commit_failures", "Transactions of the ledger that failed.", registry=registry
        )
        self.alarms = Counter("callgate_alarms", "Alarms that were raised.", ["alarm"], registry=registry)
        self.unread = Counter(
            "callgate_metrics_unread", "Metrics that could not be read.", ["metric"], registry=registry
        )
        self._watched: dict[str, tuple[Callable[[], GaugeMetricFamily], Read]] = {}
        self._seen: list[GaugeMetricFamily] = []
        registry.register(_Seen(lambda: self._seen))

    def watch(self, name: str, about: str, labels: Sequence[str], read: Read) -> None:
        """Add a gauge whose values `read` tells whenever somebody looks. Nothing of a person may be a label."""
        self._watched[name] = partial(GaugeMetricFamily, name, about, labels=labels), read

    def time_commit(self, seconds: float, *, ok: bool) -> None:
        """Note a transaction of the ledger; from any thread."""
        self.commit.observe(seconds)
        if not ok:
            self.commit_failures.inc()

    async def text(self) -> bytes:
        """Everything, as Prometheus reads it (exposition format 0.0.4)."""
        self._seen = [await self._look(name) for name in self._watched]
        return generate_latest(self.registry)

    async def _look(self, name: str) -> GaugeMetricFamily:
        """What is watched, as it is now. What cannot be read has no value: 0 would be one."""
        make, read = self._watched[name]
        family = make()
        try:
            for labels, value in await read():
                family.add_metric([*labels.values()], value)
        except Exception as error:
            log.warning("metric-not-read", metric=name, error=type(error).__name__, place=place_of(error))
            self.unread.labels(name).inc()
            return make()
        return family

    @property
    def names(self) -> frozenset[str]:
        """Every metric that there is, watched or counted."""
        return frozenset(self._watched) | {family.name for family in self.registry.collect()}

    async def follow(self, live: Live) -> None:
        """Count the alarms, until cancelled."""
        async for happening in live.watch():
            if happening.what == "alarm":
                self.alarms.labels(str(happening.facts.get("alarm", ""))).inc()


class _Seen(Collector):
    """What was last seen of what is watched."""

    def __init__(self, seen: Callable[[], Iterable[Metric]]) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        """As prometheus-client asks for it."""
        return self._seen()


class MeasuredOffice:
    """An office (`boundary.Office`), and what is measured of it."""

    def __init__(self, office: Office, metrics: Metrics) -> None:
        self._office = office
        self._metrics = metrics

    async def decide(self, request: CallRequest) -> Decision:
        """Counted and timed."""
        began = perf_counter()
        decision = await self._office.decide(request)
        self._metrics.gate.observe(perf_counter() - began)
        if decision.committed:
            self._metrics.verdicts.labels("allow" if decision.allowed else "block", decision.reason).inc()
        else:
            self._metrics.uncommitted.inc()
        return decision

    async def answered(self, call: str) -> Reason:
        """Counted."""
        return await self._counted(Kind.ANSWERED, self._office.answered(call))

    async def consent(self, call: str, heard: Heard) -> None:
        """Counted."""
        await self._counted(Kind.CONSENT, self._office.consent(call, heard))

    async def withdraw(self, call: str, by: str) -> None:
        """Counted."""
        await self._counted(Kind.WITHDRAWAL, self._office.withdraw(call, by))

    async def object(self, call: str, by: str) -> None:
        """Counted."""
        await self._counted(Kind.OBJECTION, self._office.object(call, by))

    async def called_back(self, called: str, caller: str) -> CalledBack | None:
        """As it is."""
        return await self._office.called_back(called, caller)

    async def object_calling_back(self, called: str, caller: str) -> None:
        """Counted."""
        await self._counted(Kind.OBJECTION, self._office.object_calling_back(called, caller))

    async def recording_key(self, call: str) -> RecordingKey | None:
        """As it is."""
        return await self._office.recording_key(call)

    async def record(self, kind: Kind, call: str | None, facts: dict[str, Json]) -> None:
        """Counted."""
        await self._counted(kind, self._office.record(kind, call, facts))

    async def close(self, call: str, facts: dict[str, Json]) -> None:
        """Counted."""
        await self._counted(Kind.CLOSED, self._office.close(call, facts))

    async def late(self, blocks: Sequence[LateBlock]) -> Sequence[LateBlock]:
        """Counted as verdicts, each once."""
        entered = await self._office.late(blocks)
        for block in entered:
            # The reason comes from the dialplan's database: one that is not ours must not make a label.
            known = block.reason in set(Reason)
            self._metrics.verdicts.labels("block", block.reason if known else "other").inc()
        return entered

    async def open_calls(self, pbx: str) -> Sequence[OpenCall]:
        """As it is."""
        return await self._office.open_calls(pbx)

    async def said(self, calls: Sequence[str], after: int | None) -> tuple[int, Sequence[Said]]:
        """As it is."""
        return await self._office.said(calls, after)

    async def _counted(self, kind: Kind, doing: Awaitable[T]) -> T:
        done = await doing
        self._metrics.happened.labels(kind).inc()
        return done
