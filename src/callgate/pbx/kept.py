"""What the dialplan kept in AstDB while callgate could not take it: withdrawals, objections, blocks.

Keys are `/callgate/withdrawn/<CALLGATE_ID>`, `/callgate/objected/<CALLGATE_ID>` and `/callgate/blocked/<UNIQUEID>`. AMI
can read them with the class reporting; deleting needs the class system, which callgate must not have, so they are
deleted from the next AGI session, and reading one twice does no harm.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from callgate.core.dialplan import DB_FAMILY, Kept
from callgate.pbx.ami import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept fact. `name` is a CALLGATE_ID or, for a block, a UNIQUEID; `key` is the AstDB key below the family."""

    kind: Kept
    name: str
    at: datetime
    centre: str = ""
    dialled: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """The key below the family `callgate`."""
        return f"{self.kind}/{self.name}"


def read(answer: Iterable[Message]) -> Iterator[Entry]:
    """The entries in an answer to DBGetTree. What is not of this form is passed over: it is not ours."""
    for message in answer:
        family, _, rest = message.get("Key").strip("/").partition("/")
        kind, _, name = rest.partition("/")
        fields = message.get("Val").split("|")
        if family != DB_FAMILY or kind not in set(Kept) or not name or not fields[0].isdecimal():
            continue
        at = datetime.fromtimestamp(int(fields[0]), UTC)
        centre, dialled, reason, *_ = [*fields[1:], "", "", ""]
        yield Entry(Kept(kind), name, at, centre, dialled, reason)
