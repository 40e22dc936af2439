"""What people's files look like, and what becomes of them: taken whole, or refused with the reason."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.bulk import Numbers
from callgate.registers import intake, source
from callgate.registers.errors import FileRefused
from callgate.registers.intake import Limits, Taken, take
from callgate.registers.layouts import LAYOUTS
from callgate.registers.reading import Reading, Tally

TEXT = Reading(LAYOUTS["text"], "BE")


def column(numbers: Iterable[int]) -> Numbers:
    return np.array(sorted(numbers), np.uint64)


def taken(
    folder: Path,
    content: str | bytes,
    reading: Reading = TEXT,
    in_force: Iterable[int] | None = None,
    limits: Limits = intake.DEFAULT,
) -> tuple[list[int], Taken, Tally]:
    path = folder / "list"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    tally = Tally()
    old = column(in_force) if in_force is not None else None
    result = take(str(path), reading, tally, in_force=old, folder=folder, limits=limits)
    assert [entry.name for entry in folder.iterdir()] == ["list"]
    return result.numbers.tolist(), result, tally


def refused(folder: Path, content: str | bytes, reading: Reading = TEXT, in_force: Iterable[int] | None = None) -> str:
    with pytest.raises(FileRefused) as error:
        taken(folder, content, reading, in_force)
    return str(error.value)


ANNA, BRAM, CLEO = 32470000001, 32470000002, 32470000003
LAX = Limits(max_broken=1, accept_shrink=True)


def of(layout: str, country: str, **options: str) -> Reading:
    return Reading(LAYOUTS[layout], country, column=options.get("column"), change=options.get("change"))


# Each register's file.


@pytest.mark.parametrize(
    ("reading", "content", "numbers"),
    [
        (TEXT, "0470000002\n+32470000001\n\n# ours\n0032 470/00.00.03 # Cleo\n", [ANNA, BRAM, CLEO]),
        (TEXT, "0470000001\r0470000002\r", [ANNA, BRAM]),
        (TEXT, "Telefoon\r\n0470000001\r\n", [ANNA]),
        (of("be-dncm", "BE"), "0470000001;2019-03-04\r\n0470000002;2026-11-01\r\n", [ANNA, BRAM]),
        (of("be-dncm", "BE"), "32470000001\t04/03/2019\n", [ANNA]),
        (of("be-dncm", "BE"), "number,date\n+32470000001,20190304\n", [ANNA]),
        (of("uk-tps", "GB"), "02079460123 \r\n01632960001 \r\n", [441632960001, 442079460123]),
        (
            of("uk-tps", "GB"),
            "0207 9460123\r\n01632 960001\r\n0800 111111 \r\n",
            [44800111111, 441632960001, 442079460123],
        ),
        (of("it-rpo", "IT"), "061234567\n3912345678\n", [39061234567, 393912345678]),
        (of("us-ftc", "US"), "202,5550123\n202,5550124\n", [12025550123, 12025550124]),
        (of("csv", "BE", column="gsm"), 'naam;GSM;x\n"Peeters; Jan";0470000001;1\n', [ANNA]),
        (of("csv", "BE", column="2"), 'naam,gsm\n"J ""P""","0470 00 00 01"\n', [ANNA]),
        (of("csv", "BE", column="2"), "jan|0470000001\nan|0470000002\n", [ANNA, BRAM]),
        (of("us-ftc-xml", "US"), "<list type='full'>\n<ac val='202'>\n<ph val='5550123'/></ac></list>", [12025550123]),
    ],
)
def test_a_file_is_read(tmp_path: Path, reading: Reading, content: str, numbers: list[int]) -> None:
    found, _, tally = taken(tmp_path, content, reading)
    assert found == numbers
    assert (tally.broken, tally.lines) == (0, len(numbers))


