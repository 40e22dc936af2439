"""Rules in words, and the documentation that is made of them."""

import re
from pathlib import Path

import pytest

from callgate import rules
from callgate.core.law.wording import say, table

LAW = Path(__file__).parents[3] / "docs" / "law.md"


@pytest.mark.parametrize("country", rules.COUNTRIES)
def test_the_tables_in_the_documentation_are_the_packs(country: str) -> None:
    shown = re.search(rf"<!-- {country} -->\n(.*?)\n<!-- /{country} -->", LAW.read_text(encoding="utf-8"), re.DOTALL)
    assert shown, f"docs/law.md has no table of {country}"
    assert shown[1] == table(rules.packs()[country])


@pytest.mark.parametrize(
    ("country", "rule", "says"),
    [
        ("NL", "hours", "05-04 within 00:00-18:30; 12-05 within 00:00-18:30; 12-24 within 00:00-18:30"),
        ("IT", "hours", "before a day off within 10:00-19:00"),
        ("FR", "days-off-alsace-moselle", "no calls on public holidays: those of 57, 6AE; lifted by an appointment"),
        ("IE", "prior-consent", "prior consent; unless fixed (consumer)"),
        ("DE", "contact-cap-campaign", "30 attempts ever, in one campaign"),
        ("IT", "after-abandoned", "in peace after abandoned: 5 days, then with an agent"),
        ("US", "prior-consent-automated", "prior consent to what a machine dials"),
    ],
)
def test_a_rule_is_said_in_a_line(country: str, rule: str, says: str) -> None:
    assert any(says in say(each) for each in rules.packs()[country].rules if each.name == rule)
