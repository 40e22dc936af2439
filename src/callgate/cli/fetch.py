"""`callgate lists fetch`: get a list's newest file from where the configuration says, and bring it into force."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from callgate import config, installation
from callgate.cli.bringing import bring, reading_of, share_of
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, fail, run
from callgate.config import Settings
from callgate.config.settings import FetchTable
from callgate.intoforce import Wanted
from callgate.registers.intake import Limits
from callgate.supply.errors import FetchFailed
from callgate.supply.fetching import Fetched, authorization, by_command, by_url


def fetch(
    name: Annotated[str, typer.Argument(help="Which list, as the configuration names it.")],
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Fetch a list as its [lists.NAME.fetch] says, and bring it into force. The daemon does so on schedule.

    Exit codes as of `callgate lists import`.
    """
    with explained():
        settings = config.load(config_file)
    rule = settings.lists.get(name)
    if rule is None or rule.fetch is None:
        fail(f"no list {name!r} with a table [lists.{name}.fetch] is configured")
    table = rule.fetch
    with _folder(settings, name) as folder:
        fetched = run(_fetch(settings, table, folder / f"{name}.fetched"))
        wanted = Wanted(
            list=name,
            file=str(fetched.path),
            reading=reading_of(table.format, rule.country, table.bare, table.column, table.change_column),
            as_of=fetched.as_of,
            version=f"{fetched.as_of:%Y%m%d%H%M%S}",
            limits=Limits(share_of(table.max_broken)),
            member=table.member,
        )
        bring(settings, wanted, as_json)


async def _fetch(settings: Settings, table: FetchTable, to: Path) -> Fetched:
    now = installation.clock_of(settings)()
    try:
        if table.command:
            return await by_command(table.command, to, now)
        if table.by_sftp and table.url and table.host_keys_file:
            from callgate.supply.sftp import Login, by_sftp  # noqa: PLC0415 - other commands do not wait for SSH

            return await by_sftp(table.url, Login(table.host_keys_file, table.key_file, table.password_file), to, now)
        return await by_url(table.url or "", authorization(table.bearer_file, table.basic_file), to, now)
    except FetchFailed as error:
        fail(str(error))


@contextmanager
def _folder(settings: Settings, name: str) -> Iterator[Path]:
    """Where the file lies meanwhile: beside the lists, where there is room. What a crash left there is swept."""
    folder = installation.list_path(settings, name).with_name(f".fetch-{name}")
    with explained():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