@pytest.mark.parametrize(
    "encoded",
    [
        "naam;gsm\nZoë;0470000001\n".encode("latin-1"),
        "naam;gsm\nZoë;0470000001\n".encode("utf-8-sig"),
        "naam;gsm\r\nZoë;0470000001\r\n".encode("utf-16"),
        "\ufeffnaam;gsm\r\nZoë;٠٤٧٠٠٠٠٠٠١\r\n".encode("utf-16-be"),
    ],
)
def test_any_usual_encoding_is_read(tmp_path: Path, encoded: bytes) -> None:
    assert taken(tmp_path, encoded, of("csv", "BE", column="gsm"))[0] == [ANNA]


def test_calling_codes_may_be_written_without_a_plus(tmp_path: Path) -> None:
    reading = Reading(LAYOUTS["text"], "NL", bare=True)
    assert taken(tmp_path, "32470000001\n31612345678\n", reading)[0] == [31612345678, ANNA]


# Lines that are broken.


def test_broken_lines_are_counted_and_described_without_what_stands_in_them(tmp_path: Path) -> None:
    lines = ["naam;gsm", "a;0470000001", "b;", "c;0470 00O 002", "d;112", '"e"x;0470000003', "f;0470000002"]
    reading = of("csv", "BE", column="gsm")
    found, _, tally = taken(tmp_path, "\n".join(lines), reading, limits=LAX)
    assert found == [ANNA, BRAM]
    assert (tally.lines, tally.broken) == (6, 4)
    assert tally.samples == [
        "line 3: 0 characters, no digit",
        "line 4: 12 characters, a letter at 8",
        "line 5: 3 characters, too short for its country",
        "line 6: 10 characters, the quotes leave its fields uncertain",
    ]


def test_only_some_broken_lines_are_described(tmp_path: Path) -> None:
    *_, tally = taken(tmp_path, "nobody\nx9\n" * 50 + "0470000001\n", limits=LAX)
    assert tally.broken == 99
    assert len(tally.samples) == 5


def test_lines_are_counted_through_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CHUNK", 1000)
    *_, tally = taken(tmp_path, "0470000001\n" * 20_000 + "q1\n" + "0470000001\n" * 9, limits=LAX)
    assert tally.samples == ["line 20001: 2 characters, a letter at 1"]


def test_a_file_that_is_something_else_altogether_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "CHUNK", 10_000)
    tally = Tally()
    (tmp_path / "list").write_text("nobody\n" * 50_000)
    with pytest.raises(FileRefused, match="lines are broken"):
        take(f"{tmp_path}/list", TEXT, tally, in_force=None, folder=tmp_path)
    assert tally.lines < 20_000


