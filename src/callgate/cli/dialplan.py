"""`callgate dialplan`: the parts of the dialplan that are generated."""

import typer

from callgate import config, installation
from callgate.cli.common import ConfigOption, default_config, explained
from callgate.core import emergency

app = typer.Typer(help="The parts of the dialplan that are generated.", no_args_is_help=True)


@app.command(name="emergency")
def emergency_(config_file: ConfigOption = default_config) -> None:
    """Print callgate-emergency.conf for the PBX's country."""
    with explained():
        settings = config.load(config_file)
    typer.echo(emergency.context(settings.site.country, installation.outside_lines(settings)), nl=False)
