"""What the pages say, in each language: `texts/<language>.toml`, of which all have the same keys.

A text has named fields (`$n`) and nothing else. A language that is asked for and not there is English.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final

LANGUAGES: Final[Mapping[str, str]] = {"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}
"""Each by its own name."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language by key, such as `live.title`."""

    language: str
    by_key: Mapping[str, str]

    def __call__(self, key: str, **fields: object) -> str:
        """The text. Raises KeyError where there is no such key or a field is not given."""
        text = self.by_key[key]
        return Template(text).substitute(fields) if fields else text

    def named(self, table: str, name: str) -> str:
        """The text for something that has a name of its own, or that name where there is none."""
        return self.by_key.get(f"{table}.{name}", name)

    def under(self, *tables: str) -> dict[str, str]:
        """All texts of some tables, for a script."""
        return {key: text for key, text in self.by_key.items() if key.partition(".")[0] in tables}


@cache
def texts(language: str) -> Texts:
    """The texts of a language that there is."""
    source = files("callgate.web").joinpath("texts", f"{language}.toml").read_text("utf-8")
    return Texts(language, dict(_flat(tomllib.loads(source))))


def _flat(tables: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tables.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, str(value))]
    return found


def choose(cookie: str | None, accept: str) -> str:
    """The language of the user's choice, else the best of what their browser asks for (RFC 9110, 12.5.4)."""
    if cookie in LANGUAGES:
        return str(cookie)
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and (quality := _quality(weight)) > 0:
            wanted.append((-quality, place, language))
    return min(wanted)[2] if wanted else "en"


def _quality(weight: str) -> float:
    try:
        return min(1.0, float(weight)) if weight else 1.0
    except ValueError:
        return 0.0
