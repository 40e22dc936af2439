"""File and environment → `Settings`."""

from callgate.config.load import BadConfig, Problem, load, read_secret, redacted, to_policy
from callgate.config.settings import Address, Http, Settings, is_name

__all__ = [
    "Address", "BadConfig", "Http", "Problem", "Settings", "is_name", "load", "read_secret", "redacted", "to_policy",
]  # fmt: skip
