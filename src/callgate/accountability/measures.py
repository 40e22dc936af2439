"""The security measures (GDPR Art. 32) that are in force by a configuration: what holds in every installation, and what
this one chose. Nothing is claimed that the configuration does not show.
"""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from callgate.config import Settings
from callgate.core.document import TO_FILL_IN
from callgate.stores.ledger.keyfile import ENVIRONMENT

_LOCAL = ("127.0.0.1", "localhost", "::1")


def measures(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is done, and how, by the area that Art. 32(1) names."""
    yield "pseudonymisation", "people are random ids in the ledger; objections are keyed tokens (HMAC)"
    yield "encryption at rest", "personal data in the ledger: AES-256-GCM, under a key per person, company and class"
    yield "keys", f"master keys in {_master()}, and not in the ledger's database"
    yield "encryption to the cache", _redis(settings)
    yield "encryption to the ledger", _ledger(settings)
    yield "encryption to the PBX", _pbx(settings)
    yield "access to the dashboard and API", _http(settings)
    yield "who may ask at the gate", f"FastAGI from {', '.join(map(str, settings.pbx.agi_allowed))}"
    yield "integrity", "the ledger is hash-chained and its state signed every five minutes; anchors prove it to others"
    yield "availability", "no call where it cannot be known that it may be made"
    yield "accuracy of lists", _lists(settings)
    yield "restoring after an incident", TO_FILL_IN
    yield "regular testing", TO_FILL_IN
    yield "measures of the buildings, the staff and the machines", TO_FILL_IN


def _master() -> str:
    return "the environment" if ENVIRONMENT in os.environ else "a file of their own"


def _redis(settings: Settings) -> str:
    parts = urlsplit(settings.redis.url)
    if parts.scheme.endswith("rediss") or "rediss" in parts.scheme.split("+"):
        return "TLS"
    return "on this machine" if parts.hostname in _LOCAL or parts.scheme == "unix" else f"none, to {parts.hostname}"


def _ledger(settings: Settings) -> str:
    parts = urlsplit(settings.ledger.url)
    if parts.scheme.startswith("sqlite"):
        return "a file on this machine"
    if any(f"sslmode={mode}" in parts.query for mode in ("require", "verify-ca", "verify-full")):
        return "TLS"
    return "on this machine" if parts.hostname in (*_LOCAL, None) else f"not demanded, to {parts.hostname}"


def _pbx(settings: Settings) -> str:
    local = settings.pbx.ami.host in _LOCAL and settings.pbx.agi.host in _LOCAL
    return "on this machine" if local else f"none: AMI at {settings.pbx.ami}, FastAGI at {settings.pbx.agi}"


def _http(settings: Settings) -> str:
    published = ", published on loopback" if settings.http.published_on_loopback else ""
    return f"at {settings.http.listen}{published}"


def _lists(settings: Settings) -> str:
    fetched = [name for name, table in settings.lists.items() if table.fetch is not None]
    aged = [f"{name} at most {table.max_age_days} days old" for name, table in settings.lists.items()]
    by_itself = f"; fetched by itself: {', '.join(fetched)}" if fetched else ""
    return "; ".join(aged) + by_itself if aged else "no national list is configured"
