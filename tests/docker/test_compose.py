"""docker-compose.yml, built and run by a real engine: one call is blocked, one is consented to and recorded."""

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from lab.docker import Engine, engine
from lab.place import REPOSITORY

pytestmark = pytest.mark.docker

PROJECT = "callgate-test"
OPEN_HOURS = "2026-11-24T13:00:00Z"
"""When French law lets a consumer be called."""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as serving, serving.bases():
        yield serving


@pytest.fixture(scope="module")
def composed(docker: Engine) -> Iterator[Engine]:
    subprocess.run((REPOSITORY / "docker" / "secrets.sh",), check=True)
    ports = {"CALLGATE_PORT": "0", "SIP_PORT": "0", "COMPOSE_PROJECT_NAME": PROJECT}
    up = Engine({**docker.environment, **ports, "CALLGATE__LAB__NOW": OPEN_HOURS})
    up.compose("--profile", "demo", "build", within=1500)
    try:
        up.compose("up", "--detach", "--wait", within=180)
        yield up
    finally:
        up.compose("--profile", "demo", "down", "--volumes", "--timeout", "10")


def ledger(composed: Engine) -> list[dict[str, object]]:
    said = composed.compose("exec", "-T", "callgate", "callgate", "ledger", "show", "--json", "-c", CONFIG)
    found: list[dict[str, object]] = json.loads(said)
    return found


CONFIG = "/etc/callgate/callgate.toml"


def test_one_call_is_blocked_and_one_is_consented_to_and_recorded(composed: Engine) -> None:
    composed.compose(
        "exec", "-T", "callgate", "sh", "-c",
        f"echo +442079460201 | callgate lists import - --list uk-tps -c {CONFIG}",
    )  # fmt: skip
    composed.compose(
        "exec", "-T", "callgate", "sh", "-c",
        "printf 'number,given,proof\\n+33199001201,2026-11-01,form 1\\n'"
        f" | callgate consents import - --controller acme -c {CONFIG}",
    )  # fmt: skip
    said = composed.compose("--profile", "demo", "run", "--rm", "agent", within=120)
    blocked, talked = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert blocked == {"dialled": "00442079460201", "answered": False, "status": 403, "told_why": True}
    assert talked == {"dialled": "0033199001201", "answered": True, "heard_callee": True}
    events = ledger(composed)
    verdicts = [event["payload"] for event in events if event["event"] == "verdict"]
    assert [payload["reason"] for payload in verdicts if isinstance(payload, dict)] == ["national-list", "clear"]
    kinds = [event["event"] for event in events if event["call"] == events[-1]["call"]]
    assert kinds.index("consent") < kinds.index("recording-started") < kinds.index("recording-sealed")
    assert composed.compose("exec", "-T", "callgate", "ls", "/var/spool/callgate") == ""


def test_callgate_is_not_root_and_cannot_become_it(composed: Engine) -> None:
    assert composed.compose("exec", "-T", "callgate", "id", "-u").strip() == "10001"
    status = composed.compose("exec", "-T", "callgate", "cat", "/proc/1/status")
    facts = dict(re.findall(r"^(\w+):\s*(\S+)$", status, re.MULTILINE))
    assert facts["NoNewPrivs"] == "1"
    assert int(facts["CapBnd"], 16) == 0


def test_ports_are_published_on_loopback_only(composed: Engine) -> None:
    said = composed.compose("--profile", "demo", "ps", "--format", "json")
    services = (json.loads(line) for line in said.splitlines())
    published = {at["URL"] for service in services for at in service["Publishers"] or () if at["PublishedPort"]}
    assert published == {"127.0.0.1"}


def test_the_host_sees_callgate_ready_on_its_published_port(composed: Engine) -> None:
    where = composed.compose("port", "callgate", "8080").strip()
    with urllib.request.urlopen(f"http://{where}/readyz", timeout=5) as answer:
        assert json.load(answer) == {"ready": True, "missing": []}


def test_down_leaves_nothing(docker: Engine, composed: Engine) -> None:
    composed.compose("--profile", "demo", "down", "--volumes", "--timeout", "10")
    label = f"label=com.docker.compose.project={PROJECT}"
    assert docker.run("docker", "ps", "--all", "--quiet", "--filter", label) == ""
    assert docker.run("docker", "volume", "ls", "--quiet", "--filter", label) == ""
    assert docker.run("docker", "network", "ls", "--quiet", "--filter", label) == ""
    assert os.access(REPOSITORY / "docker" / "secrets" / "ami", os.R_OK)
