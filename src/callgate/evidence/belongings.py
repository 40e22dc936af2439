"""What belongs to the events of a bundle: the policies, prompts, contracts and lists that they speak of."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from callgate import config
from callgate.config import Settings
from callgate.core import processing
from callgate.core.events import Json
from callgate.evidence.policies import FOLDER, read
from callgate.evidence.statistics import Statistics
from callgate.prompts.catalogue import SETS, Manifest
from callgate.prompts.errors import SetDamaged
from callgate.stores.errors import ListRefused
from callgate.stores.lists.file import open_list


def policies(settings: Settings, statistics: Statistics, controller: str | None) -> list[dict[str, Json]]:
    """The policies that the events name as loaded, as far as they were kept; of others their version."""
    found: list[dict[str, Json]] = []
    for version, digest in sorted(statistics.policies.items()):
        kept = read(settings.office.state / FOLDER, version, digest)
        found.append(
            kept.shown_to(controller) if kept else {"version": version, "parts": [], "others": [], "digest": digest}
        )
    return found


@dataclass(frozen=True, slots=True)
class Audio:
    """A prompt as it lies on disk. `path` has its WAV, whose SHA-256 is `sha256`."""

    sha256: str
    path: Path


def prompts(statistics: Statistics) -> list[dict[str, Json]]:
    """The prompts that callees heard: words and audio hash are in the ledger with each playing."""
    return [
        {
            "name": heard.name,
            "language": heard.language,
            "text": heard.text,
            "sha256": audio,
            "played": heard.played,
            "whole": heard.whole,
        }
        for audio, heard in sorted(statistics.heard.items())
    ]


def audio(settings: Settings, statistics: Statistics) -> Iterator[Audio]:
    """The audio of the prompts that callees heard, as far as it is still on disk and what it was."""
    wanted = set(statistics.heard)
    for root in (settings.prompts.folder, *sorted((settings.prompts.folder / SETS).glob("*"))):
        try:
            manifest = Manifest.read(root)
        except SetDamaged:
            continue
        for entry in manifest.prompts:
            path = root / f"{entry.path}.wav"
            if entry.sha256 in wanted and _is(path, entry.sha256):
                wanted.discard(entry.sha256)
                yield Audio(entry.sha256, path)


def _is(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def contracts(settings: Settings, controller: str | None, day: date) -> list[Mapping[str, Json]]:
    """Of each mandate what must hold, and whether it does on this day, by the configuration that is in force now."""
    policy = config.to_policy(settings)
    rows: list[Mapping[str, Json]] = []
    for (whose, centre), mandate in sorted(policy.mandates.items()):
        if controller in (None, whose):
            rows += [
                {
                    "controller": whose,
                    "centre": centre,
                    "reference": mandate.reference,
                    "what": term.name,
                    "holds": "yes" if term.passed else "no",
                    "saw": term.saw,
                    "until": None if term.until == date.max else term.until.isoformat(),
                    "source": term.source,
                }
                for term in processing.terms(policy, whose, policy.centres[centre], day)
            ]
    return rows


def lists(settings: Settings) -> list[Mapping[str, Json]]:
    """The national lists on disk; when each version came into force is among the events."""
    rows: list[Mapping[str, Json]] = []
    for name in sorted(settings.lists):
        try:
            found = open_list(settings.office.state / "lists" / f"{name}.list")
        except (OSError, ListRefused):
            rows.append({"list": name, "version": None, "true_at": None, "numbers": None, "source": "no file"})
            continue
        of = found.of
        rows.append(
            {
                "list": name,
                "version": of.version,
                "true_at": of.scrubbed_at.isoformat(),
                "numbers": found.count,
                "source": of.source,
            }
        )
    return rows
