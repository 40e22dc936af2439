"""The commands that read and make what callgate is configured with."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgate.cli.main import SECRETS, app
from tests.core.test_config import GOOD


def run(*arguments: str, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "400", **(environment or {})})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good configuration, with its secrets made by `callgate init`."""
    assert run("init", str(tmp_path / "secrets")).exit_code == 0
    text = GOOD
    made = {"ami": "ami.secret", "ledger": "ledger.key", "suppression": "suppression.key", "token": "token.key"}
    for old, new in made.items():
        text = text.replace(f'"{old}"', f'"{tmp_path}/secrets/{new}"')
    path = tmp_path / "callgate.toml"
    path.write_text(text)
    return path


def test_check_shows_what_is_in_force_without_its_secrets(file: Path, tmp_path: Path) -> None:
    shown = run("check", "-c", str(file), environment={"CALLGATE__REDIS__URL": "redis://:hunter2@127.0.0.1/0"})
    assert shown.exit_code == 0
    assert "The configuration is right" in shown.output
    assert "hunter2" not in shown.output
    for name in SECRETS:
        assert (tmp_path / "secrets" / name).read_text().split()[-1] not in shown.output


def test_check_speaks_json_to_a_script(file: Path) -> None:
    answer = json.loads(run("check", "-c", str(file), "--json").output)
    assert answer["ok"] is True
    assert len(answer["policy"]) == 12


def test_check_lists_what_no_law_says_and_the_operator_has_not_decided(file: Path) -> None:
    undecided = json.loads(run("check", "-c", str(file), "--json").output)["undecided"]
    assert {question["country"] for question in undecided} == {"FR", "GB"}
    assert "days-off" in {question["rule"] for question in undecided if question["country"] == "GB"}
    decision = '\n[[law.GB.days_off]]\nname = "days-off"\nsource = "the board"\nblock = false\n'
    file.write_text(file.read_text() + decision)
    decided = json.loads(run("check", "-c", str(file), "--json").output)["undecided"]
    assert [question for question in undecided if question not in decided] == [
        question for question in undecided if (question["country"], question["rule"]) == ("GB", "days-off")
    ]
    assert "not decided in [law.GB]: GB hours: " in run("check", "-c", str(file)).output


def test_check_names_the_laws_that_the_terms_are_unlike(file: Path) -> None:
    file.write_text(file.read_text() + "\n[retention]\nrecording_days = 200\n")
    (term,) = json.loads(run("check", "-c", str(file), "--json").output)["terms"]
    assert (term["country"], term["rule"], term["days"]) == ("FR", "recordings", 200)
    assert "unlike [retention], which has 200 days: FR recordings: " in run("check", "-c", str(file)).output
    file.write_text(file.read_text().replace("= 200", "= 180"))
    assert json.loads(run("check", "-c", str(file), "--json").output)["terms"] == []


def test_check_tells_of_a_spool_that_others_may_use_and_of_a_disk_that_is_nearly_full(
    file: Path, tmp_path: Path
) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    spool = f'spool = "{tmp_path}/spool"'
    text = file.read_text().replace('spool = "spool"', spool).replace('sealed = "sealed"', f'sealed = "{tmp_path}/s"')
    file.write_text(text)
    assert json.loads(run("check", "-c", str(file), "--json").output)["recordings"] == []
    file.write_text(text.replace(spool, f"{spool}\nmin_free_mib = 1_000_000_000"))
    (tmp_path / "spool").chmod(0o755)
    told = run("check", "-c", str(file))
    assert told.exit_code == 0
    assert "may use the spool" in told.output
    assert "MiB are free" in told.output


def test_check_lists_what_lapses_within_a_month_and_what_lapsed(file: Path) -> None:
    assert json.loads(run("check", "-c", str(file), "--json").output)["lapsing"] == []
    soon = (datetime.now(UTC) + timedelta(days=29)).date()
    text = file.read_text()
    file.write_text(text.replace("expires = 2030-01-01", f"expires = {soon}"))
    [lapse] = json.loads(run("check", "-c", str(file), "--json").output)["lapsing"]
    assert (lapse["centre"], lapse["until"]) == ("brussels", str(soon))
    assert (
        f"brussels for acme lapses after {soon}: the processor contract DPA-1" in run("check", "-c", str(file)).output
    )
    file.write_text(text.replace("expires = 2030-01-01", "expires = 2026-01-01"))
    assert (
        "brussels for acme blocks every call: the processor contract DPA-1 lapsed"
        in run("check", "-c", str(file)).output
    )


def test_check_names_every_bad_line_and_fails(file: Path) -> None:
    text = file.read_text().replace("max_age_days = 28", "max_age_days = 0").replace("[office]", "[ofice]")
    file.write_text(text)
    refused = run("check", "-c", str(file))
    at = {line: number for number, line in enumerate(text.splitlines(), start=1)}
    assert refused.exit_code == 2
    assert f"callgate.toml:{at['max_age_days = 0']}: lists.uk-tps.max_age_days" in refused.output
    assert f"callgate.toml:{at['[ofice]']}: ofice: no such key" in refused.output
    assert "office: is missing" in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.parametrize("name", SECRETS)
def test_check_refuses_a_secret_that_others_can_read(file: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secrets" / name).chmod(0o644)
    refused = run("check", "-c", str(file))
    assert refused.exit_code == 2
    assert name in refused.output
    assert "chmod" in refused.output


def test_a_configuration_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    refused = run("check", "-c", str(tmp_path / "none.toml"))
    assert refused.exit_code == 2
    assert "none.toml: cannot be read" in refused.output


def test_init_makes_secrets_for_their_owner_and_loses_none(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert run("init", str(folder)).exit_code == 0
    before = {name: (folder / name).read_bytes() for name in SECRETS}
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in SECRETS)
    again = run("init", str(folder))
    assert again.exit_code == 0
    assert again.output.count("is there already") == len(SECRETS)
    assert {name: (folder / name).read_bytes() for name in SECRETS} == before


@pytest.mark.parametrize(
    ("number", "centre", "reason"),
    [
        ("12", "brussels", "bad-number"),
        ("0033199001234", "nowhere", "unknown-centre"),
        ("0031201234567", "brussels", "country-not-served"),
    ],
)
def test_explain_needs_no_store_for_what_the_policy_blocks(file: Path, number: str, centre: str, reason: str) -> None:
    arguments = ("explain", number, "--campaign", "spring", "--centre", centre, "-c", str(file), "--json")
    said = run(*arguments)
    assert said.exit_code == 1
    answer = json.loads(said.output)
    assert (answer["outcome"], answer["reason"]) == ("block", reason)
    assert answer["trail"][-1]["passed"] is False


@pytest.mark.parametrize("at", ["yesterday", "2026-08-12T20:30:00", "[/nonsense]"])
def test_explain_refuses_a_moment_that_is_none(file: Path, at: str) -> None:
    refused = run("explain", "0033199001234", "--campaign", "spring", "--at", at, "-c", str(file))
    assert refused.exit_code == 2
    assert at in refused.output
    assert "write it like" in refused.output


def test_the_emergency_dialplan_is_that_of_the_site(file: Path) -> None:
    printed = run("dialplan", "emergency", "-c", str(file))
    assert printed.exit_code == 0
    assert "[callgate-emergency]" in printed.output
    assert "exten => 112,1," in printed.output
