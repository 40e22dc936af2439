"""What goes with a recording that leaves the house: the proof that it was agreed to, and that it is the one.

JSON. Of each event of the call that speaks of consent and recording: what it says (of a consent the words, the hash of
the audio from which they were heard, how far it had played, the key), its place in the ledger, and all from which its
hash is computed, but for the names that it is about. With `callgate/core/chain.py`, which imports nothing but the
standard library, anybody can compute `commitment` from `salt`, `body` and `sealed`, and `hash` from that and `before`;
the checkpoint signs where the chains stood (Ed25519). `sealed` stays sealed: there is no number in a proof.
"""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from callgate.core.events import Json, Kind
from callgate.recordings.listening import Recording
from callgate.stores.ledger import Ledger
from callgate.stores.schema import checkpoints, events

FORMAT = "callgate-proof-of-recording-1"
KINDS = (
    Kind.NOTICE,
    Kind.CONSENT,
    Kind.REFUSAL,
    Kind.WITHDRAWAL,
    Kind.RECORDING_STARTED,
    Kind.RECORDING_SEALED,
    Kind.RECORDING_DESTROYED,
)
SHOWN = ("call", "controller", "campaign", "centre", "agent", "seconds", "sha256", "sealed_sha256", "format", "whole")


async def proof_of(ledger: Ledger, recording: Recording) -> dict[str, Json]:
    """The proof of a recording. Raises `LedgerUnavailable`."""
    named = [kind.value for kind in KINDS]
    rows = await ledger.rows(
        sa.select(events).where(events.c.call == recording.call, events.c.kind.in_(named)).order_by(events.c.seq)
    )
    said = {key: value for key, value in asdict(recording).items() if key in SHOWN}
    return {
        "proof": FORMAT,
        "ledger": ledger.identity,
        "recording": said | {"sealed_at": recording.at.isoformat(), "left": "callee", "right": "agent"},
        "events": [_event(row, await _before(ledger, row)) for row in rows],
        "checkpoint": await _checkpoint(ledger),
    }


async def _before(ledger: Ledger, row: sa.Row[Any]) -> str | None:
    """The hash of the writer's event before; None where this is its first."""
    found = await ledger.rows(sa.select(events.c.hash).where(events.c.writer == row.writer, events.c.n == row.n - 1))
    return found[0].hash.hex() if found else None


def _event(row: sa.Row[Any], before: str | None) -> dict[str, Json]:
    texts = ("writer", "at", "kind", "call", "controller", "body")
    numbers = ("seq", "n", "mark", "version")
    binary = ("subject", "salt", "sealed", "commitment", "hash")
    return (
        {name: getattr(row, name) for name in (*texts, *numbers)}
        | {name: getattr(row, name).hex() if getattr(row, name) is not None else None for name in binary}
        | {"before": before}
    )


async def _checkpoint(ledger: Ledger) -> Json:
    """The newest one; None where there is none yet."""
    found = await ledger.rows(sa.select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1))
    if not found:
        return None
    row = found[0]
    said: dict[str, Json] = {"number": row.number, "statement": row.statement}
    return said | {"signer": row.signer.hex(), "signature": row.signature.hex()}
