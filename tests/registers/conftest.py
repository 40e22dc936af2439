import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate.cli.main import SECRETS, app
from tests.core.test_config import GOOD
from tests.stores.servers import RedisServer

Command = Callable[..., Result]


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of the test's own, which outlives the event loop of each command."""
    with asyncio.Runner() as runner:
        server = RedisServer()
        runner.run(server.start())
        yield server.url
        runner.run(server.end())


@pytest.fixture
def command(tmp_path: Path, redis_url: str) -> Command:
    """`callgate …` with a good configuration and a Redis, its state in `tmp_path / "state"`."""
    runner = CliRunner()
    secrets = tmp_path / "secrets"
    assert runner.invoke(app, ["init", str(secrets)]).exit_code == 0
    text = GOOD
    for old, new in zip(("ledger", "suppression", "token", "ami"), SECRETS, strict=True):
        text = text.replace(f'"{old}"', f'"{secrets}/{new}"')
    text = text.replace('"state"', f'"{tmp_path}/state"').replace("ledger.db", f"/{tmp_path}/ledger.db")
    path = tmp_path / "callgate.toml"
    path.write_text(f'{text}\n[redis]\nurl = "{redis_url}"\n')

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return runner.invoke(app, [*arguments, "-c", str(path)], input=stdin, env={"COLUMNS": "400"})

    return run
