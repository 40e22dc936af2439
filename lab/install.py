"""Which Asterisk the lab runs: the machine's own, the Debian root that lab/setup.sh made, or a container.

`python -m lab.install` prints the answer, or says what is missing and exits 1. lab/setup.sh asks it before there is a
virtual environment, so only the standard library is imported here.

The root is run without chroot, through its own dynamic loader: docs/decisions/0002-lab-asterisk-without-chroot.md.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.place import REPOSITORY

TEMPLATES = REPOSITORY / "asterisk" / "lab"
IMAGE = "callgate-asterisk"
OLDEST = 20
"""The first Asterisk whose dialplan and manager do what callgate builds on."""


class NoAsteriskError(Exception):
    """There is no Asterisk here that the lab can run; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Install:
    """An Asterisk on disk, or in an image."""

    command: tuple[str, ...]
    """What comes before Asterisk's own arguments; nothing for one in an image."""
    modules: Path
    data: Path
    """Where its sounds and its documentation are (`astdatadir`; without the documentation PJSIP does not load)."""
    image: str = ""
    """The image to run it from, where it is one."""


def cache() -> Path:
    """The folder that outlives a checkout: `CALLGATE_CACHE`, or callgate's own in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CALLGATE_CACHE") or Path(base) / "callgate")


def needed_modules(templates: Path = TEMPLATES) -> list[str]:
    """The file names that the lab's modules.conf loads."""
    return re.findall(r"^load *= *(\S+)$", (templates / "modules.conf").read_text(), re.MULTILINE)


def find() -> Install:
    """The Asterisk to run; `CALLGATE_ASTERISK` (system, root, docker) leaves no choice. Raises `NoAsteriskError`."""
    forced = os.environ.get("CALLGATE_ASTERISK", "")
    match forced:
        case "system":
            return system()
        case "root":
            return root(cache() / "asterisk-22")
        case "docker":
            return image()
        case "":
            try:
                return system()
            except NoAsteriskError:
                return root(cache() / "asterisk-22")
    raise NoAsteriskError(f"CALLGATE_ASTERISK is {forced!r}; say system, root or docker, or leave it unset")


def system() -> Install:
    """The `asterisk` on PATH. Raises `NoAsteriskError` when it is absent, too old, or lacks a module."""
    binary = shutil.which("asterisk", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise NoAsteriskError("no asterisk on PATH; lab/setup.sh asterisk fetches one")
    said = subprocess.run([binary, "-V"], capture_output=True, text=True, check=False).stdout.strip()
    version = re.match(r"Asterisk (?:GIT-|certified-)?(\d+)", said)
    if version is None or int(version[1]) < OLDEST:
        raise NoAsteriskError(f"{binary} says {said!r}; the lab needs Asterisk {OLDEST} or newer")
    return _complete((binary,), Path("/"))


def root(tree: Path) -> Install:
    """The Asterisk in a Debian tree. Raises `NoAsteriskError` when it is absent or lacks a module."""
    loader = next(tree.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"), None)
    if loader is None:
        raise NoAsteriskError(f"no Asterisk root at {tree}; make it with lab/setup.sh asterisk")
    libraries = f"{loader.parent}:{tree / 'usr/lib'}"
    return _complete((str(loader), "--library-path", libraries, str(tree / "usr/sbin/asterisk")), tree)


def image() -> Install:
    """The image that asterisk/Dockerfile makes, built where it is not. Raises `NoAsteriskError` when Docker cannot."""
    _docker("build", "--quiet", "--network", "host", "--tag", IMAGE, "--file", "asterisk/Dockerfile", ".")
    module = _docker("run", "--rm", "--entrypoint", "find", IMAGE, "/usr/lib", "-name", "chan_pjsip.so").strip()
    return Install((), Path(module).parent, Path("/usr/share/asterisk"), IMAGE)


def _docker(*words: str) -> str:
    try:
        done = subprocess.run(("docker", *words), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoAsteriskError("there is no docker command here; install Docker, or unset LAB") from None
    if done.returncode:
        raise NoAsteriskError(f"docker {words[0]} failed; does an engine answer?\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def _complete(command: tuple[str, ...], tree: Path) -> Install:
    modules = _first(
        tree, "usr/lib/*-linux-gnu/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules"
    )
    documentation = _first(tree, "usr/share/asterisk/documentation", "var/lib/asterisk/documentation")
    missing = [name for name in needed_modules() if not (modules / name).is_file()]
    if missing:
        raise NoAsteriskError(
            f"the Asterisk in {tree} lacks {', '.join(missing)}; set CALLGATE_ASTERISK to the other one"
        )
    return Install(command, modules, documentation.parent)


def _first(tree: Path, *patterns: str) -> Path:
    for pattern in patterns:
        if found := next(tree.glob(pattern), None):
            return found
    raise NoAsteriskError(f"the Asterisk in {tree} has none of {', '.join(patterns)}")


if __name__ == "__main__":
    try:
        found = find()
        print(found.image or " ".join(found.command))
    except NoAsteriskError as error:
        sys.exit(str(error))
