"""How a file is refused. Each error says what is wrong with the file and what to do; none repeats a number."""

from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong with a file, for programs, and for those who say it in another language."""

    BROKEN = "broken"
    """More of its lines are broken than may be."""
    DAMAGED = "damaged"
    """Its compression, its encoding or its quotes do not go on as they began."""
    EMPTY = "empty"
    FUTURE = "future"
    """It is said to be true at a moment that is still to come."""
    OLDER = "older"
    """It is older than the version in force."""
    REPEATS = "repeats"
    """It mostly repeats itself."""
    SHRANK = "shrank"
    """It is much smaller than the version in force."""
    UNFIT = "unfit"
    """Anything else: the message says it."""


ACCEPTED = frozenset({Flaw.REPEATS, Flaw.SHRANK})
"""What a person may look at and accept (`Limits.accept_shrink`)."""


class FileRefused(Exception):
    """The file is not what it is taken for, or not whole. Nothing was changed."""

    def __init__(self, message: str, flaw: Flaw = Flaw.UNFIT) -> None:
        super().__init__(message)
        self.flaw = flaw
