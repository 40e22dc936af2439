"""File and environment → `Settings`."""

from callgate.config.load import BadConfig, Problem, load, read_secret, redacted, to_policy
from callgate.config.settings import Address, Settings

__all__ = ["Address", "BadConfig", "Problem", "Settings", "load", "read_secret", "redacted", "to_policy"]
