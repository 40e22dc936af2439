"""A file of relations: CSV with the columns `number`, `relation`, `about`, `since`, `proof`, and, if wanted, `until`.

Some laws spare a company's own customers from a rule; whoever relies on that has to show the relation. `relation` is
one of `law.terms.Relation`, `about` the product or contract, by the name that campaigns give it, `proof` where the
proof is kept. `since` is when the contract began, when the customer last dealt with the company, when the person asked,
or when the interest was shown; from `until` on it is no longer so. A person may have several lines.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from callgate.core import wholefile
from callgate.core.consentfile import number_of, proof_of
from callgate.core.law import Related
from callgate.core.law.terms import Relation
from callgate.core.wholefile import moment, optional_moment

NEEDED = ("number", "relation", "about", "since", "proof")
OPTIONAL = ("until",)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stated:
    """All that is said of the person with this E.164 number: the relations, and where the proof of each is."""

    number: str
    related: tuple[Related, ...]
    proofs: tuple[str, ...]


def read(lines: Iterable[str], country: str, now: datetime) -> list[Stated]:
    """The relations of a file, whose national numbers are of `country`, by person. Raises `BadFile`."""
    told = wholefile.read(lines, NEEDED, OPTIONAL, lambda said: _told(said, country, now))
    by_person: defaultdict[str, list[tuple[Related, str]]] = defaultdict(list)
    for number, related, proof in told:
        by_person[number].append((related, proof))
    return [Stated(number, *zip(*lines_of, strict=True)) for number, lines_of in by_person.items()]


def _told(said: Mapping[str, str], country: str, now: datetime) -> tuple[str, Related, str]:
    number = number_of(said["number"], country)
    try:
        relation = Relation(said["relation"])
    except ValueError:
        raise ValueError(f"relation is none that a law knows; there are {', '.join(Relation)}") from None
    if not _NAME.fullmatch(said["about"]):
        raise ValueError("about is no name as campaigns have it: 1 to 40 small letters, digits and dashes")
    since, until = moment("since", said["since"]), optional_moment("until", said.get("until", ""))
    if since > now:
        raise ValueError("since is in the future")
    if until is not None and until <= since:
        raise ValueError("until is not after since")
    return number, Related(relation, said["about"], since, until), proof_of(said["proof"])
