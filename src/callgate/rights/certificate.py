"""The certificate of an erasure: what was erased where, when and by whom; what was kept, why and until when.

It is made from the request alone, so it can be made again at any time and is the same each time, also when nobody knows
the number any more. The statement is JSON, and signed as its text with the key that signs the ledger's checkpoints
(Ed25519, RFC 8032), behind a line that tells it from these:

    {"signature": HEX, "signer": HEX, "statement": "…"}
"""

import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callgate.core.events import Json
from callgate.core.refusals import Refusal
from callgate.core.requests import Answer, Request, Right, Stage
from callgate.rights.desk import Unfit
from callgate.stores.schema import dump

VERSION = 1
PREFIX = b"callgate certificate of erasure\n"

SUPPRESSION = "GDPR Art. 17(3)(b), 21(3)"
"""Why what stands for the person is kept without their number: so that nobody calls them again."""
PROOF = "GDPR Art. 5(2), 7(1), 17(3)(b) and (e)"
"""Why what proves consents, refusals, objections and this request is kept, restricted, until its term."""


def statement(request: Request, name: str, ledger: str) -> dict[str, Json]:
    """What is certified. `name` is the controller's, `ledger` the ledger's identity. Raises `Unfit`."""
    if request.right is not Right.ERASURE or request.stage is not Stage.CLOSED or request.done is None:
        waits = f", and waits for {', '.join(request.outstanding)}" if request.done else ""
        raise Unfit(Refusal.NOT_CLOSED, request=request.id, right=request.right, stage=request.stage, waits=waits)
    limit, identity, closed = request.deadline, request.identity, request.closed
    return {
        "certificate": VERSION,
        "ledger": ledger,
        "request": request.id,
        "controller": {"id": request.controller, "name": name},
        "person": request.masked,
        "language": request.language,
        "received": limit.received.isoformat(),
        "due": limit.due.isoformat(),
        "extended": limit.announced.isoformat() if limit.announced else None,
        "identified": {"at": identity.at.isoformat(), "by": identity.by} if identity else None,
        "closed": closed.isoformat() if closed else None,
        "erased": _erased(request),
        "kept": _kept(request),
    }


def sign(request: Request, name: str, ledger: str, signing: bytes) -> dict[str, str]:
    """The certificate. `signing` is the ledger's key. Raises `Unfit`."""
    text = dump(statement(request, name, ledger))
    key = Ed25519PrivateKey.from_private_bytes(signing)
    signature = key.sign(PREFIX + text.encode()).hex()
    return {"signature": signature, "signer": key.public_key().public_bytes_raw().hex(), "statement": text}


def is_signed(certificate: dict[str, str], signer: bytes) -> bool:
    """Whether it is as that key signed it."""
    try:
        signature, text = bytes.fromhex(certificate["signature"]), certificate["statement"]
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, PREFIX + text.encode())
    except (InvalidSignature, KeyError, ValueError):
        return False
    return certificate.get("signer") == signer.hex()


def said(certificate: dict[str, str]) -> dict[str, Any]:
    """What a certificate states."""
    found: dict[str, Any] = json.loads(certificate["statement"])
    return found


def _erased(request: Request) -> list[Json]:
    if request.done is None:
        return []
    facts, asking = request.done.facts, request.asking
    done: dict[str, Json] = {"at": request.done.at.isoformat(), "by": request.done.by}
    ours: list[Json] = [
        {"what": "contact", "where": "ledger", "events": asking.get("held"), "keys": facts.get("keys"), **done},
        {"what": "recordings", "where": "recordings", "files": facts.get("recordings"), **done},
        {"what": "counters", "where": "cache", **done},
        {"what": "consents", "where": "cache", **done},
    ]
    return ours + _answers(request, Answer.ERASED, Answer.NOTHING_HELD)


def _kept(request: Request) -> list[Json]:
    until = request.done.facts.get("kept_until") if request.done else None
    ours: list[Json] = [
        {"what": "suppression", "where": "ledger", "basis": SUPPRESSION, "until": None},
        {"what": "proof", "where": "ledger", "basis": PROOF, "until": until, "events": request.asking.get("kept")},
    ]
    return ours + _answers(request, Answer.KEPT)


def _answers(request: Request, *answers: Answer) -> list[Json]:
    return [
        {"what": "copy", "where": name, "answer": given.answer, "at": given.at.isoformat(), "by": given.by}
        for name, given in request.acknowledged.items()
        if given.answer in answers
    ]
