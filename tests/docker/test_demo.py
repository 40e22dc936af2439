"""`make demo` where only Docker is there: everything it needs is in the container."""

import json
import shutil
from pathlib import Path

import pytest

from lab.docker import engine
from lab.place import REPOSITORY

pytestmark = pytest.mark.docker

LEFT_OUT = (".git", ".venv", ".lab", "__pycache__", ".*_cache")
IMAGE = "callgate-lab-test"


def test_the_demo_needs_nothing_but_docker(tmp_path: Path) -> None:
    """The whole lab in one container: its Asterisk, its Redis, its voices and its Python are its own."""
    here = tmp_path / "checkout"
    shutil.copytree(REPOSITORY, here, ignore=shutil.ignore_patterns(*LEFT_OUT))
    with engine() as docker, docker.bases():
        asked = ("env", "IN_DOCKER=1", "ONCE=1", f"CALLGATE_LAB_IMAGE={IMAGE}", str(here / "lab" / "demo.sh"))
        try:
            said = docker.run(*asked, "consented", "national-list", within=900)
        finally:
            docker.run("docker", "rmi", "--force", IMAGE, check=False)
    assert said.count("as promised") == 2
    results = json.loads((here / ".lab" / "demo.json").read_text())
    assert results["ok"]
    assert [call["name"] for call in results["calls"]] == ["consented", "national-list"]
