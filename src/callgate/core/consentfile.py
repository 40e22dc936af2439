"""A file of consents: CSV with the columns `number`, `given` and `proof`, and, if wanted, `expires` and `appointment`.

A moment is a date, which means its first moment in UTC, or ISO 8601 with a zone; an appointment is never only a date.
`proof` says where the proof of the consent is kept, so that it can be found when the person or a regulator asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from callgate.core import wholefile, written
from callgate.core.law import Consent
from callgate.core.phone import NotANumber
from callgate.core.wholefile import moment, optional_moment

NEEDED = ("number", "given", "proof")
OPTIONAL = ("expires", "appointment")
LONGEST_PROOF = 500


@dataclass(frozen=True, slots=True)
class Given:
    """A consent of the person with this E.164 number, and where its proof is."""

    number: str
    consent: Consent
    proof: str


def read(lines: Iterable[str], country: str, now: datetime) -> list[Given]:
    """The consents of a file, whose national numbers are of `country`. Raises `BadFile` with every fault."""
    return wholefile.read(lines, NEEDED, OPTIONAL, lambda said: _given(said, country, now))


def consent(given: str, expires: str, appointment: str, now: datetime) -> Consent:
    """A consent from its moments as they are written, "" for none. Raises ValueError."""
    made = Consent(
        moment("given", given), optional_moment("expires", expires), optional_moment("appointment", appointment)
    )
    if made.given > now:
        raise ValueError("given is in the future")
    if made.expires is not None and made.expires <= made.given:
        raise ValueError("expires is not after given")
    if made.appointment is not None and wholefile.is_date(appointment):
        raise ValueError("appointment is a precise moment: write it like 2026-11-24T18:30:00+01:00")
    return made


def proof_of(text: str) -> str:
    """Where the proof is. Raises ValueError."""
    if not text.strip():
        raise ValueError("proof is missing: say where the proof is kept")
    if len(text) > LONGEST_PROOF:
        raise ValueError(f"proof has {len(text)} characters, at most {LONGEST_PROOF} are kept; refer to it")
    return text.strip()


def number_of(text: str, country: str) -> str:
    """The E.164 number that stands in a line. Raises ValueError."""
    try:
        return written.read(text, country).e164
    except NotANumber as error:
        raise ValueError(f"number: {error}") from None


def _given(said: Mapping[str, str], country: str, now: datetime) -> Given:
    number = number_of(said["number"], country)
    made = consent(said["given"], said.get("expires", ""), said.get("appointment", ""), now)
    return Given(number, made, proof_of(said["proof"]))
