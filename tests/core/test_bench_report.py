"""Figures of a benchmark: percentiles, targets, and what is written down."""

import json
from pathlib import Path

import pytest

from bench.report import Figure, meets, percentile, write


@pytest.mark.parametrize(("share", "expected"), [(0.50, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [
        (2.9, "< 3", True),
        (3.0, "< 3", False),
        (3.0, "<= 3", True),
        (3.1, "<= 3", False),
        (0.85, ">= 0.85", True),
        (0.84, ">= 0.85", False),
    ],
)
def test_a_target_is_met_up_to_its_limit(value: float, target: str, met: bool) -> None:
    assert meets(value, target) is met


def test_a_target_that_cannot_be_read_is_no_target() -> None:
    with pytest.raises(ValueError, match="neither"):
        meets(1, "about 3")


def test_a_figure_that_was_not_obtained_misses_its_target() -> None:
    assert not Figure("gate.p50", None, "ms", "ungated", 2.0, "< 3").ok


def test_figures_of_other_parts_stay_in_the_file_and_those_of_the_same_part_are_replaced(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    write(file, {}, [Figure("lists.rate", 5.0, "", "", None), Figure("gate.p50", 9.0, "ms", "", None)])
    write(file, {"cpus": 2}, [Figure("gate.p99", 6.0, "ms", "ungated", 2.0, "< 10")])
    written = json.loads(file.read_text())
    assert written["machine"] == {"cpus": 2}
    assert [figure["name"] for figure in written["figures"]] == ["lists.rate", "gate.p99"]
    assert written["figures"][1] == {
        "name": "gate.p99",
        "value": 6.0,
        "unit": "ms",
        "anchor": "ungated",
        "anchor_value": 2.0,
        "ratio": 3.0,
        "target": "< 10",
        "ok": True,
    }


def test_a_note_is_written_where_there_is_one() -> None:
    assert "note" not in Figure("gate.p50", 1.0, "ms", "", None).as_json()
    assert Figure("gate.p50", 1.0, "ms", "", None, note="seen once").as_json()["note"] == "seen once"
