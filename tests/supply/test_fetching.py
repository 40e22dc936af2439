"""A file is fetched whole or not at all, from where the configuration says and nowhere else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from callgate.supply import fetching
from callgate.supply.errors import FetchFailed
from callgate.supply.fetching import authorization, by_command, by_url

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_get("/list.zip", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/list.zip"))

    yield start
    for server in servers:
        await server.close()


def answering(body: bytes = b"+32470000001\n", status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        wanted = headers.get("wanted")
        if wanted is not None and request.headers.get("Authorization") != wanted:
            raise web.HTTPUnauthorized
        named = {name.replace("_", "-"): value for name, value in headers.items() if name != "wanted"}
        return web.Response(body=body, status=status, headers=named)

    return handler


# Over HTTP.


@pytest.mark.parametrize(
    ("last_modified", "as_of"),
    [
        (None, NOW),
        ("Tue, 24 Nov 2026 23:45:00 GMT", datetime(2026, 11, 24, 23, 45, tzinfo=UTC)),
        ("Sat, 26 Dec 2026 00:00:00 GMT", NOW),
        ("yesterday", NOW),
    ],
)
async def test_what_is_served_is_saved_and_true_to_when_the_server_says_but_never_to_the_future(
    serve: Serve, tmp_path: Path, last_modified: str | None, as_of: datetime
) -> None:
    url = await serve(answering(b"x" * 600_000, 200, **({"Last_Modified": last_modified} if last_modified else {})))
    fetched = await by_url(url, {}, tmp_path / "list", NOW)
    assert fetched.path.read_bytes() == b"x" * 600_000
    assert fetched.as_of == as_of


async def test_a_compressed_file_stays_as_it_is(serve: Serve, tmp_path: Path) -> None:
    url = await serve(answering(b"not gzip at all", Content_Encoding="gzip"))
    assert (await by_url(url, {}, tmp_path / "list", NOW)).path.read_bytes() == b"not gzip at all"


@pytest.mark.parametrize(
    ("secret", "kind", "wanted"),
    [("a-token\n", "bearer", "Bearer a-token"), ("me:p\u00e9\n", "basic", "Basic bWU6cMOp")],
)
async def test_a_secret_is_read_from_its_file(
    serve: Serve, tmp_path: Path, secret: str, kind: str, wanted: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(secret)
    file.chmod(0o600)
    url = await serve(answering(wanted=wanted))
    with pytest.raises(FetchFailed, match="401; look at the secret"):
        await by_url(url, {}, tmp_path / "list", NOW)
    headers = authorization(file if kind == "bearer" else None, file if kind == "basic" else None)
    assert (await by_url(url, headers, tmp_path / "list", NOW)).path.stat().st_size


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (None, 0o600, "cannot be read"),
        ("me:secret", 0o604, "chmod o-rwx"),
        ("", 0o600, "is empty"),
        ("a\nb", 0o600, "more than one line"),
        ("nocolon", 0o600, "write user:password"),
    ],
)
def test_a_secret_that_cannot_be_used_is_not_repeated(tmp_path: Path, text: str | None, mode: int, says: str) -> None:
    file = tmp_path / "secret"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    with pytest.raises(FetchFailed, match=says) as raised:
        authorization(None, file)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "says"),
    [(301, "names another address"), (403, "licence"), (404, "answered 404"), (304, "answered 304"), (500, "500")],
)
async def test_any_other_answer_is_no_file(serve: Serve, tmp_path: Path, status: int, says: str) -> None:
    url = await serve(answering(status=status, Location="http://127.0.0.1:9/elsewhere"))
    with pytest.raises(FetchFailed, match=says):
        await by_url(url, {}, tmp_path / "list", NOW)
    assert not (tmp_path / "list").exists()


async def test_a_connection_that_breaks_in_the_middle_is_no_file(serve: Serve, tmp_path: Path) -> None:
    async def breaking(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        assert request.transport is not None
        request.transport.abort()
        return response

    url = await serve(breaking)
    with pytest.raises(FetchFailed, match="could not be fetched: ClientPayloadError"):
        await by_url(url, {}, tmp_path / "list", NOW)


async def test_a_file_without_end_is_given_up(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1000)
    url = await serve(answering(b"x" * 1001))
    with pytest.raises(FetchFailed, match="more than 1000 bytes"):
        await by_url(url, {}, tmp_path / "list", NOW)


async def test_nobody_there_is_said_without_the_address(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed) as raised:
        await by_url("http://127.0.0.1:1/secret-path", {}, tmp_path / "list", NOW)
    assert "secret-path" not in str(raised.value)


# By a command.


async def test_a_command_writes_the_file_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("+32470000001\n")
    fetched = await by_command(("cp", f"{tmp_path}/source", "{file}"), tmp_path / "list", NOW)
    assert (fetched.path.read_text(), fetched.as_of) == ("+32470000001\n", NOW)


async def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    to = tmp_path / "a list; touch x"
    await by_command(("cp", "/dev/null", "{file}"), to, NOW)
    assert to.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sh", "-c", "echo no licence >&2; exit 3", "{file}"), "sh ended with 3: no licence"),
        (("false", "{file}"), "false ended with 1: it said nothing"),
        (("true", "{file}"), "true ended well and wrote no file"),
        (("/nowhere/fetch", "{file}"), "cannot be started"),
    ],
)
async def test_a_command_that_fails_says_why(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(FetchFailed, match=says):
        await by_command(words, tmp_path / "list", NOW)


async def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="did not end within 0 s"):
        await by_command(("tail", "-f", "/dev/null", "{file}"), tmp_path / "list", NOW, within=0.05)
