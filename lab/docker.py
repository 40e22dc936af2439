"""A Docker engine for the test of docker-compose.yml: the machine's own, or one started by hand; and its base images.

Where no image registry can be reached, a Debian tree from the cache (`lab/setup.sh docker`) is imported under the name
that a Dockerfile's ARG expects.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.install import cache
from lab.place import REPOSITORY
from lab.process import LabError

BASES = {
    "python:3.13-slim-trixie": "docker-base",
    "redis:7-bookworm": "docker-base",
    "debian:sid-slim": "asterisk-22",
}
"""Image name → the tree in the cache that stands in for it."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine to talk to."""

    environment: Mapping[str, str]

    def run(self, *words: str, within: float = 120, check: bool = True) -> str:
        """Run a program with this engine; its output. Raises `LabError` with the end of it when it fails."""
        done = subprocess.run(
            words, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=within, check=False
        )
        if check and done.returncode:
            raise LabError(f"{' '.join(words)}:\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def compose(self, *words: str, within: float = 600, check: bool = True) -> str:
        """`docker compose`, from the cache where the machine has none."""
        own = cache() / "docker-compose"
        program = (str(own),) if own.exists() else ("docker", "compose")
        return self.run(*program, *words, within=within, check=check)

    @contextmanager
    def bases(self) -> Iterator[None]:
        """Every base image is there while this lasts. A name that was lent to a tree from the cache is taken back."""
        with ExitStack() as lent:
            for image, tree in BASES.items():
                if not self._has(image):
                    self._import(cache() / tree, image)
                    lent.callback(self.run, "docker", "rmi", "--no-prune", image, check=False)
            yield

    def _has(self, image: str) -> bool:
        if self.run("docker", "images", "--quiet", image):
            return True
        self.run("docker", "pull", "--quiet", image, within=600, check=False)
        return bool(self.run("docker", "images", "--quiet", image))

    def _import(self, tree: Path, image: str) -> None:
        with tempfile.TemporaryDirectory() as trusting:
            more = () if (tree / "etc" / "pip.conf").exists() else _trust(Path(trusting))
            tar = ("tar", "-c", "-C", str(tree), ".", *more)
            into = ("docker", "import", "-", image)
            with subprocess.Popen(tar, stdout=subprocess.PIPE) as packed:
                subprocess.run(into, env=self.environment, stdin=packed.stdout, stdout=subprocess.DEVNULL, check=True)
        if packed.returncode:
            raise LabError(f"the tree {tree} could not be read; run lab/setup.sh docker")


def _trust(folder: Path) -> tuple[str, ...]:
    """Builds inside trust whom this machine trusts: what tar is to add, from `folder`."""
    ours = Path("/etc/ssl/certs/ca-certificates.crt")
    if not ours.exists():
        return ()
    (folder / "etc").mkdir()
    shutil.copy(ours, folder / "etc" / "machine.crt")
    (folder / "etc" / "pip.conf").write_text("[global]\ncert = /etc/machine.crt\n")
    return "-C", str(folder), "etc/machine.crt", "etc/pip.conf"


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine while this lasts: the one that answers, or one of our own.

    Of that nothing stays but what dockerd never takes back: its chains in iptables, and DROP as the policy of FORWARD.
    """
    environment = {**os.environ, "DOCKER_BUILDKIT": "0", "BUILD_NETWORK": "host"}
    if subprocess.run(("docker", "info"), env=environment, capture_output=True, check=False).returncode == 0:
        yield Engine(environment)
        return
    folder = Path(tempfile.mkdtemp(prefix="callgate-docker-"))
    socket = f"unix://{folder}/socket"
    command = (
        "setpriv", "--pdeathsig", "TERM", "dockerd", "--host", socket, "--data-root", str(folder / "data"),
        "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"), "--bridge", "none",
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _until_it_serves(daemon, environment | {"DOCKER_HOST": socket}, folder / "log")
        yield Engine(environment | {"DOCKER_HOST": socket})
    finally:
        daemon.terminate()
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(30)
        daemon.kill()
        daemon.wait()
        # The namespace that containers with the host's network share stays mounted after dockerd's end.
        for mounted in (folder / "exec" / "netns").glob("*"):
            subprocess.run(("umount", mounted), capture_output=True, check=False)
        shutil.rmtree(folder)


def _until_it_serves(daemon: "subprocess.Popen[bytes]", environment: Mapping[str, str], log: Path) -> None:
    for _ in range(300):
        if subprocess.run(("docker", "info"), env=environment, capture_output=True, check=False).returncode == 0:
            return
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(0.1)
            break
    raise LabError(f"no Docker engine came up:\n{log.read_text(errors='replace')[-2000:]}")
