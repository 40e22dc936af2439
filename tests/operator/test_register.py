"""The register of processing: what the configuration holds is in it, and what it does not is named."""

import json
from datetime import date
from pathlib import Path

import pytest

from callgate import config
from callgate.accountability.register import register
from callgate.core.document import TO_FILL_IN, as_json, as_markdown
from tests.core.test_config import GOOD
from tests.registers.conftest import Command

DAY = date(2026, 11, 25)
MORE = """
[controllers.beta]
name = "Beta Energy"
privacy_policy = { fr = "beta" }
contact = "Main street 1, Ghent"
representative = "Gamma Law"
officer = "A. Officer, dpo at beta"

[centres.tunis]
name = "Tunis Calls"
country = "TN"
language = "fr"
contact = "Avenue 2, Tunis"
officer = "B. Officer"

[centres.tunis.clauses]
reference = "SCC-77"
signed = 2026-01-01
expires = 2027-01-01
annexes = ["I", "II"]

[centres.casablanca]
name = "Casablanca Calls"
country = "MA"
language = "fr"

[campaigns.winter]
controller = "beta"
purpose = "service"
caller_id = "+3225550199"
spoken_purpose = { fr = "votre contrat" }
languages = { FR = "fr" }
record = false
notes = true
outcomes = ["settled", "unsettled"]
callee = "company"

[[mandates]]
controller = "beta"
centre = "tunis"
reference = "DPA-77"
expires = 2031-02-03
sub_processors = ["casablanca"]

[[mandates]]
controller = "beta"
centre = "casablanca"
reference = "SUB-78"
expires = 2031-02-03
under = "tunis"

[retention]
contact_days = 401
recording_days = 402
proof_days = 2003
"""


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    path = tmp_path / "callgate.toml"
    path.write_text(GOOD.replace("[site]", '[redis]\nurl = "rediss://redis.example/0"\n\n[site]') + MORE)
    return config.load(path, {})


def written(settings: config.Settings, controller: str | None = None) -> str:
    document = register(settings, config.to_policy(settings), DAY, controller)
    return as_markdown(document).replace("\\", "")


@pytest.mark.parametrize(
    "held",
    [
        "| 30(1)(a) controller | Beta Energy |",
        "| 30(1)(a) contact details | Main street 1, Ghent |",
        "Gamma Law",
        "A. Officer, dpo at beta",
        "service — as callees hear it: fr: votre contrat",
        "people in companies in FR",
        "settled, unsettled",
        "notes of agents",
        "| Tunis Calls | processor | DPA-77, until 2031-02-03 |",
        "sub-processor of Tunis Calls (Art. 28(4)) | not in force, and no calls: MA is outside the EEA",
        "| Tunis Calls | TN | SCC-77, signed on 2026-01-01",
        "| Casablanca Calls | MA | none, and no calls",
        "calls on behalf of Beta Energy, as sub-processor of Tunis Calls, under SUB-78",
        "Avenue 2, Tunis",
        "B. Officer",
        "the carrier behind PJSIP/carrier",
        "401 days",
        "402 days",
        "2003 days",
        "| encryption to the cache | TLS |",
        "uk-tps at most 28 days old",
    ],
)
def test_what_the_configuration_holds_is_in_the_register(settings: config.Settings, held: str) -> None:
    assert held in written(settings)


def test_what_is_not_known_is_named_and_not_invented(settings: config.Settings) -> None:
    still = as_json(register(settings, config.to_policy(settings), DAY))["open"]
    assert isinstance(still, list)
    assert "Acme: controller (Art. 30(1)): 30(1)(a) contact details" in still
    assert "Acme: controller (Art. 30(1)): 30(1)(a) data protection officer" in still
    assert "Brussels: processor (Art. 30(2)): 30(2)(a) contact details" in still
    assert "Security measures (Art. 32): restoring after an incident" in still
    assert not [line for line in still if "Beta Energy" in str(line) and "officer" in str(line)]


def test_no_recordings_are_claimed_where_none_are_made(settings: config.Settings) -> None:
    beta = written(settings, "beta")
    assert "recordings of those who consented" not in beta
    assert "recordings of those who consented" in written(settings, "acme")


def test_the_part_of_one_company_tells_nothing_of_another(settings: config.Settings) -> None:
    acme = written(settings, "acme")
    for other in ("Beta", "Tunis", "DPA-77", "votre contrat"):
        assert other not in acme


def test_a_password_or_a_secret_is_nowhere_in_it(settings: config.Settings) -> None:
    hidden = settings.model_copy(
        update={
            "ledger": settings.ledger.model_copy(update={"url": "postgresql://me:hush@db.example/x?sslmode=prefer"})
        }
    )
    text = written(hidden)
    assert "hush" not in text
    assert "not demanded, to db.example" in text


@pytest.mark.server
def test_the_command_writes_each_form_and_refuses_a_company_that_is_not_there(command: Command, tmp_path: Path) -> None:
    assert command("register").stdout.startswith("# Register of processing")
    assert json.loads(command("register", "--format", "json", "--controller", "acme").stdout)["sections"]
    page = tmp_path / "register.html"
    done = command("register", "--format", "html", "-o", str(page))
    assert (done.exit_code, page.read_text().startswith("<!doctype html>")) == (0, True)
    assert TO_FILL_IN.split()[-1] in page.read_text()
    assert command("register", "--controller", "nobody").exit_code == 2
