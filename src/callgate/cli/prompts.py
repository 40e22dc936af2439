"""`callgate prompts build`: from texts to what callees and agents hear."""

import typer
from rich.progress import Progress as Bar
from rich.table import Table

from callgate import config
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, out, print_json
from callgate.config import Settings
from callgate.prompts.build import Progress, build
from callgate.prompts.script import BuildSpec, Campaign, Centre

app = typer.Typer(help="What callees and agents hear.", no_args_is_help=True)


def spec_of(settings: Settings) -> BuildSpec:
    """What the configuration wants to be spoken."""
    campaigns = []
    for name, campaign in settings.campaigns.items():
        controller = settings.controllers[campaign.controller]
        campaigns.append(
            Campaign(
                id=name,
                languages=tuple(sorted({*campaign.languages.values(), *campaign.language_keys.values()})),
                company=controller.name,
                purpose=dict(campaign.spoken_purpose),
                recording=campaign.record,
                privacy_policy=dict(controller.privacy_policy),
                centres=tuple(of.centre for of in settings.mandates if of.controller == campaign.controller),
                language_keys=dict(campaign.language_keys),
            )
        )
    centres = tuple(Centre(name, centre.name) for name, centre in settings.centres.items())
    # English is what the dialplan falls back to before callgate told it the centre's language.
    languages = tuple(sorted({centre.language for centre in settings.centres.values()} | {"en"}))
    return BuildSpec(tuple(campaigns), centres, languages, settings.prompts.own)


@app.command(name="build")
def build_(config_file: ConfigOption = default_config, as_json: JsonOption = False) -> None:
    """Render every prompt that the configuration needs; refuse what takes too long. Unchanged ones are kept."""
    with explained():
        settings = config.load(config_file)
        settings.prompts.folder.mkdir(parents=True, exist_ok=True)
        with Bar(console=err, transient=True) as bar:
            task = bar.add_task("prompts", total=None)

            def show(done: Progress) -> None:
                bar.update(task, completed=done.done, total=done.total)

            manifest = build(spec_of(settings), settings.prompts.folder, progress=show)
    if as_json:
        print_json({"version": manifest.version, "prompts": len(manifest.prompts)})
        return
    table = Table("prompt", "language", "seconds", box=None, header_style="dim")
    for prompt in manifest.prompts:
        if prompt.name.startswith(("identification", "question", "language")):
            table.add_row(prompt.name, prompt.language, f"{prompt.seconds:.1f}")
    out.print(table)
    out.print(f"{len(manifest.prompts)} prompts are in {settings.prompts.folder}, version {manifest.version}.")
