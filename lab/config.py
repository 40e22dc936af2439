"""The files that a lab's programs read: templates with the lab's own addresses, folders and secrets filled in.

A template says `@NAME@` where a value goes. Nothing else is special, so the dialplan's ${…} and $[…] stand as they are.
"""

import math
import re
import secrets
import struct
import wave
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lab.install import Install
from lab.place import REPOSITORY, Place

ASTERISK = REPOSITORY / "asterisk"
SITE_CALLERID = "+3225551234"
SECRETS = ("ami-callgate", "ami-lab", "hmac-key", "ledger-keys", "token-key")
"""Made for each lab, one file each, readable by its owner alone."""

EMPTY = ("acl", "ccss", "pjproject", "queuerules", "udptl")
"""Configuration files without which Asterisk reports an error at start; the defaults are right."""


class TemplateError(Exception):
    """A template asks for a value that the lab does not know."""


def render(template: Path, values: Mapping[str, str]) -> str:
    """The text of `template` with every @NAME@ replaced. Raises `TemplateError` with the names that have no value."""
    text = template.read_text()
    names = re.findall(r"@([A-Z][A-Z0-9_]*)@", text)
    if missing := sorted({name for name in names if name not in values}):
        raise TemplateError(f"{template}: no value for {', '.join(missing)}; the lab knows {', '.join(sorted(values))}")
    return re.sub(r"@([A-Z][A-Z0-9_]*)@", lambda match: values[match[1]], text)


def values(place: Place) -> dict[str, str]:
    """What a template may ask for: addresses with and without port, folders, and the secrets once they are made."""
    addresses = {
        name: getattr(place, name.lower())
        for name in (
            "SIP",
            "AMI",
            "AGI",
            "HTTP",
            "REDIS",
            "BRUSSELS",
            "LILLE",
            "CASABLANCA",
            "GHENT",
            "LIEGE",
            "CARRIER",
            "CARRIER2",
        )
    }
    folders = {
        "ASTERISK": place.asterisk,
        "ETC": place.etc,
        "LOGS": place.logs,
        "PROMPTS": place.prompts,
        "RECORDINGS": place.recordings,
        "RUN": place.run,
        "SECRETS": place.secrets,
        "STATE": place.state,
    }
    return (
        {name: str(address) for name, address in addresses.items()}
        | {f"{name}_HOST": address.host for name, address in addresses.items()}
        | {f"{name}_PORT": str(address.port) for name, address in addresses.items()}
        | {name: str(folder) for name, folder in folders.items()}
        | {"NET": place.net, "PBX": place.pbx, "AMI_CLIENT": "127.0.0.1", "SITE_CALLERID": SITE_CALLERID}
        | {"SINCE": datetime.now(UTC).isoformat()}
        | {"AMI_SECRET": secret(place, "ami-callgate"), "AMI_LAB_SECRET": secret(place, "ami-lab")}
    )


def secret(place: Place, name: str) -> str:
    """The text of one of the lab's secrets."""
    return (place.secrets / name).read_text().strip()


def make_secrets(place: Place) -> None:
    """New secrets for this lab."""
    place.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SECRETS:
        file = place.secrets / name
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32) + "\n")
    # Lines of a name and a key: callgate.stores.encoding.
    (place.secrets / "hmac-key").write_text(f"lab {secrets.token_hex(32)}\n")
    # callgate.stores.ledger.keyfile
    lines = (f"{what} {secrets.token_hex(32)}\n" for what in ("master lab", "index", "signing"))
    (place.secrets / "ledger-keys").write_text("".join(lines))


def write_asterisk(place: Place, install: Install, emergency: str) -> None:
    """Asterisk's etc folder from `asterisk/` and `asterisk/lab/`, and the folders that it wants to find."""
    for folder in ("db", "keys", "agi", "cache", "music", "spool/monitor", "spool/outgoing", "spool/tmp"):
        (place.asterisk / folder).mkdir(parents=True, exist_ok=True)
    place.recordings.chmod(0o700)  # callgate records into no folder that others may use
    place.etc.mkdir(exist_ok=True)
    known = values(place) | {"MODULES": str(install.modules), "DATA": str(install.data)}
    for template in (*ASTERISK.glob("callgate*.conf"), *(ASTERISK / "lab").glob("*.conf")):
        rendered = place.etc / template.name
        rendered.touch(mode=0o600)  # manager.conf holds secrets
        rendered.write_text(render(template, known))
    for name in EMPTY:
        (place.etc / f"{name}.conf").touch()
    (place.etc / "callgate-emergency.conf").write_text(emergency)
    write_hum(place.asterisk / "music" / "hum.wav")


def write_hum(file: Path) -> None:
    """Two seconds of 200 Hz: music on hold that no test tone can be taken for."""
    rate = 8000
    samples = (round(2000 * math.sin(2 * math.pi * 200 * n / rate)) for n in range(2 * rate))
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
