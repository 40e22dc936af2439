"""A ledger of two companies, and bundles of it: as exported, and as somebody with the key would change them."""

import json
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from callgate import config
from callgate.config import Settings
from callgate.core.access import Principal, Role
from callgate.core.events import Event, Json, Kind
from callgate.evidence.archive import Archive, written
from callgate.evidence.export import Done, Order, export
from callgate.evidence.policies import FOLDER, keep
from callgate.evidence.selection import Selection
from callgate.stores.ledger import Ledger
from callgate.stores.tokens import stored_tokens
from tests.core.test_config import GOOD
from tests.stores.conftest import LEDGER_KEYS, TOKENS, postgres, url

__all__ = ["postgres", "url"]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANNA, BRAM, CLEO = "+33199000042", "+32470000077", "+442079460001"
OFFICER = Principal("An Officer", Role.OFFICER)
SOUND = "ab" * 32

OTHER = """
[controllers.rival]
name = "The Rival"
privacy_policy = { fr = "rival point example", en = "rival dot example" }

[campaigns.secret]
controller = "rival"
purpose = "marketing"
caller_id = "+3225550198"
spoken_purpose = { en = "a secret" }
languages = { GB = "en" }

[[mandates]]
controller = "rival"
centre = "brussels"
reference = "DPA-RIVAL"
expires = 2030-01-01
"""


def event(kind: Kind, minutes: int, call: str | None, number: str | None, whose: str | None, **said: Json) -> Event:
    return Event(kind, NOW + timedelta(minutes=minutes), call, number, whose, said)


def happened(kept: str, version: str) -> list[Event]:
    """A day of both companies."""
    heard: list[Json] = [
        {"name": "identification/spring/brussels", "language": "fr", "sha256": SOUND, "text": "Bonjour, ici Bruxelles.",
         "milliseconds": 6000, "whole": True},
    ]  # fmt: skip
    allow = {"outcome": "allow", "reason": "clear", "purpose": "marketing", "policy": version}
    block = {"outcome": "block", "reason": "objection", "purpose": "marketing", "policy": version}
    return [
        event(Kind.POLICY_LOADED, 0, None, None, None, policy=version, before=None, kept=kept),
        event(Kind.VERDICT, 1, "a1", ANNA, "acme", **allow, campaign="spring", agent="PJSIP/7"),
        event(Kind.VERDICT, 2, "r1", CLEO, "rival", **allow, campaign="secret", agent="PJSIP/8"),
        event(Kind.NOTICE, 3, "a1", ANNA, "acme", prompts=heard),
        event(Kind.CONSENT, 4, "a1", ANNA, "acme", key="1", heard=heard),
        event(Kind.ALARM, 5, "r1", None, None, alarm="of the rival's call"),
        event(Kind.ALARM, 5, "a1", None, None, alarm="of acme's call"),
        event(Kind.OBJECTION, 6, "a1", ANNA, "acme", scope="controller", by="callee", source="call"),
        event(Kind.CLOSED, 7, "a1", ANNA, "acme", seconds=60),
        event(Kind.VERDICT, 8, "r2", BRAM, "rival", **block, campaign="secret"),
        event(Kind.VERDICT, 9, "a2", ANNA, "acme", **block, campaign="spring"),
        event(Kind.VERDICT, 10, "a3", BRAM, "acme", **allow, campaign="spring"),
    ]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "callgate.toml"
    text = GOOD.replace('state = "state"', f'state = "{tmp_path}/state"').replace('"prompts"', f'"{tmp_path}/prompts"')
    file.write_text(text + OTHER)
    return config.load(file, {})


async def opened(url: str, writer: str = "office") -> Ledger:
    tokens = partial(stored_tokens, TOKENS)
    return await Ledger.open(url, writer, lambda: NOW, keys=LEDGER_KEYS, tokens=tokens, append_within=5)


async def fill(ledger: Ledger, settings: Settings) -> None:
    """Four checkpoints, with two writers."""
    version = config.to_policy(settings).version
    events = happened(keep(settings.office.state / FOLDER, version, settings), version)
    for at in range(0, len(events), 3):
        await ledger.append(events[at : at + 3])
        await ledger.checkpoint(NOW + timedelta(minutes=at))


@pytest.fixture
async def ledger(tmp_path: Path, settings: Settings) -> AsyncIterator[Ledger]:
    made = await opened(f"sqlite:///{tmp_path}/ledger.db")
    await fill(made, settings)
    yield made
    await made.close()


Export = Callable[..., object]


async def exported(ledger: Ledger, settings: Settings, to: Path, who: Principal = OFFICER, **asked: object) -> Done:
    """A bundle; `asked` are fields of the order and of its selection."""
    of_order = {name: asked.pop(name) for name in ("reveal", "links", "audio", "because") if name in asked}
    order = Order(Selection(**asked), **of_order)  # type: ignore[arg-type]
    return await export(ledger, settings, order, who, to, clock=lambda: NOW + timedelta(hours=1))


def contents(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def rebuilt(files: dict[str, bytes], to: Path, signing: bytes = LEDGER_KEYS.signing) -> Path:
    """A bundle of these files whose manifest and seal fit, as whoever holds the key could make it."""
    said = json.loads(files["manifest.json"])
    said.pop("files")
    with written(to, signing) as archive:
        put_all(archive, files)
        archive.end(said)
    return to


def put_all(archive: Archive, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if name != "manifest.json":
            archive.put(name, content)


def events_of(files: dict[str, bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in files["events.jsonl"].splitlines()]
