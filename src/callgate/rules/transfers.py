"""From the text of `transfers.toml` to `Transfers`, or every line that is wrong with it."""

from datetime import date

from callgate.core.law import transfers
from callgate.core.law.rule import Sure
from callgate.core.law.transfers import Transfers
from callgate.rules.read import validated
from callgate.rules.schema import Region, Table, Text


class AdequacyTable(Table):
    """`[[adequate]]`."""

    country: Region
    decision: Text
    since: date
    until: date = date.max
    sure: Sure
    scheme: str = ""


class ClausesTable(Table):
    """`[clauses]`."""

    decision: Text
    since: date


class TransfersFile(Table):
    """The whole file."""

    checked: date
    eea: frozenset[Region]
    adequate: tuple[AdequacyTable, ...]
    clauses: ClausesTable


def parse_transfers(text: str, name: str) -> Transfers:
    """Read the text; `name` is that of its file, for the errors. Raises `BadPack` with every one of them."""
    file = validated(text, name, TransfersFile)
    return Transfers(
        file.checked,
        file.eea,
        tuple(transfers.Adequacy(**dict(table)) for table in file.adequate),
        transfers.Clauses(**dict(file.clauses)),
    )
