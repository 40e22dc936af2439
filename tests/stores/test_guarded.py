"""Redis behind TLS and a password, in each form of its URL."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from callgate.stores.cache.connection import connect
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import StoreUnavailable
from callgate.stores.ledger import Ledger
from tests.stores.conftest import ANNA, TOKENS, filed, objection
from tests.stores.topologies import SERVICE, Guarded, TcpServer, free_port, until

pytestmark = pytest.mark.server

PASSWORD = "s3cr%t"
QUOTED = "s3cr%25t"


def server(stack: ExitStack, guarded: Guarded) -> str:
    made = TcpServer(guarded=guarded)
    stack.callback(made.end)
    return f"rediss://:{QUOTED}@{made.address}/0"


def sentinel(stack: ExitStack, guarded: Guarded) -> str:
    primary = TcpServer(guarded=guarded)
    stack.callback(primary.end)
    lines = (f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1", f"sentinel auth-pass {SERVICE} {PASSWORD}")
    watching = TcpServer(*lines, sentinel=True, guarded=guarded)
    stack.callback(watching.end)
    until(lambda: watching.client.info("sentinel")["master0"]["status"] == "ok", "the primary is not seen")
    return f"rediss+sentinel://:{QUOTED}@{watching.address}/{SERVICE}?sentinel_auth=yes"


def cluster(stack: ExitStack, guarded: Guarded) -> str:
    made = TcpServer("cluster-enabled yes", "tls-cluster yes", f"cluster-port {free_port()}", guarded=guarded)
    stack.callback(made.end)
    made.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    until(lambda: made.do("CLUSTER INFO")["cluster_state"] == "ok", "the Cluster of one did not come up")
    return f"rediss+cluster://:{QUOTED}@{made.address}"


FORMS: list[Callable[[ExitStack, Guarded], str]] = [server, sentinel, cluster]


@asynccontextmanager
async def cached(url: str, ledger: Ledger) -> AsyncIterator[SuppressionCache]:
    client = connect(url, connect_within=5)
    try:
        yield SuppressionCache(client, Keys(), TOKENS, ledger.identity, answer_within=5)
    finally:
        await client.aclose()


@pytest.mark.parametrize("form", FORMS)
async def test_who_has_the_certificate_and_the_password_is_served_and_nobody_else(
    form: Callable[[ExitStack, Guarded], str], ledger: Ledger, tmp_path: Path
) -> None:
    guarded = Guarded.made(tmp_path, PASSWORD)
    with ExitStack() as stack:
        url = form(stack, guarded)
        trusting = f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={guarded.certificate}"
        async with cached(trusting, ledger) as cache:
            assert await rebuild(cache, ledger, [filed(tmp_path, [int(ANNA[1:])])]) == ()
            await cache.apply((await ledger.append([objection()])).entries)
            assert len((await cache.lookup(Query(ANNA, "futura", "solar", ("be-dncm",)))).facts.hits) == 2
        for refused in (url, trusting.replace(QUOTED, "other"), url.replace("rediss", "redis")):
            async with cached(refused, ledger) as cache:
                with pytest.raises(StoreUnavailable) as raised:
                    await cache.mark()
                assert QUOTED not in str(raised.value)
