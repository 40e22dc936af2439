"""`callgate lists fetch`: from the configured place into force, in one command."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.registers.conftest import Command

pytestmark = pytest.mark.server

LINES = "".join(f"+442079460{number:03}\n" for number in range(10))


def configure(tmp_path: Path, fetch: str) -> None:
    conf = tmp_path / "callgate.toml"
    conf.write_text(f"{conf.read_text()}\n[lists.uk-tps.fetch]\n{fetch}\n")


def in_force(command: Command) -> tuple[str | None, int]:
    [row] = json.loads(command("lists", "show", "--json").stdout)
    return row["version"], row["numbers"]


@pytest.fixture
def url() -> Iterator[str]:
    """Serves the lines, to who knows the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = LINES.encode()
            self.send_response(200 if self.headers["Authorization"] == "Bearer a-token" else 401)
            self.send_header("Last-Modified", "Tue, 24 Nov 2026 23:45:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/tps"
        server.shutdown()
        thread.join()


def test_a_list_comes_over_http_with_the_token_and_as_of_what_the_server_says(
    command: Command, tmp_path: Path, url: str
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token\n")
    token.chmod(0o600)
    configure(tmp_path, f'url = "{url}"\nbearer_file = "{token}"\nevery = "12h"')
    with (tmp_path / "callgate.toml").open("a") as conf:
        conf.write("[lab]\nnow = 2026-11-25T12:00:00Z\n")
    done = command("lists", "fetch", "uk-tps", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["numbers"] == 10
    assert in_force(command) == ("20261124234500", 10)
    token.write_text("another\n")
    refused = command("lists", "fetch", "uk-tps")
    assert (refused.exit_code, "the server answered 401" in refused.stderr) == (2, True)
    assert in_force(command) == ("20261124234500", 10)


def test_a_list_comes_by_a_command_and_nothing_is_left_behind(command: Command, tmp_path: Path) -> None:
    (tmp_path / "source").write_text(LINES)
    configure(tmp_path, f'command = ["cp", "{tmp_path}/source", "{{file}}"]')
    litter = tmp_path / "state" / "lists" / ".fetch-uk-tps"
    litter.mkdir(parents=True)
    (litter / "uk-tps.fetched").write_text("what a crash left")
    assert command("lists", "fetch", "uk-tps").exit_code == 0
    assert in_force(command)[1] == 10
    (tmp_path / "source").write_text("x\n")
    assert command("lists", "fetch", "uk-tps").exit_code == 1
    assert in_force(command)[1] == 10
    assert [path.name for path in litter.parent.iterdir()] == ["uk-tps.list"]


def test_a_url_of_redis_that_is_none_is_named_by_check(command: Command, tmp_path: Path, redis_url: str) -> None:
    conf = tmp_path / "callgate.toml"
    conf.write_text(conf.read_text().replace(redis_url, "redis+sentinel://me:secret@a"))
    refused = command("check")
    assert refused.exit_code == 2
    assert "the name of the service is missing" in refused.stderr
    assert "secret" not in refused.stderr


def test_a_list_without_a_place_to_fetch_it_from_is_refused(command: Command) -> None:
    for name in ("uk-tps", "nl-x"):
        refused = command("lists", "fetch", name)
        assert refused.exit_code == 2
        assert f"[lists.{name}.fetch]" in refused.stderr


@pytest.mark.parametrize(
    ("fetch", "says"),
    [
        ("every = '1h'", "either command or url"),
        ("url = 'https://a/b'\ncommand = ['x', '{file}']", "either command or url"),
        ("command = ['x']", "has to be {file}"),
        ("url = 'ftp://a/b'", "only https:// and sftp:// are fetched"),
        ("url = 'sftp://a/b'", "a place is sftp://USER@HOST/PATH"),
        ("url = 'sftp://me@a/b'", "an sftp url goes with host_keys_file"),
        ("url = 'sftp://me:pw@a/b'", "a password stands in"),
        ("url = 'https://a/b'\nkey_file = 'k'", "go with an sftp url"),
        ("url = 'http://example.org/b'", "only https:// and sftp:// are fetched"),
        ("url = 'https://me:secret@a/b'", "never in a URL"),
        ("url = 'https://a/b'\nbearer_file = 'a'\nbasic_file = 'b'", "one of them is enough"),
        ("command = ['x', '{file}']\nbearer_file = 'a'", "goes with url"),
        ("url = 'https://a/b'\nevery = 'daily'", "is written like 24h"),
        ("url = 'https://a/b'\nevery = '1m'", "15 minutes at least"),
    ],
)
def test_a_place_that_cannot_be_right_is_named_by_check(
    command: Command, tmp_path: Path, fetch: str, says: str
) -> None:
    configure(tmp_path, fetch)
    refused = command("check")
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert "secret@" not in refused.stderr
