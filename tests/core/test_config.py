"""The configuration is read whole: every error with its line, nothing half-loaded, and no secret in what is shown."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.config import BadConfig, load, read_secret, redacted, to_policy
from callgate.core import lines
from callgate.core.consent import Manner
from callgate.core.law.transfers import Signed

CLAUSES = """
[centres.tunis]
name = "Tunis"
country = "TN"
language = "fr"
[centres.tunis.clauses]
reference = "SCC-1"
signed = 2026-01-01
expires = 2027-01-01
annexes = ["I", "II"]
"""

GOOD = """\
[site]
country = "BE"

[pbx]
name = "lab"
ami_secret_file = "ami"
trunks = ["PJSIP/carrier"]

[office]
state = "state"

[ledger]
url = "sqlite:///ledger.db"

[secrets]
ledger_key_file = "ledger"
suppression_key_file = "suppression"
token_key_file = "token"

[recordings]
spool = "spool"
sealed = "sealed"

[prompts]
folder = "prompts"

[controllers.acme]
name = "Acme"
privacy_policy = { fr = "acme point example", en = "acme dot example" }

[centres.brussels]
name = "Brussels"
country = "BE"
language = "en"

[campaigns.spring]
controller = "acme"
purpose = "marketing"
caller_id = "+3225550199"
spoken_purpose = { fr = "une offre", en = "an offer" }
languages = { FR = "fr", GB = "en" }
lists = { GB = ["uk-tps"] }

[[mandates]]
controller = "acme"
centre = "brussels"
reference = "DPA-1"
expires = 2030-01-01

[lists.uk-tps]
country = "GB"
max_age_days = 28
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "callgate.toml"
    path.write_text(GOOD)
    return path


def line_with(text: str) -> int:
    return next(at for at, line in enumerate(GOOD.splitlines(), start=1) if text in line)


