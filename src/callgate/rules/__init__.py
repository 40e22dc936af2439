"""The country packs: one TOML file per country beside this module, each figure with its source, and their reader.

What was found is of the day that each file names as `checked`. Nothing here is legal advice.
"""

import hashlib
from functools import cache
from importlib import resources

from callgate.core.law.rule import Pack
from callgate.core.law.transfers import Transfers
from callgate.rules.read import BadLine, BadPack, parse, read_rules
from callgate.rules.transfers import parse_transfers

__all__ = ["BadLine", "BadPack", "digest", "packs", "parse", "parse_transfers", "read_rules", "transfers"]

COUNTRIES = ("AT", "BE", "DE", "ES", "FR", "GB", "IE", "IT", "LU", "NL", "US")


@cache
def packs() -> dict[str, Pack]:
    """The packs that come with callgate, by country. Raises `BadPack`, which a test rules out."""
    return {country: parse(_text(f"{country.lower()}.toml"), f"{country.lower()}.toml") for country in COUNTRIES}


@cache
def transfers() -> Transfers:
    """The EEA, the adequacy decisions and the standard clauses that come with callgate. Raises `BadPack`."""
    return parse_transfers(_text("transfers.toml"), "transfers.toml")


@cache
def digest() -> bytes:
    """Names exactly the rules that come with callgate (SHA-256 over their files)."""
    files = (*(f"{country.lower()}.toml" for country in COUNTRIES), "transfers.toml")
    return hashlib.sha256("\0".join(map(_text, files)).encode()).digest()


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
