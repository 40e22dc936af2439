"""`callgate rights`: what a person asks a company for, entered and done."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from callgate.cli import requests
from callgate.cli.asking import (
    Because,
    By,
    Controller,
    Identity,
    Language,
    Number,
    Received,
    asked,
    at_a_desk,
    loaded,
    officer,
    say,
)
from callgate.cli.common import ConfigOption, JsonOption, default_config, err, explained, out
from callgate.core.access import Principal
from callgate.core.requests import Correction, Ground, Request, Right
from callgate.rights.access import Document, give_access
from callgate.rights.desk import Asked, Desk
from callgate.rights.erasing import erase as erase_person
from callgate.rights.limiting import object_, rectify, restrict
from callgate.rights.pages import access_page

app = typer.Typer(
    help="Requests of persons: objection, erasure, access, restriction, rectification.", no_args_is_help=True
)
app.command(name="list")(requests.list_)
app.command(name="show")(requests.show)
app.command(name="identify")(requests.identify)
app.command(name="call-back")(requests.call_back)
app.command(name="extend")(requests.extend)
app.command(name="refuse")(requests.refuse)
app.command(name="acknowledge")(requests.acknowledge)
app.command(name="lift")(requests.lift)
app.command(name="certificate")(requests.certificate)


@app.command(name="object")
def object_command(
    number: Number,
    controller: Controller,
    because: Because,
    by: By = None,
    received: Received = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter an objection that came by letter. It is in force at every centre when this returns."""
    settings = loaded(config_file)
    wanted = asked(settings, number, controller, because, received)
    done = at_a_desk(settings, "entering", lambda desk: object_(desk, officer(by), wanted))
    say(done, "the objection is in force.", as_json)


@app.command()
def erase(
    number: Number,
    controller: Controller,
    by: By = None,
    identity: Identity = "",
    because: Because = "",
    received: Received = None,
    language: Language = "",
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Erase what a company holds on a person. It cannot be taken back.

    Without --identity the request is entered, its time runs, and nothing is erased yet: exit code 1.
    """
    settings = loaded(config_file)
    wanted = asked(settings, number, controller, because, received, language=language)
    who = officer(by)

    async def work(desk: Desk) -> tuple[Request, bool]:
        request = await _entered(desk, who, Right.ERASURE, wanted, identity)
        if request.identity is None:
            return request, False
        return await erase_person(desk, who, request), True

    request, erased = at_a_desk(settings, "erasing", work)
    say(request, "erased." if erased else _UNIDENTIFIED, as_json)
    if not erased:
        raise typer.Exit(1)
    if request.done is not None and not request.done.facts.get("overwritten"):
        err.print("Somebody was reading: copies of the keys lie in the log until tonight.")
    if not as_json:
        out.print("Backups that were made before still hold the keys: end them, or rotate the master key.")


@app.command()
def access(
    number: Number,
    controller: Controller,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder in which the two files are written.")],
    by: By = None,
    identity: Identity = "",
    because: Because = "",
    received: Received = None,
    language: Language = "",
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Write down everything that a company holds on a person: as JSON, and as a page to read and print.

    Without --identity the request is entered, its time runs, and nothing is written yet: exit code 1.
    """
    settings = loaded(config_file)
    wanted = asked(settings, number, controller, because, received, language=language)
    who = officer(by)

    async def work(desk: Desk) -> tuple[Request, Document | None]:
        request = await _entered(desk, who, Right.ACCESS, wanted, identity)
        if request.identity is None:
            return request, None
        document = await give_access(desk, who, request)
        return await desk.request(who, request.id), document

    request, document = at_a_desk(settings, "looking", work)
    if document is None:
        say(request, _UNIDENTIFIED, as_json)
        raise typer.Exit(1)
    with explained():
        files = [
            requests.written_to(output / f"{request.id}.json", json.dumps(document, indent=2, ensure_ascii=False)),
            requests.written_to(output / f"{request.id}.html", access_page(document)),
        ]
    say(request, f"written to {files[0]} and {files[1]}.", as_json, {"files": [os.fspath(file) for file in files]})


@app.command(name="restrict")
def restrict_command(
    number: Number,
    controller: Controller,
    ground: Annotated[Ground, typer.Option("--ground", help="GDPR Art. 18(1)(a), (b), (c) or (d).")],
    because: Because,
    by: By = None,
    received: Received = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Let a company only keep a person's data: no calls, nothing shown but to its officer, nothing deleted."""
    settings = loaded(config_file)
    wanted = asked(settings, number, controller, because, received)
    done = at_a_desk(settings, "entering", lambda desk: restrict(desk, officer(by), wanted, ground))
    say(done, "the data may only be kept.", as_json)


@app.command(name="rectify")
def rectify_command(
    number: Number,
    controller: Controller,
    what: Annotated[Correction, typer.Option("--what", help="What is wrong.")],
    now: Annotated[str, typer.Option("--now", help="What is right.")],
    because: Because,
    by: By = None,
    received: Received = None,
    config_file: ConfigOption = default_config,
    as_json: JsonOption = False,
) -> None:
    """Enter what is right of a person from now on. What was entered before stays, with its date."""
    settings = loaded(config_file)
    wanted = asked(settings, number, controller, because, received)
    done = at_a_desk(settings, "entering", lambda desk: rectify(desk, officer(by), wanted, what, now))
    say(done, "corrected.", as_json)


_UNIDENTIFIED = "entered, and its time runs; say --identity once the person was identified."


async def _entered(desk: Desk, who: Principal, right: Right, wanted: Asked, identity: str) -> Request:
    """The request that is open for the person, or a new one; identified, where it is said how."""
    request = await desk.pending(who, right, wanted.number, wanted.controller) or await desk.open(who, right, wanted)
    if identity and request.identity is None:
        request = await desk.identify(who, request, identity)
    return request