def problems(file: Path, changes: Mapping[str, str], environment: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong once each text is changed to the other, without the folder that the file is in."""
    text = GOOD
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    with pytest.raises(BadConfig) as refused:
        load(file, environment or {})
    return [str(problem).removeprefix(f"{file.parent}/") for problem in refused.value.problems]


def test_a_good_file_is_a_policy_with_a_version_that_names_its_content(file: Path) -> None:
    policy = to_policy(load(file, {}))
    assert policy.campaigns["spring"].countries == {"FR", "GB"}
    assert policy.mandates["acme", "brussels"].reference == "DPA-1"
    file.write_text(GOOD.replace("DPA-1", "DPA-2"))
    changed = to_policy(load(file, {}))
    assert changed.version != policy.version
    file.write_text(GOOD.replace('url = "sqlite:///ledger.db"', 'url = "sqlite:///other.db"'))
    assert to_policy(load(file, {})).version == policy.version


def test_how_a_campaign_asks_is_part_of_its_policy(file: Path) -> None:
    said = 'question_times = 2\nlanguage_keys = { 4 = "en" }\nwithout_consent = "end"'
    asked = GOOD.replace('languages = { FR = "fr", GB = "en" }', f'languages = {{ FR = "fr" }}\n{said}')
    file.write_text(asked.replace('lists = { GB = ["uk-tps"] }', ""))
    campaign = to_policy(load(file, {})).campaigns["spring"]
    assert campaign.manner == Manner(times=2, languages={"4": "en"}, goes_on=False)
    assert campaign.spoken == {"fr", "en"}


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ('language = "en"', 'language = "xx"', "centres.brussels.language", "a language is nl, fr, de or en, not 'xx'"),
        ("max_age_days = 28", "max_age_days = 0", "lists.uk-tps.max_age_days", "greater than or equal to 1"),
        ('caller_id = "+3225550199"', 'caller_id = "025550199"', "campaigns.spring.caller_id", "not '025550199'"),
        ('country = "BE"', 'country = "Belgium"', "site.country", "two capital letters (ISO 3166), such as BE"),
        ('trunks = ["PJSIP/carrier"]', "trunks = []", "pbx.trunks", "at least 1"),
        ('sealed = "sealed"', 'seeled = "sealed"', "recordings.seeled", "no such key"),
        ('spool = "spool"', 'spool = "/a,b"', "recordings.spool", "no path with a comma"),
        ('spool = "spool"', 'spool = "/a)b"', "recordings.spool", "no path with a comma"),
        ('name = "lab"', 'name = "My PBX"', "pbx.name", "small letters"),
        ('name = "lab"', 'name = "lab"\nami = "localhost"', "pbx.ami", "host:port"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(file: Path, old: str, new: str, place: str, says: str) -> None:
    found = [problem for problem in problems(file, {old: new}) if place in problem]
    key = place.rpartition(".")[2]
    at = next(at for at, line in enumerate(GOOD.replace(old, new).splitlines(), start=1) if line.startswith(f"{key} ="))
    assert len(found) == 1
    assert found[0].startswith(f"callgate.toml:{at}: {place}: ")
    assert says in found[0]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ("{ autumn = 30 }", "retention.recording_days_of.autumn: there is no such campaign"),
        ("{ spring = 366 }", "retention.recording_days_of.spring: is longer than recording_days"),
    ],
)
def test_a_campaigns_recordings_end_no_later_than_the_key_that_opens_them(file: Path, terms: str, says: str) -> None:
    (told,) = problems(file, {"[controllers.acme]": f"[retention]\nrecording_days_of = {terms}\n[controllers.acme]"})
    assert says in told


def test_a_controllers_country_has_holidays_that_are_known(file: Path) -> None:
    (told,) = problems(file, {'name = "Acme"': 'name = "Acme"\ncountry = "XX"'})
    assert "controllers.acme.country: the holidays of XX are not known" in told
    file.write_text(GOOD.replace('name = "Acme"', 'name = "Acme"\ncountry = "IE"'))
    assert to_policy(load(file, {})).controllers["acme"].country == "IE"


def test_every_error_is_told_at_once(file: Path) -> None:
    wrong = problems(file, {"max_age_days = 28": "max_age_days = 900", 'country = "BE"': 'country = "Belgium"',
                            'state = "state"': ""})  # fmt: skip
    assert [problem.split(": ")[1] for problem in wrong] == [
        "site.country", "office.state", "centres.brussels.country", "lists.uk-tps.max_age_days",
    ]  # fmt: skip


def test_names_that_are_nowhere_are_told_with_what_is_ill_formed(file: Path) -> None:
    wrong = problems(file, {'controller = "acme"\npurpose': 'controller = "acne"\npurpose',
                            'centre = "brussels"': 'centre = "bruges"', "= 28": "= 900"})  # fmt: skip
    assert [problem.split(": ", 1)[1].split(";")[0] for problem in wrong] == [
        "lists.uk-tps.max_age_days: Input should be less than or equal to 366, not 900",
        "campaigns.spring.controller: no controller 'acne'",
        "mandates.0.centre: no centre 'bruges'",
    ]
    assert all(problem.startswith("callgate.toml:") for problem in wrong)


@pytest.mark.parametrize("written", ['campaigns = "none"', "campaigns = { a = 1 }\nmandates = [1]", "mandates = 3"])
def test_tables_that_are_none_are_told_and_nothing_is_looked_for_in_them(file: Path, written: str) -> None:
    file.write_text(written)
    with pytest.raises(BadConfig):
        load(file, {})


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('[site]\ncountry = "BE"', '[site]\ncountry = "XX"', "country = ", "no emergency numbers"),
        ('controller = "acme"\npurpose', 'controller = "acne"\npurpose', "controller = ", "known are acme"),
        ('GB = ["uk-tps"]', 'GB = ["uk-tsp"]', "lists = ", "known are uk-tps"),
        ('GB = ["uk-tps"]', 'BE = ["uk-tps"]', "lists = ", "does not name"),
        ('GB = ["uk-tps"]', 'FR = ["uk-tps"]', "lists = ", "covers GB; it cannot bind calls to FR"),
        ('centre = "brussels"', 'centre = "bruges"', "centre = ", "known are brussels"),
        ('fr = "une offre", ', "", "spoken_purpose", "says nothing in fr"),
        ('fr = "acme point example", ', "", "privacy_policy", "says nothing in fr"),
        ("expires = 2030-01-01", "expires = 2030-01-01\nsince = 2031-01-01", "expires = ", "is before 2031-01-01"),
        ('reference = "DPA-1"', 'reference = "DPA-1"\nunder = "lille"', None, "lille has no mandate of acme"),
        ('reference = "DPA-1"', 'reference = "DPA-1"\nsub_processors = ["lille"]', None, "no centre 'lille'"),
        ("[office]", "[retention]\ncontact_days = 29\n[office]", None, "in GB count for 30 days"),
        ("[lists.uk-tps]", '[http]\nlisten = "0.0.0.0:80"\n[lists.uk-tps]', None, "is not on loopback"),
        ('GB = "en" }', 'GB = "en" }\nlanguage_keys = { 4 = "nl" }', None, "says nothing in nl"),
        ('GB = "en" }', 'GB = "en" }\nrecord = false\nwithout_consent = "end"', None, "every call would end"),
    ],
)
def test_parts_that_do_not_fit_are_named_with_their_line(
    file: Path, old: str, new: str, line: str | None, says: str
) -> None:
    found = problems(file, {old: new})
    assert any(says in problem for problem in found)
    if line is not None:
        assert any(f"callgate.toml:{line_with(line)}: " in problem for problem in found)


def test_standard_clauses_are_complete_with_their_annexes(file: Path) -> None:
    file.write_text(GOOD + CLAUSES)
    assert to_policy(load(file, {})).centres["tunis"].clauses == Signed("SCC-1", date(2026, 1, 1), date(2027, 1, 1))
    file.write_text(GOOD + CLAUSES.replace(', "II"', ""))
    with pytest.raises(BadConfig, match=r"centres\.tunis\.clauses\.annexes: clauses without annex II are not complete"):
        load(file, {})


def test_a_second_mandate_for_the_same_pair_is_an_error(file: Path) -> None:
    mandate = GOOD[GOOD.index("[[mandates]]") : GOOD.index("[lists.uk-tps]")]
    (found,) = problems(file, {mandate: mandate + mandate})
    assert "mandates.1.centre: a second mandate of acme for brussels" in found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[site\n", ":1: not TOML"),
        (b"\xff", "is not UTF-8"),
        (b"a = 1\na = 2\n", "not TOML"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_toml_says_so_with_its_place(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "callgate.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadConfig, match=says):
        load(path, {})


# The law.

TIGHTER = """
[[law.FR.contact_caps]]
name = "contact-cap"
source = "our own decision"
max = 2
days = 30
"""


def test_an_operators_rule_is_in_the_policy_and_its_version(file: Path) -> None:
    before = to_policy(load(file, {}))
    file.write_text(GOOD + TIGHTER)
    after = to_policy(load(file, {}))
    assert before.version != after.version
    assert [rule.origin for rule in after.law["FR"].rules if rule.name == "contact-cap"] == ["pack", "operator"]
    assert after.law["GB"] is before.law["GB"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("max = 2", "max = 5", "[[law.FR.contact_caps]]", "the law asks for more (Code de la consommation"),
        ("days = 30", "days = 0", "days = 0", "greater than or equal to 1"),
        ("[[law.FR.", "[[law.XX.", "[[law.XX.contact_caps]]", "there is no pack for XX"),
        ('source = "our own decision"', 'source = "x"\nstatus = "code"', "[[law.FR.contact_caps]]", "are a pack's"),
        ("max = 2", "maximum = 2", "maximum = 2", "no such key"),
    ],
)
def test_an_operators_rule_that_cannot_be_is_named_with_its_line(
    file: Path, old: str, new: str, line: str, says: str
) -> None:
    text = GOOD + TIGHTER.replace(old, new)
    file.write_text(text)
    with pytest.raises(BadConfig) as refused:
        load(file, {})
    (problem,) = [problem for problem in map(str, refused.value.problems) if says in problem]
    assert problem.startswith(f"{file}:{text.splitlines().index(line) + 1}: law.")


def test_the_version_is_the_same_in_every_process(file: Path) -> None:
    """Sets have another order in each."""
    file.write_text(GOOD + TIGHTER + 'binds = ["consumer", "trader", "company"]\n')
    script = "import sys; from pathlib import Path; from callgate.config import load, to_policy;"
    script += f"print(to_policy(load(Path({str(file)!r}), {{}})).version)"
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


# The environment.


def test_the_environment_lies_over_the_file(file: Path) -> None:
    settings = load(
        file, {"CALLGATE__REDIS__URL": "redis://redis:6379/1", "CALLGATE__PBX__NAME": "paris", "HOME": "/x"}
    )
    assert settings.redis.url == "redis://redis:6379/1"
    assert settings.pbx.name == "paris"


def test_a_misspelt_name_in_the_environment_is_an_error(file: Path) -> None:
    (found,) = problems(file, {}, {"CALLGATE__REDIS__URI": "redis://redis"})
    assert "redis.uri: no such key" in found


# Secrets.


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("redis://:hunter2@127.0.0.1/0", "hunter2"),
        ("postgresql://callgate:hunter2@db/callgate", "hunter2"),
        ("redis://:hunter2@home@127.0.0.1/0", "home"),
        ('redis://:hunt"er2@127.0.0.1/0', "er2"),
        ("redis://:hunt/er2@127.0.0.1/0", "er2"),
    ],
)
def test_a_password_in_a_url_is_not_shown(file: Path, url: str, hidden: str) -> None:
    shown = redacted(load(file, {"CALLGATE__REDIS__URL": url}))
    assert hidden not in shown
    assert "•••@" in shown


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (b"k" * 16, 0o600, None),
        (b"k" * 16 + b"\n", 0o640, None),
        (b"k" * 15 + b"\n", 0o600, "16 bytes or more, not 15"),
        (b"k" * 32, 0o604, "chmod o-rwx"),
        (b"k" * 32, 0o602, "chmod o-rwx"),
    ],
)
def test_a_secret_is_long_and_nobody_elses(tmp_path: Path, content: bytes, mode: int, says: str | None) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    if says is None:
        assert read_secret(path) == b"k" * 16
    else:
        with pytest.raises(BadConfig, match=says) as refused:
            read_secret(path)
        assert "kkk" not in str(refused.value)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="nowhere"):
        read_secret(tmp_path / "nowhere")


# Lines.


def test_every_table_and_key_of_the_file_has_its_line() -> None:
    found = lines.index(GOOD)
    assert found["lists", "uk-tps", "max_age_days"] == line_with("max_age_days")
    assert found["mandates", 0] == line_with("[[mandates]]")
    assert lines.line_of(found, ("mandates", 0, "nonsense")) == line_with("[[mandates]]")
    assert lines.line_of(found, ("mandates",)) == line_with("[[mandates]]")
    law = lines.index("[[law.FR.hours]]\nname = 'a'\n[[law.FR.hour]]\n[[law.FR.hour]]\n")
    assert lines.line_of(law, ("law", "FR", "hour")) == 3
    assert lines.line_of(found, ("nowhere",)) is None


keys = st.text("abcdefgh-_", min_size=1, max_size=6)


@given(st.dictionaries(keys, st.dictionaries(keys, st.integers(), max_size=4), max_size=4))
def test_every_key_is_found_on_the_line_that_holds_it(tables: dict[str, dict[str, int]]) -> None:
    text = "".join(
        f"\n[{name}]  # table\n" + "".join(f"  {key} = {value}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    assert tomllib.loads(text) == tables
    found = lines.index(text)
    for name, table in tables.items():
        for key in table:
            assert text.splitlines()[found[name, key] - 1].strip().startswith(f"{key} =")


PARTNER = """
[partners.crm]
controllers = ["acme"]
webhook = "https://crm.example/hook"
secret_file = "crm.secret"
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["acme"]', '["nobody"]', "no controller 'nobody'; known are acme"),
        ('["acme"]', "[]", "at least 1"),
        ("https://", "http://", "spoken to at https://"),
        ("https://crm", "https://me:secret@crm", "no password in the address"),
        ('secret_file = "crm.secret"', "", "secret_file is missing"),
        ('webhook = "https://crm.example/hook"', "", "one of webhook, feed, folder and command"),
        ('webhook = "https://crm.example/hook"', 'folder = "drop"', "go by webhook or feed only"),
        ('secret_file = "crm.secret"', 'secret_file = "s"\nfeed = true', "one of webhook, feed"),
        ('secret_file = "crm.secret"', 'secret_file = "s"\ntoken_file = "t"', "token_file"),
        ('secret_file = "crm.secret"', 'secret_file = "s"\ntell = ["everything"]', "'objections', 'removals'"),
        ('webhook = "https://crm.example/hook"\nsecret_file = "crm.secret"',
         'feed = true\nreceived = "https://crm.example"', "secret_file is missing"),
    ],
)  # fmt: skip
def test_a_partner_that_cannot_be_told_is_refused_with_its_line(file: Path, old: str, new: str, says: str) -> None:
    assert old in PARTNER
    file.write_text(GOOD + PARTNER.replace(old, new))
    with pytest.raises(BadConfig) as refused:
        load(file, {})
    assert says in str(refused.value)
    assert "partners.crm" in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_a_partner_is_told_of_objections_removals_and_erasures_unless_said_otherwise(file: Path) -> None:
    file.write_text(GOOD + PARTNER)
    assert load(file, {}).partners["crm"].tell == {
        "objections", "removals", "erasures", "restrictions", "rectifications",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("http", "says"),
    [
        ('listen = "0.0.0.0:80"', "is not on loopback"),
        ('listen = "0.0.0.0:80"\npublic_url = "https://gate.example"', "is not on loopback"),
        ('public_url = "http://gate.example"', "a public URL is https:// and a host"),
        ('public_url = "https://gate.example/below"', "a public URL is https:// and a host"),
        ('public_url = "https://gate.example"\ntls_key = "key.pem"', "go together"),
        ('trusted_proxies = ["10.0.0.1/32"]', "public_url has to say"),
        ("session_hours = 0", "greater than or equal to 1"),
    ],
)
def test_passwords_never_cross_a_network_in_the_clear(file: Path, http: str, says: str) -> None:
    found = problems(file, {"[lists.uk-tps]": f"[http]\n{http}\n[lists.uk-tps]"})
    assert any(says in problem for problem in found)


@pytest.mark.parametrize(
    "http",
    [
        'listen = "0.0.0.0:80"\npublished_on_loopback = true',
        'listen = "0.0.0.0:443"\npublic_url = "https://gate.example"\ntls_certificate = "c.pem"\ntls_key = "k.pem"',
        'listen = "10.0.0.2:80"\npublic_url = "https://gate.example"\ntrusted_proxies = ["10.0.0.1/32"]',
    ],
)
def test_beyond_loopback_it_listens_where_somebody_does_tls(file: Path, http: str) -> None:
    file.write_text(GOOD.replace("[lists.uk-tps]", f"[http]\n{http}\n[lists.uk-tps]"))
    assert not load(file, {}).http.listen.startswith("127.")
