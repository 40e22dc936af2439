"""What is signed, and what is believed of it."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from callgate.partners.errors import NotBelieved
from callgate.partners.signing import SIGNATURE, TIMESTAMP, Signer, read_signing_secret
from tests.partners.partner import SECRET
from tests.stores.conftest import NOW

BODY = '{"number": "+33199000042", "é": 1}'.encode()
FILE = Path("crm.secret")


def test_what_is_signed_is_as_the_standards_own_library_signs_it() -> None:
    headers = Signer(SECRET).headers("msg_1", NOW, BODY)
    assert headers[SIGNATURE] == Webhook(SECRET).sign("msg_1", NOW, BODY.decode())
    assert headers[TIMESTAMP] == str(int(NOW.timestamp()))


def test_what_is_signed_is_believed_and_one_good_signature_among_others_is_enough() -> None:
    signer = Signer(SECRET)
    headers = signer.headers("msg_1", NOW, BODY)
    signer.check(headers, BODY, message="msg_1", now=NOW)
    rotated = headers | {SIGNATURE: f"v1,AAAA v1a,zzz {headers[SIGNATURE]}"}
    signer.check(rotated, BODY, message="msg_1", now=NOW + timedelta(minutes=4))


@pytest.mark.parametrize(
    "changed",
    [
        {SIGNATURE: ""},
        {SIGNATURE: "v1"},
        {SIGNATURE: "v1,é"},
        {SIGNATURE: "v2,AAAA"},
        {TIMESTAMP: ""},
        {TIMESTAMP: "soon"},
        {TIMESTAMP: "9" * 40},
        {TIMESTAMP: "nan"},
        {"webhook-id": "msg_2"},
    ],
)
def test_a_header_that_is_not_as_it_should_be_is_not_believed_and_nothing_else(changed: dict[str, str]) -> None:
    signer = Signer(SECRET)
    with pytest.raises(NotBelieved):
        signer.check(signer.headers("msg_1", NOW, BODY) | changed, BODY, message="msg_1", now=NOW)


@pytest.mark.parametrize(("body", "hours"), [(BODY + b" ", 0), (b"\xff", 0), (BODY, 1), (BODY, -1)])
def test_another_body_or_another_time_is_not_believed(body: bytes, hours: int) -> None:
    signer = Signer(SECRET)
    with pytest.raises(NotBelieved):
        signer.check(signer.headers("msg_1", NOW, BODY), body, message="msg_1", now=NOW + timedelta(hours=hours))


def test_a_secret_is_written_as_the_standard_writes_it() -> None:
    written = base64.b64encode(SECRET)
    for secret in (b"whsec_" + written, written):
        assert read_signing_secret(FILE, secret).headers("m", NOW, b"") == Signer(SECRET).headers("m", NOW, b"")


@pytest.mark.parametrize("secret", [b"", b"whsec_", b"whsec_c2hvcnQ=", b"whsec_not base64!", b"\xff" * 40])
def test_a_secret_that_is_none_is_refused_without_being_repeated(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"^crm\.secret holds no signing secret") as refused:
        read_signing_secret(FILE, secret)
    assert "c2hvcnQ" not in str(refused.value)
