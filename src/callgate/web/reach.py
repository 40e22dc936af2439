"""How a request reached callgate: from which address, over TLS or in the clear, and under which name.

On loopback callgate is served in the clear; from anywhere else over TLS only and under the host of `public_url`. A name
that resolves to loopback is not loopback: a page elsewhere could use it to read this one (DNS rebinding). A proxy is
believed where the configuration names it. One that is not named is refused, since everyone behind it would look like
somebody on this machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from callgate.config import Http
from callgate.web.problems import Problem, not_permitted

_HOST: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:]+))(?::[0-9]+)?", re.ASCII)
"""A Host header: an IPv6 address in brackets, or a name, and perhaps a port (RFC 9110, 7.2)."""

_FORWARDED: Final = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded")

Networks = Sequence[IPv4Network | IPv6Network]
Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Reach:
    """From where (an address, or "" where it is none), whether over TLS, and whether under a loopback name."""

    address: str
    secure: bool
    local_name: bool

    @property
    def is_loopback(self) -> bool:
        """Whether it came from this very machine, and asked for this machine."""
        return self.local_name and is_loopback(self.address)


def reach(request: web.Request, http: Http) -> Reach:
    """How this request came. Raises `Problem` where it may not come so."""
    peer = _ip(request.remote or "")
    address, secure = peer, request.secure
    if peer is not None and _among(peer, http.trusted_proxies):
        address = _client(request.headers.getall("X-Forwarded-For", []), http.trusted_proxies) or peer
        secure = secure or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
    elif any(name in request.headers for name in _FORWARDED):
        raise not_permitted("this came through a proxy that the configuration does not name in [http] trusted_proxies")
    host = _host(request.host)
    local_name = host is not None and is_loopback(host)
    public = urlsplit(http.public_url).hostname if http.public_url else None
    if not local_name and (host is None or host.lower() != public):
        raise Problem(421, "misdirected", "callgate answers under its public_url and on loopback addresses only")
    if not local_name and not secure:
        raise not_permitted("callgate is reached over TLS only, but on loopback")
    return Reach(str(address or ""), secure, local_name)


def is_loopback(host: str) -> bool:
    """Exactly: `127.example.org` is anybody's name."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _host(header: str) -> str | None:
    match = _HOST.fullmatch(header)
    return (match[1] or match[2]) if match else None


def _client(forwarded: Sequence[str], trusted: Networks) -> Ip | None:
    """The last address of the chain that no proxy of ours has: all before it is hearsay."""
    for text in reversed(",".join(forwarded).split(",")):
        found = _ip(text.strip())
        if found is None:
            return None
        if not _among(found, trusted):
            return found
    return None


def _ip(text: str) -> Ip | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _among(address: Ip, networks: Networks) -> bool:
    return any(address in network for network in networks)
