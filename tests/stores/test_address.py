"""Where Redis is: what each form of URL means, and which are refused."""

import pytest

from callgate.stores.cache.address import read_address


def test_a_url_of_one_server_is_redis_pys_own() -> None:
    address = read_address("rediss://gate:secret@redis.example:6380/2?ssl_ca_certs=/ca.pem")
    assert address.kind == "server"
    assert (address.options["host"], address.options["port"], address.options["db"]) == ("redis.example", 6380, 2)
    assert address.options["password"] == "secret"
    assert read_address("unix:///run/redis.sock").options["path"] == "/run/redis.sock"


@pytest.mark.parametrize(
    ("url", "hosts", "service", "options"),
    [
        ("redis+sentinel://a:1,b:2/gate", (("a", 1), ("b", 2)), "gate", {}),
        ("redis+sentinel://a,[::1]:7/g%20x", (("a", 26379), ("::1", 7)), "g x", {}),
        ("redis+sentinel://u:p%40@a/gate?db=3", (("a", 26379),), "gate", {"username": "u", "password": "p@", "db": 3}),
        ("rediss+sentinel://a/gate?ssl_ca_certs=/c", (("a", 26379),), "gate", {"ssl": True, "ssl_ca_certs": "/c"}),
        ("redis+cluster://a,b:7001", (("a", 6379), ("b", 7001)), "", {}),
        ("rediss+cluster://:p@a/", (("a", 6379),), "", {"ssl": True, "password": "p"}),
    ],
)
def test_sentinels_and_clusters_are_named_by_several_hosts(
    url: str, hosts: tuple[tuple[str, int], ...], service: str, options: dict[str, object]
) -> None:
    address = read_address(url)
    assert address.kind == url.partition("+")[2].partition(":")[0]
    assert (address.hosts, address.service, address.options) == (hosts, service, options)
    assert not address.sentinel_auth


def test_sentinels_are_given_the_password_only_where_the_url_says_so() -> None:
    assert read_address("redis+sentinel://u:p@a/gate?sentinel_auth=yes").sentinel_auth


@pytest.mark.parametrize(
    "url",
    [
        "http://secret@a",
        "redis+sentinel://u:secret@a",
        "redis+sentinel://u:secret@/gate",
        "redis+sentinel://u:secret@a:x/gate",
        "redis+sentinel://u:secret@a,,b/gate",
        "redis+cluster://u:secret@a/1",
        "redis+cluster://u:secret@a?db=1",
        "redis+cluster://u:secret@a?sentinel_auth=yes",
        "redis+sentinel://u:secret@a/gate?sentinel_auth=perhaps",
        "redis+other://u:secret@a",
        "redis://u:secret",
        "redis+cluster://u:secret",
        "redis://u:secret@a?ssl_ca_certs=/c",
        "redis+cluster://u:secret@a?ssl_ca_certs=/c",
        "rediss://u:secret@a?ssl_ca_cert=/c",
        "redis://u:secret@a?socket_timeout=100",
        "redis://u:secret@a?sentinel_auth=yes",
    ],
)
def test_what_is_no_url_of_redis_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="the URL of Redis cannot be used") as raised:
        read_address(url)
    assert "secret" not in str(raised.value)
