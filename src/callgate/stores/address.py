"""Where Redis is, as a URL says it: one server, a Sentinel's primary, or a Cluster.

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]    rediss:// with TLS    unix:///PATH
    redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE
    redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT

`rediss+sentinel` and `rediss+cluster` are the same with TLS. What follows a question mark is redis-py's:
`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile` and the like. User and password are those of the servers that hold data;
`sentinel_auth=yes` gives them to the Sentinels too.

https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import re
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from redis.asyncio.connection import SSLConnection, parse_url

Kind: TypeAlias = Literal["server", "sentinel", "cluster"]

SENTINEL_PORT, CLUSTER_PORT = 26379, 6379

_SEVERAL = re.compile(
    r"(?P<scheme>rediss?)\+(?P<kind>sentinel|cluster)://(?P<user>[^@/?]*@)?(?P<hosts>[^/?@]+)(?:/(?P<service>[^?]*))?"
    r"(?P<query>\?.*)?"
)
_FORMS = "redis://, rediss://, unix://, redis+sentinel:// and redis+cluster://, the last two also with rediss"


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL says. `options` are redis-py's for a connection, among them the password."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_auth: bool = False
    options: dict[str, Any] = field(default_factory=dict, repr=False)


def read_address(url: str) -> Address:
    """Read a URL of Redis. Raises ValueError, which does not repeat the URL: there may be a password in it."""
    several = _SEVERAL.fullmatch(url)
    try:
        return _several(several) if several else Address("server", options=dict(parse_url(url)))
    except ValueError as error:
        # redis-py's own words name the option and never its value, ours the part that is wrong.
        said = str(error)
    raise ValueError(f"the URL of Redis cannot be used ({said}); there are {_FORMS}")


def _several(match: re.Match[str]) -> Address:
    kind: Kind = "cluster" if match["kind"] == "cluster" else "sentinel"
    service = unquote(match["service"] or "")
    if kind == "sentinel" and not service:
        raise ValueError("behind the hosts of the Sentinels a slash and the name of the service is missing")
    if kind == "cluster" and service:
        raise ValueError("a Cluster has one database, so nothing stands behind its hosts")
    port = SENTINEL_PORT if kind == "sentinel" else CLUSTER_PORT
    hosts = tuple(_host(one, port) for one in match["hosts"].split(","))
    options = dict(parse_url(f"{match['scheme']}://{match['user'] or ''}_{match['query'] or ''}"))
    del options["host"]
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    auth = options.pop("sentinel_auth", "no")
    if auth not in ("yes", "no") or (kind == "cluster" and auth == "yes"):
        raise ValueError("sentinel_auth is yes or no, and for Sentinels only")
    return Address(kind, hosts, service, auth == "yes", options)


def _host(one: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{one}")
    if not parts.hostname:
        raise ValueError("a host is HOST or HOST:PORT, with commas between several")
    return parts.hostname, parts.port or port
