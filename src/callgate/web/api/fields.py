"""What the models of the API are made of. Numbers of people go in, and only come out masked."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from callgate.core.consentfile import LONGEST_PROOF
from callgate.rights.desk import LONGEST

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: PostgreSQL takes no NUL, and a line is a line."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PLAIN)]
MaybeLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)]
Proof = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_PROOF, pattern=_PLAIN)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST, pattern=_PLAIN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40, pattern=_PLAIN)]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 2, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))
]  # fmt: skip
"""ISO 8601 with a zone."""
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
"""Where a page begins: what `next` of the one before said. What it is made of may change."""
PageSize = Annotated[int, Field(ge=1, le=500)]


class In(BaseModel):
    """What is sent: a field that is not known is an error, since it was meant to say something."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What is answered."""


class Person(In):
    """A person, for one company."""

    number: Number
    controller: Name


class Entered(Out):
    """What is now in force."""

    event: str
    number: str
    scope: str
    controller: str | None
    at: datetime
