"""Over TLS, with a certificate of callgate's own: what the browser is told, and what it may not be told without."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from callgate.config import Http
from callgate.core.access import Role
from callgate.front import tls_of
from tests.web.world import PASSWORD, a_world

pytestmark = pytest.mark.server


def certified(folder: Path) -> Http:
    """A self-signed certificate, and the configuration that names it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return Http(
        public_url="https://gate.example", tls_certificate=folder / "certificate.pem", tls_key=folder / "key.pem"
    )


async def test_over_tls_the_cookie_is_bound_to_this_host_and_the_browser_stays_with_tls(tmp_path: Path) -> None:
    async with a_world(tmp_path, certified(tmp_path)) as world:
        await world.user("boss", Role.OFFICER)
        body = {"name": "boss", "password": PASSWORD}
        answer = await world.ask("POST", "/api/v1/session", json=body, Host="gate.example")
        assert answer.status == 200
        [cookie] = answer.headers.getall("Set-Cookie")
        secret = cookie.partition(";")[0]
        assert secret.startswith("__Host-callgate=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        world.client.session.cookie_jar.clear()
        for sent, status in ((secret, 200), (secret.removeprefix("__Host-"), 401)):
            known = await world.ask("GET", "/api/v1/session", Host="gate.example", Cookie=sent)
            assert known.status == status
        assert (await world.ask("GET", "/healthz", Host="elsewhere.example")).status == 421


def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    http = certified(tmp_path)
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(OSError, match=r"\S"):
        tls_of(http)
    assert tls_of(Http()) is None
