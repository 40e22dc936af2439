"""Standard Webhooks, both ways: what we send is signed, and so is every answer that is believed.

A signature is `v1,` and the Base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY` (standardwebhooks.com, symmetric). Of the
library its signing is used, and not its `verify`: that reads the machine's clock, and raises whatever comes on a header
that is not as it should be. An answer carries the id of the question, so that none passes for the answer to another.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standardwebhooks import Webhook

from callgate.partners.errors import NotBelieved

TOLERANCE = timedelta(minutes=5)
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_BYTES = 24
"""The fewest that the standard recommends."""


class Signer:
    """Signs and checks with one secret, which both sides hold."""

    def __init__(self, secret: bytes) -> None:
        self._webhook = Webhook(secret)

    def headers(self, message: str, at: datetime, body: bytes) -> dict[str, str]:
        """The three headers of a message."""
        moment = at.astimezone(UTC)
        signature = self._webhook.sign(message, moment, body.decode())
        return {ID: message, TIMESTAMP: str(int(moment.timestamp())), SIGNATURE: signature}

    def check(self, headers: Mapping[str, str], body: bytes, *, message: str, now: datetime) -> None:
        """Raises `NotBelieved` unless these are the headers of an answer to `message`, signed about now."""
        if headers.get(ID) != message:
            raise NotBelieved(f"the answer has not the {ID} of the question")
        try:
            at = datetime.fromtimestamp(int(headers.get(TIMESTAMP, "")), UTC)
            expected = self._webhook.sign(message, at, body.decode()).encode()
        except (ValueError, OverflowError, OSError):
            raise NotBelieved("the answer is not signed") from None
        if abs(now - at) > TOLERANCE:
            raise NotBelieved("the answer was signed at another time: is a clock wrong?")
        given = headers.get(SIGNATURE, "").encode(errors="replace").split(b" ")
        if not any(hmac.compare_digest(expected, one) for one in given):
            raise NotBelieved("the answer is not signed with the partner's secret")


def read_signing_secret(path: Path, secret: bytes) -> Signer:
    """The signer of a secret as the standard writes it: `whsec_` and Base64. Raises ValueError, which names `path`."""
    try:
        key = base64.b64decode(secret.decode().removeprefix("whsec_"), validate=True)
    except (UnicodeDecodeError, binascii.Error):
        key = b""
    if len(key) < SECRET_BYTES:
        raise ValueError(f"{path} holds no signing secret: write whsec_ and {SECRET_BYTES} bytes or more in Base64")
    return Signer(key)
