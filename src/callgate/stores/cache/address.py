"""Where Redis is, as a URL says it: one server, a Sentinel's primary, or a Cluster.

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]    rediss:// with TLS    unix:///PATH
    redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE
    redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT

`rediss+sentinel` and `rediss+cluster` are the same with TLS. What may follow a question mark is redis-py's: `db`,
`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_check_hostname`, `ssl_cert_reqs`, `ssl_ciphers`. User and password
are those of the servers that hold data; `sentinel_auth=yes` gives them to the Sentinels too.

https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import re
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio.connection import SSLConnection, parse_url

Kind: TypeAlias = Literal["server", "sentinel", "cluster"]

SENTINEL_PORT, CLUSTER_PORT = 26379, 6379

_TLS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs", "ssl_ciphers"})
_OPTIONS = frozenset({"db", "username", "password", "host", "port", "path", "connection_class"}) | _TLS

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


class _Wrong(ValueError):
    """What is wrong with a URL, in words that quote nothing of it but the name of an option."""


def read_address(url: str) -> Address:
    """Read a URL of Redis. Raises ValueError, which does not repeat the URL: there may be a password in it."""
    several = _SEVERAL.fullmatch(url)
    try:
        return _several(several) if several else Address("server", options=_parsed(url))
    except _Wrong as error:
        said = str(error)
    except ValueError:
        # urllib's words may quote a password that stands in the wrong place.
        said = "it is malformed"
    raise ValueError(f"the URL of Redis cannot be used ({said}); there are {_FORMS}")


def _several(match: re.Match[str]) -> Address:
    kind: Kind = "cluster" if match["kind"] == "cluster" else "sentinel"
    service = unquote(match["service"] or "")
    if kind == "sentinel" and not service:
        raise _Wrong("behind the hosts of the Sentinels a slash and the name of the service is missing")
    if kind == "cluster" and service:
        raise _Wrong("a Cluster has one database, so nothing stands behind its hosts")
    port = SENTINEL_PORT if kind == "sentinel" else CLUSTER_PORT
    hosts = tuple(_host(one, port) for one in match["hosts"].split(","))
    query, auth = _without_sentinel_auth(match["query"] or "")
    options = _parsed(f"{match['scheme']}://{match['user'] or ''}_{query}")
    del options["host"]
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    if kind == "cluster" and "db" in options:
        raise _Wrong("a Cluster has one database, so db says nothing")
    if auth and kind == "cluster":
        raise _Wrong("sentinel_auth is for Sentinels only")
    return Address(kind, hosts, service, auth, options)


def _without_sentinel_auth(query: str) -> tuple[str, bool]:
    options = parse_qsl(query.removeprefix("?"))
    told = [value for name, value in options if name == "sentinel_auth"]
    if told not in ([], ["yes"], ["no"]):
        raise _Wrong("sentinel_auth is yes or no")
    rest = urlencode([(name, value) for name, value in options if name != "sentinel_auth"])
    return f"?{rest}", told == ["yes"]


def _parsed(url: str) -> dict[str, Any]:
    """The options of a URL of one server. redis-py takes any, and stumbles when it connects."""
    options = dict(parse_url(url))
    tls = options.get("connection_class") is SSLConnection
    for name in options:
        if name not in _OPTIONS:
            raise _Wrong(f"there is no option {name}")
        if name in _TLS and not tls:
            raise _Wrong(f"{name} is for TLS: write rediss instead of redis")
    return options


def _host(one: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{one}")
    if not parts.hostname:
        raise _Wrong("a host is HOST or HOST:PORT, with commas between several")
    return parts.hostname, parts.port or port
