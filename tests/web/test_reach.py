"""How a request came: who is believed about it, and what must not come in the clear."""

from collections.abc import Mapping

import pytest
from aiohttp.test_utils import make_mocked_request

from callgate.config import Http
from callgate.web.problems import Problem
from callgate.web.reach import reach

LOCAL = Http()
NONE: Mapping[str, str] = {}
PROXIED = Http.model_validate({"public_url": "https://gate.example", "trusted_proxies": ["127.0.0.1/32", "10.0.0.0/8"]})


def came(
    http: Http, peer: str, host: str, headers: Mapping[str, str] = NONE, *, tls: bool = False
) -> tuple[str, bool, bool]:
    request = make_mocked_request("GET", "/", headers={"Host": host, **headers})
    how = reach(request.clone(remote=peer, scheme="https" if tls else "http"), http)
    return how.address, how.secure, how.is_loopback


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_a_proxy_that_is_named_is_believed_about_the_last_address_that_is_none_of_ours(
    peer: str, forwarded: str, address: str
) -> None:
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    assert came(PROXIED, peer, "gate.example", headers) == (address, True, False)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"])
@pytest.mark.parametrize("http", [LOCAL, PROXIED])
def test_a_proxy_that_is_not_named_is_refused(http: Http, header: str) -> None:
    peer = "127.0.0.1" if http is LOCAL else "192.0.2.1"
    with pytest.raises(Problem, match="a proxy that the configuration does not name"):
        came(http, peer, "127.0.0.1", {header: "203.0.113.9"})


def test_what_came_through_a_proxy_is_not_this_machine() -> None:
    assert came(PROXIED, "127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"})[2] is False
    assert came(LOCAL, "127.0.0.1", "127.0.0.1:8080")[2] is True
    assert came(LOCAL, "172.17.0.1", "127.0.0.1:8080")[2] is False


@pytest.mark.parametrize("proto", ["", "http", "https, http"])
def test_nothing_but_loopback_is_served_in_the_clear(proto: str) -> None:
    with pytest.raises(Problem, match="over TLS only"):
        came(PROXIED, "10.0.0.1", "gate.example", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": proto})
    assert came(PROXIED, "192.0.2.1", "gate.example:443", tls=True) == ("192.0.2.1", True, False)


@pytest.mark.parametrize("host", ["elsewhere.example", "gate.example.elsewhere.example", "192.0.2.1", ""])
def test_only_the_public_name_is_ours(host: str) -> None:
    with pytest.raises(Problem) as refused:
        came(PROXIED, "192.0.2.1", host, tls=True)
    assert refused.value.status == 421
