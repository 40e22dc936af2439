"""Whatever ends callgate, what it wrote is under a checkpoint."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from callgate import config, daemon, installation
from callgate.cli.main import app
from callgate.clock import system_clock
from callgate.prompts.catalogue import Catalogue
from tests.core.test_config import GOOD
from tests.stores.conftest import verdict


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[config.Settings]:
    """A configuration that can be served, but for its port for HTTP, which is taken."""
    secrets = tmp_path / "secrets"
    assert CliRunner().invoke(app, ["init", str(secrets)]).exit_code == 0
    structlog.reset_defaults()  # the command logs to a file of the runner's, which is closed by now
    names = {"ledger": "ledger.key", "suppression": "suppression.key", "token": "token.key", "ami": "ami.secret"}
    text = GOOD.replace("sqlite:///ledger.db", f"sqlite:///{tmp_path}/ledger.db")
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{secrets}/{new}"')
    for folder in ("state", "spool", "sealed", "prompts"):
        (tmp_path / folder).mkdir()
        text = text.replace(f'= "{folder}"', f'= "{tmp_path}/{folder}"')
    monkeypatch.setattr(Catalogue, "load", lambda _: Catalogue("none", {}))
    before = sys.getswitchinterval()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = tmp_path / "callgate.toml"
        path.write_text(text + f'\n[http]\nlisten = "127.0.0.1:{port}"\n')
        yield config.load(path)
    sys.setswitchinterval(before)


async def test_a_start_that_fails_signs_what_was_written_before_it_ends(settings: config.Settings) -> None:
    async with installation.stores(settings, "before", system_clock) as (ledger, _):
        await ledger.append([verdict()])
    with pytest.raises(OSError, match="address already in use"):
        await daemon.serve(settings, Path("unused"), lambda: settings)
    async with installation.stores(settings, "after", system_clock) as (ledger, _):
        report = await ledger.audit()
        events = await ledger.last_seq()
    assert (report.covered, report.problems) == (events, ())  # with the policy, where it got so far
