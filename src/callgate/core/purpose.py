"""What a call is for."""

from enum import StrEnum


class Purpose(StrEnum):
    """What a campaign calls for. Marketing rules bind marketing calls."""

    MARKETING = "marketing"
    SERVICE = "service"
    RIGHTS = "rights"
    INTERNAL = "internal"
