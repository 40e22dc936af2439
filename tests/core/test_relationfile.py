"""A file of relations: whole or not at all, by person, and nothing that a campaign or a law could not mean."""

from datetime import UTC, datetime

import pytest

from callgate.core import legal
from callgate.core.law import Related
from callgate.core.law.terms import Relation
from callgate.core.policy import Campaign
from callgate.core.purpose import Purpose
from callgate.core.relationfile import Stated, read
from callgate.core.wholefile import BadFile

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
ANNA, BRAM = "+33199001234", "+33199001235"
HEAD = "number,relation,about,since,until,proof"


def day(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def test_the_lines_of_a_person_are_one_statement() -> None:
    lines = [
        HEAD,
        "0199001234,contract,heating,2025-01-01,,contract 7",
        "0199001235,enquiry,solar,2026-11-23T18:00:00+01:00,,form 2",
        f"{ANNA},customer,solar,2024-05-01,2026-12-01,invoice 9",
    ]
    heating = Related(Relation.CONTRACT, "heating", day("2025-01-01"))
    solar = Related(Relation.CUSTOMER, "solar", day("2024-05-01"), day("2026-12-01"))
    asked = Related(Relation.ENQUIRY, "solar", datetime(2026, 11, 23, 17, tzinfo=UTC))
    assert read(lines, "FR", NOW) == [
        Stated(ANNA, (heating, solar), ("contract 7", "invoice 9")),
        Stated(BRAM, (asked,), ("form 2",)),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("12,contract,heating,2025-01-01,,p", "number: "),
        ("0199001234,friend,heating,2025-01-01,,p", "there are contract, customer, enquiry, interest"),
        ("0199001234,contract,,2025-01-01,,p", "about is no name"),
        ("0199001234,contract,Heating!,2025-01-01,,p", "about is no name"),
        ("0199001234,contract,heating,2026-11-25,,p", "since is in the future"),
        ("0199001234,contract,heating,2025-01-01T10:00,,p", "since has no zone"),
        ("0199001234,contract,heating,2025-01-01,2025-01-01,p", "until is not after since"),
        ("0199001234,contract,heating,2025-01-01,,", "proof is missing"),
        ("0199001234,contract,heating", "3 fields, and the first line has 6"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_read(line: str, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        read([HEAD, "0199001235,contract,heating,2025-01-01,,p", line], "FR", NOW)
    (fault,) = refused.value.faults
    assert fault.startswith("line 3: ")
    assert says in fault
    assert "0199001234" not in fault


CONTRACT = Related(Relation.CONTRACT, "heating", day("2025-01-01"), day("2026-11-24"))
BEFORE, AFTER = day("2026-11-23"), day("2026-11-24")


@pytest.mark.parametrize(
    ("about", "related", "at", "counting"),
    [
        ("heating", [CONTRACT], BEFORE, {Relation.CONTRACT: day("2025-01-01")}),
        ("heating", [CONTRACT], AFTER, {}),
        ("heating", [CONTRACT], day("2024-12-31"), {}),
        ("solar", [CONTRACT], BEFORE, {}),
        ("", [CONTRACT], BEFORE, {}),
        ("", [CONTRACT._replace(about="")], BEFORE, {}),
        ("heating", [], BEFORE, {}),
        (
            "heating",
            [CONTRACT._replace(since=day("2026-06-01"), until=None), CONTRACT],
            BEFORE,
            {Relation.CONTRACT: day("2026-06-01")},
        ),
    ],
)
def test_a_relation_counts_while_it_lasts_for_a_campaign_about_the_same(
    about: str, related: list[Related], at: datetime, counting: dict[Relation, datetime]
) -> None:
    campaign = Campaign("spring", "acme", Purpose.MARKETING, {}, {}, {}, "", about=about)
    assert legal.relations(campaign, related, at) == counting
