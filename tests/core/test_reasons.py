"""The page of reason codes is the reasons."""

from pathlib import Path

from callgate.core.reasons import ALLOWING, SENTENCES, Reason

PAGE = Path(__file__).parents[2] / "docs" / "reasons.md"


def test_the_page_has_every_reason_with_its_sentence() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    outcomes = {reason: "allow" if reason in ALLOWING else "block" for reason in Reason}
    assert rows == [f"| `{reason}` | {outcomes[reason]} | {SENTENCES[reason]} |" for reason in Reason]