@pytest.mark.parametrize(("broken", "good", "passes"), [(1, 999, True), (2, 999, False), (0, 1, True), (1, 1, False)])
def test_more_than_a_thousandth_of_broken_lines_refuses_the_file(
    tmp_path: Path, broken: int, good: int, passes: bool
) -> None:
    content = "".join(f"0470000{number:03}\n" for number in range(good)) + "q1\n" * broken
    if passes:
        assert len(taken(tmp_path, content)[0]) == good
    else:
        assert "lines are broken" in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("reading", "content", "says"),
    [
        (TEXT, "", "holds no number"),
        (TEXT, "\n# nothing\n  \n", "holds no number"),
        (of("csv", "BE", column="gsm"), "naam;tel\na;0470000001\n", "naam, tel"),
        (of("csv", "BE", column="gsm"), "a;0470000001\n", "no headings"),
        (of("us-ftc", "US"), "202,5550123,2026-11-01,D\n", "lines are broken"),  # changes are no full list
        (of("us-ftc-changes", "US"), "202,5550123\n", "lines are broken"),  # and the other way round
        (of("us-ftc-xml", "US"), "202,5550123", "not XML"),
        (of("us-ftc-xml", "US"), '<list><ac val="202"><ph val="5550123"/>', "not XML"),
        (of("us-ftc-xml", "US"), '<!DOCTYPE x [<!ENTITY a "b">]><x/>', "document type"),
        (of("us-ftc-xml", "US"), '<x><ph val="1"/><ph val="2" change="A"/></x>', "either a full list or changes"),
        (of("csv", "BE", column="2"), 'a;0470000001\n"b;' + "0470000002\n" * 9000, "line 2: a record of more than"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, reading: Reading, content: str, says: str) -> None:
    assert says in refused(tmp_path, content, reading)


def test_utf_16_that_breaks_off_is_refused(tmp_path: Path) -> None:
    assert "UTF-16" in refused(tmp_path, "0470000001\n".encode("utf-16")[:-1])


def test_a_column_of_dates_is_no_list(tmp_path: Path) -> None:
    # Eight digits are a possible Belgian number; but a register does not hold the same ones again and again.
    content = "".join(f"2024-03-{number % 20 + 10};0470000{number:03}\n" for number in range(100))
    assert "another column" in refused(tmp_path, content, of("be-dncm", "BE"))
    assert len(taken(tmp_path, content, of("csv", "BE", column="2"))[0]) == 100


# Beside the version in force.


def test_what_came_and_went_is_counted(tmp_path: Path) -> None:
    _, result, _ = taken(tmp_path, "0470000002\n0470000003\n", in_force=[ANNA, BRAM])
    assert (result.new, result.gone) == (1, 1)


@pytest.mark.parametrize(("left", "passes"), [(8, True), (7, False)])
def test_a_list_that_shrank_to_less_than_four_fifths_is_refused(tmp_path: Path, left: int, passes: bool) -> None:
    old = [32470000000 + n for n in range(10)]
    content = "".join(f"+{number}\n" for number in old[:left])
    if passes:
        assert taken(tmp_path, content, in_force=old)[0] == old[:left]
    else:
        assert "--accept-shrink" in refused(tmp_path, content, in_force=old)
        assert taken(tmp_path, content, in_force=old, limits=Limits(accept_shrink=True))[0] == old[:left]


CHANGES = of("us-ftc-changes", "US")


def test_changes_give_a_full_version(tmp_path: Path) -> None:
    content = "202,5550101,2026-11-01,D\n202,5550199,2026-11-01,A\n202,5550102,2026-11-02,D\n202,5550102,2026-11-03,A\n"
    old = [12025550100 + n for n in range(10)]
    found, result, _ = taken(tmp_path, content, CHANGES, in_force=old)
    assert found == sorted({*old, 12025550199} - {12025550101})
    assert (result.new, result.gone) == (1, 1)


def test_changes_come_as_xml_too(tmp_path: Path) -> None:
    content = '<list><ac val="202"><ph val="5550101" change="D"/><ph val="5550199" change="A"/></ac></list>'
    old = [12025550100 + n for n in range(10)]
    found, *_ = taken(tmp_path, content, of("us-ftc-xml", "US"), in_force=old)
    assert found == sorted({*old, 12025550199} - {12025550101})


def test_any_column_may_say_what_changed(tmp_path: Path) -> None:
    reading = of("csv", "BE", column="gsm", change="actie")
    found, *_ = taken(tmp_path, "gsm;actie\n0470000002;added\n0470000001;ADD\n", reading, in_force=[CLEO])
    assert found == [ANNA, BRAM, CLEO]


def test_changes_without_a_version_that_they_change_are_refused(tmp_path: Path) -> None:
    assert "import the full list first" in refused(tmp_path, "202,5550101,2026-11-01,A\n", CHANGES)


def test_changes_that_leave_nobody_are_refused(tmp_path: Path) -> None:
    old = [12025550101]
    assert "no number would be left" in refused(tmp_path, "202,5550101,2026-11-01,D\n", CHANGES, in_force=old)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60), st.sets(st.integers(0, 20), min_size=1))
def test_the_last_of_several_changes_holds(changes: list[tuple[int, bool]], old: set[int]) -> None:
    expected = set(old)
    for number, added in changes:
        (expected.add if added else expected.discard)(number)
    with TemporaryDirectory() as folder:
        collected = intake.Changes()
        for number, added in changes:
            collected.add(column([number]), np.array([added]))
        if changes:
            assert collected.applied(column(old), Path(folder)).tolist() == sorted(expected)
