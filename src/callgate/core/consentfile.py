"""A file of consents: CSV with the columns `number`, `given` and `proof`, and, if wanted, `expires` and `appointment`.

A moment is a date, which means its first moment in UTC, or ISO 8601 with a zone; an appointment is never only a date.
`proof` says where the proof of the consent is kept, so that it can be found when the person or a regulator asks.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callgate.core import written
from callgate.core.law import Consent
from callgate.core.phone import NotANumber

NEEDED = ("number", "given", "proof")
OPTIONAL = ("expires", "appointment")
LONGEST_PROOF = 500
_DATE = len("2026-11-24")


@dataclass(frozen=True, slots=True)
class Given:
    """A consent of the person with this E.164 number, and where its proof is."""

    number: str
    consent: Consent
    proof: str


class BadConsents(ValueError):
    """The file cannot be used; `faults` names every line that is wrong and never repeats a number."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read(lines: Iterable[str], country: str, now: datetime) -> list[Given]:
    """The consents of a file, whose national numbers are of `country`. Raises `BadConsents` with every fault."""
    rows = csv.reader(lines, strict=True)
    given: list[Given] = []
    faults: list[str] = []
    try:
        headings = [heading.strip().casefold() for heading in next(rows, [])]
        faults += _faults_of(headings)
        for row in rows if not faults else ():
            try:
                if row:
                    given.append(_given(headings, row, country, now))
            except ValueError as error:
                faults.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: no CSV: {error}")
    if faults:
        raise BadConsents(faults)
    return given


def consent(given: str, expires: str, appointment: str, now: datetime) -> Consent:
    """A consent from its moments as they are written, "" for none. Raises ValueError."""
    made = Consent(_moment("given", given), _optional("expires", expires), _optional("appointment", appointment))
    if made.given > now:
        raise ValueError("given is in the future")
    if made.expires is not None and made.expires <= made.given:
        raise ValueError("expires is not after given")
    if made.appointment is not None and len(appointment) <= _DATE:
        raise ValueError("appointment is a precise moment: write it like 2026-11-24T18:30:00+01:00")
    return made


def proof_of(text: str) -> str:
    """Where the proof is. Raises ValueError."""
    if not text.strip():
        raise ValueError("proof is missing: say where the proof of the consent is kept")
    if len(text) > LONGEST_PROOF:
        raise ValueError(f"proof has {len(text)} characters, at most {LONGEST_PROOF} are kept; refer to it")
    return text.strip()


def _faults_of(headings: Sequence[str]) -> Iterator[str]:
    for name in NEEDED:
        if name not in headings:
            yield f"line 1: no column {name}; there must be {', '.join(NEEDED)}, and may be {', '.join(OPTIONAL)}"
    for name in dict.fromkeys(headings):
        if name not in (*NEEDED, *OPTIONAL):
            yield f"line 1: a column that is not known; there may be {', '.join((*NEEDED, *OPTIONAL))}"
        elif headings.count(name) > 1:
            yield f"line 1: two columns {name}"


def _given(headings: Sequence[str], row: Sequence[str], country: str, now: datetime) -> Given:
    if len(row) != len(headings):
        raise ValueError(f"{len(row)} fields, and the first line has {len(headings)}")
    said = {heading: field.strip() for heading, field in zip(headings, row, strict=True)}
    try:
        number = written.read(said["number"], country)
    except NotANumber as error:
        raise ValueError(f"number: {error}") from None
    made = consent(said["given"], said.get("expires", ""), said.get("appointment", ""), now)
    return Given(number.e164, made, proof_of(said["proof"]))


def _optional(name: str, text: str) -> datetime | None:
    return _moment(name, text) if text else None


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is no moment: write it like 2026-11-24 or 2026-11-24T18:30:00+01:00") from None
    if len(text) <= _DATE and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no zone: write it like 2026-11-24T18:30:00+01:00")
    return moment
