"""`callgate ledger`, the part for the officer: erasure, and the gap that a restore leaves."""

from typing import Annotated

import typer

from callgate import config, installation
from callgate.cli.common import ConfigOption, JsonOption, default_config, explained, fail, out, print_json, run
from callgate.core import phone
from callgate.core.events import DataClass
from callgate.partnering import partners_of
from callgate.recordings.keeping import sweep
from callgate.stores.ledger import gap
from callgate.stores.outbox import Outbox

Who = Annotated[str, typer.Option("--by", help="Who asks for it; the ledger keeps this.")]


def erase(
    number: Annotated[str, typer.Argument(help="The person's number.")],
    controller: Annotated[str, typer.Option("--controller", help="Whose data: a company of the configuration.")],
    classes: Annotated[str, typer.Option("--class", help="Of contact, recording and proof, with commas between.")],
    by: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Destroy the keys of what is held on a person. It cannot be taken back. Their objections stay in force.

    The tool beneath. What a person asks for is `callgate rights erase`'s, which has a deadline and a certificate.
    """
    with explained():
        settings = config.load(config_file)
    try:
        of = phone.parse(number, settings.site.country, settings.site.outside_line)
    except phone.NotANumber as error:
        fail(f"the number cannot be read: {error}")
    if controller not in settings.controllers:
        fail(f"{controller!r} is not in [controllers]; there are {', '.join(sorted(settings.controllers))}")
    named = _classes(classes)
    if not yes:
        typer.confirm(f"Destroy for good what {controller} holds on {of.masked} ({', '.join(named)})?", abort=True)
    clock = installation.clock_of(settings)

    async def work() -> tuple[int, bool]:
        async with installation.opened(settings) as (ledger, _):
            outbox = Outbox(ledger, partners_of(settings), clock)
            for partner in outbox.partners.values():
                # What a partner is still to be told of an objection needs the number that is about to go.
                await outbox.catch_up(partner)
            done = await ledger.erase(
                of.e164, controller, named, clock(), by=by, journal=installation.journal_of(settings)
            )
            await sweep(ledger, installation.archive_of(settings), clock())
            return done

    count, overwritten = run(work())
    if as_json:
        print_json({"destroyed": count, "overwritten": overwritten})
    elif not count:
        out.print("Nothing was held on this person that could be erased.")
    else:
        out.print(f"{count} keys were destroyed, and what they sealed cannot be read any more.")
        if not overwritten:
            out.print(
                "Somebody was reading: copies of the keys lie in the log until tonight, or until this is repeated."
            )
        out.print("Backups that were made before still hold the keys: end them, or rotate the master key.")


def _classes(written: str) -> list[DataClass]:
    known = [of.value for of in DataClass]
    named = [word.strip() for word in written.split(",")]
    for word in named:
        if word not in known:
            fail(f"{word!r} is no class of data; there are {', '.join(known)}")
    return [DataClass(word) for word in named]


def accept_gap(
    by: Who,
    because: Annotated[str, typer.Option("--because", help="Why calls can be made: for example, what was fetched.")],
    config_file: ConfigOption = default_config,
) -> None:
    """Answer for the objections that a restored ledger may lack, so that calls are made again."""

    async def work() -> None:
        settings = config.load(config_file)
        clock = installation.clock_of(settings)
        async with installation.opened(settings) as (ledger, _):
            await gap.accept(ledger, clock(), by, because)

    run(work())
    out.print(
        f"It is in the ledger that {by} answers for it. Calls are made as soon as the cache is ready.", markup=False
    )
