"""A pack is read whole or not at all, and every line that is wrong is named."""

import pytest

from callgate import rules
from callgate.core.law import Origin, Status, Topic, by_region
from callgate.core.law.rule import NEEDED
from callgate.rules import BadPack, parse
from callgate.rules.schema import Rules

CITED = 'status = "statutory"\nsource = "an article"\nsure = "read"\n'
HEAD = 'country = "BE"\nchecked = 2026-11-24\nsince = 2026-01-01\n[zones]\nBE = ["Europe/Brussels"]\n'
BODY = "".join(
    f'[[{kind}]]\nname = "{kind.replace("_", "-")}"\n{CITED}{figures}\n'
    for kind, figures in {
        "hours": 'mon = ["10:00-13:00", "14:00-20:00"]',
        "days_off": "block = true",
        "prior_consent": "needed = false",
        "consent_age": "days = 365",
        "contact_caps": "max = 4",
        "caller_ids": "anonymous_forbidden = true",
        "abandoned": "percent = 3",
    }.items()
)
WHOLE = HEAD + BODY


def wrong_lines(text: str) -> list[str]:
    with pytest.raises(BadPack) as wrong:
        parse(text, "be.toml")
    return [str(line) for line in wrong.value.lines]


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


def test_the_smallest_pack_is_read() -> None:
    pack = parse(WHOLE, "be.toml")
    assert {rule.topic for rule in pack.rules} == set(NEEDED)
    assert {(rule.status, rule.origin) for rule in pack.rules} == {(Status.STATUTORY, Origin.PACK)}


@pytest.mark.parametrize(
    ("piece", "instead", "line", "says"),
    [
        ("max = 4", "max = -4", "max", "greater than or equal to 0"),
        ("max = 4", "max = 4\nmx = 5", "mx", "Extra inputs are not permitted"),
        ("needed = false", "", "[[prior_consent]]", "Field required"),
        ('"10:00-13:00"', '"10-13"', "mon", 'a window of the day is written "09:00-20:00"'),
        ('"10:00-13:00"', '"10:00-25:00"', "mon", 'a window of the day is written "09:00-20:00"'),
        ('"10:00-13:00"', '"10:00-24:30"', "mon", "by 24:00"),
        ('"10:00-13:00"', '"13:00-10:00"', "mon", "ends after it begins"),
        ('"10:00-13:00"', '"10:00-15:00"', "mon", "10:00-15:00 and 14:00-20:00 overlap"),
        ("block = true", 'block = true\nalso = ["02-30"]', "also", "the month 2 has no day 30"),
        ("block = true", 'block = true\nalso = ["5 December"]', "also", 'is written "12-05"'),
        ("Europe/Brussels", "Europe/Bruxelles", "BE =", "is no time zone"),
        ("BE =", "FR =", "[zones]", "names the clocks of BE itself"),
        ("days = 365", "days = 365\nvalid_to = 2025-01-01\neffective_from = 2026-01-01", "[[consent_age]]", "ends on"),
        (f'"days-off"\n{CITED}', '"days-off"\nsource = "an article"\n', "[[days_off]]", "says its status and how sure"),
        (
            "percent = 3",
            "percent = 3\nvalid_to = 2026-06-30",
            "since",
            "no rule about abandoned binds a consumer on 2026-07-01",
        ),
        ("percent = 3", 'percent = 3\nbinds = ["consumer", "company"]', "since", "binds a trader on 2026-01-01"),
        ("percent = 3", "percent = 3\neffective_from = 2026-03-01", "since", "on 2026-01-01"),
    ],
)
def test_a_line_that_is_wrong_is_named(piece: str, instead: str, line: str, says: str) -> None:
    text = WHOLE.replace(piece, instead, 1)
    (first, *_) = wrong_lines(text)
    assert first.startswith(f"be.toml:{line_of(text, line)}: ")
    assert says in first


def test_all_that_is_wrong_is_named_at_once() -> None:
    text = (
        WHOLE.replace("max = 4", "max = 0.5")
        .replace("block = true", 'block = "yes?"')
        .replace("days = 365", "days = 0")
    )
    places = [line.split(": ")[1] for line in wrong_lines(text)]
    assert places == ["days_off.0.block", "consent_age.0.days", "contact_caps.0.max"]


def test_what_is_no_toml_is_named_with_its_line() -> None:
    (only,) = wrong_lines(WHOLE + "[[hours\n")
    assert only.startswith(f"be.toml:{WHOLE.count(chr(10)) + 1}: not TOML")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('after = "refusal"', "one of hours, days and for_good"),
        ('after = "refusal"\nhours = 3\ndays = 2', "one of hours, days and for_good"),
        ('after = "refusal"\nfor_good = true\nthen_agent = true', "lifted by no agent"),
    ],
)
def test_a_cool_down_has_one_length(table: str, says: str) -> None:
    assert says in wrong_lines(f'{WHOLE}[[cool_downs]]\nname = "peace"\n{CITED}{table}\n')[0]


@pytest.mark.parametrize(
    ("unless", "says"),
    [
        ('{ source = "x" }', "names what it spares"),
        ('{ source = "x", consent = true, days = 3 }', "counted from a relation"),
    ],
)
def test_an_exception_says_whom_it_spares(unless: str, says: str) -> None:
    text = f'{WHOLE}[[lists]]\nname = "be-list"\n{CITED}max_age_days = 5\nunless = [{unless}]\n'
    assert says in wrong_lines(text)[0]


def test_two_versions_of_a_rule_follow_each_other() -> None:
    def version(span: str) -> str:
        return f'[[consent_age]]\nname = "age"\n{CITED}days = 9\n{span}\n'

    assert parse(WHOLE + version("valid_to = 2026-06-30") + version("effective_from = 2026-07-01"), "be.toml")
    (only,) = wrong_lines(WHOLE + version("valid_to = 2026-06-30") + version("effective_from = 2026-06-30"))
    assert "two versions of age are in force on 2026-06-30" in only


def test_an_operators_rule_has_a_reason_and_no_status() -> None:
    table = {"name": "mine", "source": "our own promise", "days": 30}
    ((_, mine),) = Rules.model_validate({"consent_age": [table]}).tables()
    assert mine.rule(Origin.OPERATOR).origin is Origin.OPERATOR
    ((_, dressed),) = Rules.model_validate({"consent_age": [table | {"status": "statutory"}]}).tables()
    with pytest.raises(ValueError, match="an operator's rule says its source only"):
        dressed.rule(Origin.OPERATOR)


@pytest.mark.parametrize("country", rules.COUNTRIES)
def test_every_pack_that_comes_with_callgate_is_read_and_speaks_of_everything(country: str) -> None:
    pack = rules.packs()[country]
    assert {*NEEDED, Topic.COOL_DOWN, Topic.RECORDING} <= {rule.topic for rule in pack.rules}
    assert all(rule.source for rule in pack.rules)
    assert all(rule.status is Status.NONE_FOUND for rule in pack.rules if rule.sure == "uncertain")


def test_no_two_packs_cover_one_region() -> None:
    packs = rules.packs().values()
    assert len(by_region(packs)) == sum(len(pack.zones) for pack in packs)
