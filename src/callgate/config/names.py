"""Names that a file uses and never gives, found in what was written: so that they are told with all else that is wrong.

Once every key is well formed, `core.policy.problems` looks at this and more.
"""

from collections.abc import Iterator, Mapping

from callgate.core.policy import known

_GIVEN = {"controller": "controllers", "centre": "centres"}
"""The key that names one of a table's entries → the table."""


def unknown(written: Mapping[str, object]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where campaigns and mandates name a controller or a centre that is in no table, and which there are."""
    campaigns, mandates = written.get("campaigns"), written.get("mandates")
    using = [(("campaigns", name), used) for name, used in campaigns.items()] if isinstance(campaigns, dict) else []
    using += [(("mandates", at), used) for at, used in enumerate(mandates)] if isinstance(mandates, list) else []
    for place, used in using:
        for key, table in _GIVEN.items():
            name = used.get(key) if isinstance(used, dict) else None
            given = written.get(table)
            if isinstance(name, str) and isinstance(given, dict) and name not in given:
                yield (*place, key), f"no {key} {name!r}; {known(given)}"
