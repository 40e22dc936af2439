"""What callgate measures of itself: true, of nobody in particular, and named as the alert rules name it."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from callgate.boundary import LateBlock
from callgate.config import Http
from callgate.core.access import Role
from callgate.core.gate import CallRequest
from callgate.front import watch
from callgate.live import Live
from callgate.watching.metrics import MeasuredOffice, Metrics, Reading
from tests.stores.conftest import NOW
from tests.web.world import POLICY, World, a_world

RULES = Path(__file__).parents[2] / "monitoring" / "alerts.yml"
CALL = {"number": "0033199001201", "campaign": "spring", "centre": "brussels"}
SUFFIXES = ("_bucket", "_count", "_sum", "_total", "_created")


async def scraped(metrics: Metrics) -> dict[str, float]:
    lines = (await metrics.text()).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


@pytest.mark.server
async def test_verdicts_are_counted_by_reason_and_timed_and_no_number_is_in_it(world: World) -> None:
    token = await world.user("machine", Role.MACHINE)
    for _ in range(2):
        await world.ask("POST", "/api/v1/calls", token, json=CALL)
    text = await (await world.ask("GET", "/metrics", token)).text()
    assert 'callgate_verdicts_total{outcome="allow",reason="clear"} 1.0' in text
    assert 'callgate_verdicts_total{outcome="block",reason="in-progress"} 1.0' in text
    assert "callgate_gate_seconds_count 2.0" in text
    assert "199001201" not in text


@pytest.mark.server
async def test_a_block_that_is_read_twice_from_the_dialplan_is_counted_once(world: World) -> None:
    metrics = Metrics()
    office = MeasuredOffice(world.services.office, metrics)
    asked = CallRequest("pbx", "1.1", "", "0033199001201", "", "brussels", "")
    for _ in range(2):
        await office.late([LateBlock("pbx-1.1", NOW, asked, "callgate-timeout")])
    counted = await scraped(metrics)
    assert counted['callgate_verdicts_total{outcome="block",reason="callgate-timeout"}'] == 1


@pytest.mark.server
async def test_a_commit_is_timed_and_one_that_failed_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = world.services.metrics
    world.ledger.timed = metrics.time_commit
    token = await world.user("officer", Role.OFFICER)
    await world.ask("GET", "/api/v1/calls", token)
    before = await scraped(metrics)
    assert (before["callgate_ledger_commit_seconds_count"], before["callgate_ledger_commit_failures_total"]) == (1, 0)

    def away(_: object) -> None:
        raise OSError

    monkeypatch.setattr(world.ledger.backend, "commit", away)
    await world.ask("GET", "/api/v1/calls", token)
    assert (await scraped(metrics))["callgate_ledger_commit_failures_total"] == 1


async def test_what_others_add_is_read_whenever_somebody_looks() -> None:
    metrics, due = Metrics(), {"access": 3, "erasure": 1}

    async def read() -> Iterable[Reading]:
        return [({"kind": kind}, count) for kind, count in due.items()]

    metrics.watch("callgate_deadlines", "Requests that are due.", ["kind"], read)
    assert (await scraped(metrics))['callgate_deadlines{kind="access"}'] == 3
    due.pop("access")
    assert 'callgate_deadlines{kind="access"}' not in await scraped(metrics)


async def test_what_cannot_be_read_is_left_out_and_said() -> None:
    metrics = Metrics()

    async def fail() -> Iterable[Reading]:
        raise OSError

    metrics.watch("callgate_deliveries", "Deliveries under way.", [], fail)
    told = await scraped(metrics)
    assert "callgate_deliveries" not in told
    assert told['callgate_metrics_unread_total{metric="callgate_deliveries"}'] == 1


async def test_alarms_are_counted() -> None:
    live, metrics = Live(lambda: NOW), Metrics()
    following = asyncio.create_task(metrics.follow(live))
    await asyncio.sleep(0)
    live.tell("alarm", alarm="list-stale")
    live.tell("block", reason="objection")
    await asyncio.sleep(0)
    assert (await scraped(metrics))['callgate_alarms_total{alarm="list-stale"}'] == 1
    following.cancel()


@pytest.mark.server
@pytest.mark.parametrize("allowed", [False, True])
async def test_on_loopback_metrics_are_open_where_the_configuration_says_so(tmp_path: Path, allowed: bool) -> None:
    async with a_world(tmp_path, Http(metrics_on_loopback=allowed)) as world:
        assert (await world.ask("GET", "/metrics")).status == (200 if allowed else 401)
        assert (await world.ask("GET", "/api/v1/calls")).status == 401
        assert (await world.ask("GET", "/metrics", X_Forwarded_For="203.0.113.9")).status == 403


# The alert rules.


def names() -> frozenset[str]:
    """Every metric that there is, without what its kind puts behind the name."""
    metrics = Metrics()
    parts: Any = type("Parts", (), {
        "metrics": metrics, "node": None, "settings": type("S", (), {"pbx": type("P", (), {"name": "lab"})}),
        "policy": lambda: POLICY, "keeper": None, "cache": None, "clock": None,
    })  # fmt: skip
    watch(parts)
    return metrics.names


def _of_a_kind(name: str, known: frozenset[str]) -> bool:
    """Whether it is a known metric's, with what its kind puts behind the name."""
    return any(name.endswith(suffix) and name.removesuffix(suffix) in known for suffix in SUFFIXES)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_names_metrics_that_there_are(rule: dict[str, Any]) -> None:
    known = names()
    used = set(re.findall(r"callgate_\w+", rule["expr"]))
    assert {name for name in used if name not in known and not _of_a_kind(name, known)} == set()
    assert used or rule["expr"].startswith("up{")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_says_what_it_means_for_calls_and_how_urgent_it_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
