"""Policies as they were in force, kept word for word.

The ledger names a policy by its version. What that says is kept beside it, in the office's `state/policies`, in parts:
one for each company with its campaigns and contracts, one for each centre, one for what all share. Each part has a salt
of chance, and the ledger's event holds a SHA-256 over the digests of all parts. So a company can be given its own
parts, with the digests of the others, and see that these are the policy which the ledger names, and nothing of anybody
else.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from callgate import rules
from callgate.config import Settings
from callgate.core.events import Json
from callgate.stores.schema import dump

FOLDER = "policies"
SHARED = "shared"
"""The part that every company may see."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part: `of` is `shared`, `controller NAME` or `centre NAME`; `text` is JSON, salted, as it is hashed."""

    of: str
    text: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it was kept."""

    version: str
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """What the ledger holds of it: SHA-256 over the sorted digests of the parts, in hexadecimal."""
        return hashlib.sha256(b"".join(sorted(part.digest for part in self.parts))).hexdigest()

    def shown_to(self, controller: str | None) -> dict[str, Json]:
        """For a bundle: the parts that concern this controller (None: all of them), and the digests of the others."""
        named = _names(self, controller)
        texts: list[Json] = [part.text for part in self.parts if part.of in named]
        others: list[Json] = [*sorted(part.digest.hex() for part in self.parts if part.of not in named)]
        return {"version": self.version, "parts": texts, "others": others, "digest": self.digest}


def _names(kept: Kept, controller: str | None) -> Container[str]:
    if controller is None:
        return {part.of for part in kept.parts}
    own = f"controller {controller}"
    said = [json.loads(part.text) for part in kept.parts if part.of == own]
    return {SHARED, own, *(f"centre {mandate['centre']}" for one in said for mandate in one["mandates"])}


def keep(folder: Path, version: str, settings: Settings) -> str:
    """Keep the policy of these settings, if it is not kept yet; its digest. Raises OSError."""
    path = folder / f"{version}.json"
    kept = _read(path)
    if kept is None:
        kept = Kept(version, tuple(_parts(settings)))
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".{version}.{os.getpid()}.part"
        new.write_text(json.dumps({"parts": [[part.of, part.text] for part in kept.parts]}, indent=1), "utf-8")
        new.replace(path)
    return kept.digest


def read(folder: Path, version: str, digest: str) -> Kept | None:
    """The policy of this version and digest, as it was kept; None where it was not, or was changed since."""
    kept = _read(folder / f"{version}.json") if version.isalnum() else None
    return kept if kept is not None and kept.digest == digest else None


def _read(path: Path) -> Kept | None:
    try:
        parts = json.loads(path.read_text("utf-8"))["parts"]
        return Kept(path.stem, tuple(Part(str(of), str(text)) for of, text in parts))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parts(settings: Settings) -> Iterator[Part]:
    said = settings.model_dump(mode="json", exclude={"lists": {"__all__": {"fetch"}}})
    yield _part(SHARED, {key: said[key] for key in ("site", "lists", "law")} | {"packs": rules.digest().hex()})
    for name, table in said["controllers"].items():
        own: dict[str, Json] = {
            "controller": {"id": name, **table},
            "campaigns": {key: one for key, one in said["campaigns"].items() if one["controller"] == name},
            "mandates": [one for one in said["mandates"] if one["controller"] == name],
        }
        yield _part(f"controller {name}", own)
    for name, table in said["centres"].items():
        yield _part(f"centre {name}", {"centre": {"id": name, **table}})


def _part(of: str, said: dict[str, Json]) -> Part:
    return Part(of, dump({"of": of, "salt": secrets.token_hex(16), **said}))
